"use strict";
// The table that shows which partitions of the warehouse are fresh: a row for each table, a column for each date.

const FRESHNESS_SIGNS = { fresh: "✓", stale: "!", leaky: "!", missing: "×" };

async function showFreshness(dataset) {
  byId("warehouse").hidden = false;
  try {
    const grid = await ask("data/freshness", [["dataset", dataset]]);
    if (state.data.dataset === dataset) freshnessTable(grid); // unless the user has chosen another meanwhile
  } catch (error) {
    if (state.data.dataset !== dataset) return;
    byId("warehouse-summary").textContent = error.message;
    byId("freshness").replaceChildren();
  }
}

function freshnessTable(grid) {
  byId("warehouse-place").textContent = `dataset ${grid.dataset} in ${grid.warehouse}`;
  byId("warehouse").querySelectorAll(".note:not(h2 *)").forEach((note) => (note.hidden = !grid.dates.length));
  byId("cell-note").textContent = "Point at a cell to see its state and its number of rows.";
  if (!grid.dates.length) {
    byId("warehouse-summary").textContent =
      grid.dataset === grid.own_dataset
        ? "Nothing is published yet. Start the DAG antm2c_etl_history for the dates that have raw logs, then antm2c_retrain."
        : `This warehouse has no tables of this dataset: this Airflow works on the dataset ${grid.own_dataset}.`;
    byId("freshness").replaceChildren();
    byId("causes").replaceChildren();
    return;
  }
  const { fresh, stale, leaky, missing } = grid.counts;
  const earlier = grid.first_date < grid.dates[0] ? ` (the first date is ${grid.first_date})` : "";
  byId("warehouse-summary").textContent =
    `${counted(fresh)} partitions are fresh, ${counted(stale + leaky)} stale or leaky and ${counted(missing)} missing from ${grid.dates[0]} to ${grid.dates.at(-1)}${earlier}.`;
  showCauses(grid);
  const head = element("tr");
  head.append(element("th", "", "table"), ...grid.dates.map((date) => Object.assign(element("th", date.slice(5)), { title: date })));
  const lines = grid.tables.map(({ table, cells }) => {
    const line = element("tr");
    line.append(element("th", table, "table"), ...cells.map((cell, i) => freshnessCell(table, grid.dates[i], cell)));
    return line;
  });
  byId("freshness").replaceChildren(head, ...lines);
  const scroll = byId("freshness-scroll");
  scroll.scrollLeft = scroll.scrollWidth;
}

function showCauses(grid) {
  const limit = 8;
  const sentences = grid.causes.slice(0, limit);
  if (grid.causes.length > limit) sentences.push(`and ${grid.causes.length - limit} more causes; python -m warehouse status lists all of them.`);
  if (grid.rerun) sentences.push(`To repair these partitions, run the DAG antm2c_etl_history from ${grid.rerun[0]} to ${grid.rerun[1]}.`);
  byId("causes").replaceChildren(...sentences.map((sentence) => element("li", sentence)));
}

function freshnessCell(table, date, cell) {
  const place = element("td");
  const sign = element("span", cell ? FRESHNESS_SIGNS[cell.state] : "·", `cell ${cell ? cell.state : "none"}`);
  const facts = !cell
    ? "no partition for this date"
    : [cell.state, cell.reason && `: ${cell.reason}`, cell.rows !== null && `, ${counted(cell.rows)} rows`].filter(Boolean).join("");
  sign.title = `${table} ${date}: ${facts}`;
  sign.addEventListener("mouseenter", () => (byId("cell-note").textContent = sign.title));
  sign.addEventListener("click", () => (byId("cell-note").textContent = sign.title));
  place.append(sign);
  return place;
}
