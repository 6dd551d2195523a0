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
    byId("lacks").hidden = true;
    byId("freshness").replaceChildren();
  }
}

// What is missing or stale stands at the top of the page, with what to do about it.
function showLacks(grid, summary) {
  byId("lacks").hidden = !grid.mending.length;
  byId("lacks-summary").textContent = summary;
  byId("mending").replaceChildren(...grid.mending.map((sentence) => element("li", sentence)));
  byId("to-warehouse").hidden = !grid.dates.length;
}

function freshnessTable(grid) {
  byId("warehouse-place").textContent = `dataset ${grid.dataset} in ${grid.warehouse}`;
  byId("warehouse").hidden = !grid.dates.length;
  if (!grid.dates.length) {
    showLacks(grid, "");
    return;
  }
  const { fresh, stale, leaky, missing } = grid.counts;
  const earlier = grid.first_date < grid.dates[0] ? ` (the first date is ${grid.first_date})` : "";
  const others = Object.entries({ stale, leaky, missing }).filter(([, number]) => number).map(([state, number]) => `, ${counted(number)} ${state}`);
  const summary = `Partitions from ${grid.dates[0]} to ${grid.dates.at(-1)}${earlier}: ${others.length ? "" : "all "}${counted(fresh)} fresh${others.join("")}.`;
  byId("warehouse-summary").textContent = summary;
  showLacks(grid, summary);
  showCauses(grid);
  const head = element("tr");
  head.append(headCell("Table", "table"), ...grid.dates.map((date) => Object.assign(headCell(date.slice(5)), { title: date })));
  const lines = grid.tables.map(({ table, cells }) => {
    const line = element("tr");
    const name = Object.assign(element("th", table, "table"), { scope: "row" });
    line.append(name, ...cells.map((cell, i) => freshnessCell(table, grid.dates[i], cell)));
    return line;
  });
  byId("freshness").replaceChildren(head, ...lines);
  byId("freshness").querySelector("td").tabIndex = 0;
  const scroll = byId("freshness-scroll");
  scroll.scrollLeft = scroll.scrollWidth;
}

function showCauses(grid) {
  const limit = 8;
  const sentences = grid.causes.slice(0, limit);
  if (grid.causes.length > limit) sentences.push(`and ${grid.causes.length - limit} more causes; python -m warehouse status lists all of them.`);
  byId("causes").replaceChildren(...sentences.map((sentence) => element("li", sentence)));
}

function freshnessCell(table, date, cell) {
  const place = element("td");
  const sign = element("span", cell ? FRESHNESS_SIGNS[cell.state] : "·", `cell ${cell ? cell.state : "none"}`);
  if (cell && cell.rows !== null) sign.append(element("small", ` ${SHORT.format(cell.rows)}`));
  const facts = !cell
    ? "no partition for this date"
    : [cell.state, cell.reason && `: ${cell.reason}`, cell.rows !== null && `, ${counted(cell.rows)} rows`].filter(Boolean).join("");
  place.title = `${table} ${date}: ${facts}`;
  place.setAttribute("aria-label", place.title);
  place.tabIndex = -1; // one cell is reached with Tab, the others with the arrow keys
  for (const event of ["mouseenter", "focus", "click"]) place.addEventListener(event, () => (byId("cell-note").textContent = place.title));
  place.append(sign);
  return place;
}

const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 });
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

byId("freshness").addEventListener("keydown", (event) => {
  const [down, right] = STEPS[event.key] ?? [];
  const from = event.target.closest("td");
  if (down === undefined || !from) return;
  const to = byId("freshness").rows[from.parentElement.rowIndex + down]?.cells[from.cellIndex + right];
  event.preventDefault();
  if (to?.tagName !== "TD") return;
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
});
