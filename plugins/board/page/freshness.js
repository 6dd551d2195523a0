"use strict";
// The warehouse: tables by dates.

const FRESHNESS_SIGNS = { fresh: "✓", stale: "!", leaky: "!", missing: "×" };

async function showFreshness(dataset) {
  byId("warehouse").hidden = false;
  try {
    const grid = await ask("data/freshness", [["dataset", dataset]]);
    if (state.data.dataset === dataset) freshnessTable(grid); // else another was chosen meanwhile
  } catch (error) {
    if (state.data.dataset !== dataset) return;
    byId("warehouse-summary").textContent = error.message;
    byId("freshness").replaceChildren();
  }
}

function freshnessTable(grid) {
  byId("warehouse-place").textContent = `dataset ${grid.dataset} in ${grid.warehouse}`;
  byId("warehouse").querySelectorAll(".note:not(h2 *)").forEach((note) => (note.hidden = !grid.dates.length));
  byId("cell-note").textContent = "Point at a cell for its reason and its rows.";
  if (!grid.dates.length) {
    byId("warehouse-summary").textContent =
      grid.dataset === grid.own_dataset
        ? "Nothing is published yet. Start the DAG antm2c_etl_history for the dates whose raw logs have arrived, then antm2c_retrain."
        : `Nothing of it is published here: this Airflow works on the dataset ${grid.own_dataset}.`;
    byId("freshness").replaceChildren();
    byId("causes").replaceChildren();
    return;
  }
  const { fresh, stale, leaky, missing } = grid.counts;
  const earlier = grid.first_date < grid.dates[0] ? `, of a history that began on ${grid.first_date}` : "";
  byId("warehouse-summary").textContent =
    `${counted(fresh)} partitions fresh, ${counted(stale + leaky)} stale or leaky, ${counted(missing)} missing; ${grid.dates[0]} to ${grid.dates.at(-1)}${earlier}.`;
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
  const most = 8;
  const sentences = grid.causes.slice(0, most);
  if (grid.causes.length > most) sentences.push(`and ${grid.causes.length - most} more causes: python -m warehouse status names all.`);
  if (grid.rerun) sentences.push(`To mend them, run the DAG antm2c_etl_history from ${grid.rerun[0]} to ${grid.rerun[1]}.`);
  byId("causes").replaceChildren(...sentences.map((sentence) => element("li", sentence)));
}

function freshnessCell(table, date, cell) {
  const place = element("td");
  const sign = element("span", cell ? FRESHNESS_SIGNS[cell.state] : "·", `cell ${cell ? cell.state : "none"}`);
  const facts = !cell
    ? "no partition on this date"
    : [cell.state, cell.reason && `: ${cell.reason}`, cell.rows !== null && `, ${counted(cell.rows)} rows`].filter(Boolean).join("");
  sign.title = `${table} ${date}: ${facts}`;
  sign.addEventListener("mouseenter", () => (byId("cell-note").textContent = sign.title));
  sign.addEventListener("click", () => (byId("cell-note").textContent = sign.title));
  place.append(sign);
  return place;
}
