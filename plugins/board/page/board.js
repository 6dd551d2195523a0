"use strict";
// The page: asks the server, keeps what is chosen, and lays out what came.

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross"];
const SIGNS = ["●", "■", "◆", "▲", "▼", "✚"];
const FRESHNESS_SIGNS = { fresh: "✓", stale: "!", missing: "×" };

const byId = (id) => document.getElementById(id);
const state = { data: null, details: new Map(), ticked: new Set(), models: new Set(), opened: null };

function element(tag, text = "", classes = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = classes;
  return made;
}

async function ask(path, parameters = []) {
  const query = new URLSearchParams(parameters.filter(([, value]) => value)).toString();
  const answer = await fetch(query ? `${path}?${query}` : path, { credentials: "same-origin" });
  if (answer.status === 401) throw new Error("Your session has ended: sign in to Airflow again.");
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof content.detail === "string" ? content.detail : `The server answered ${answer.status}.`);
  return content;
}

function notify(error) {
  byId("notices").append(element("div", error.message, "notice"));
}

async function load(parameters) {
  try {
    state.data = await ask("data/runs", parameters);
  } catch (error) {
    notify(error);
    if (!parameters.length) return;
    state.data = await ask("data/runs");
  }
  const { data } = state;
  const opened = data.runs.find((run) => run.name === state.opened);
  state.models = new Set(data.models);
  const newest = new Map();
  for (const run of [...(opened ? [opened] : []), ...data.runs]) if (!newest.has(run.model)) newest.set(run.model, run.name);
  state.ticked = new Set(newest.values());
  byId("no-runs").hidden = data.datasets.length > 0;
  byId("board").hidden = byId("filters").hidden = data.datasets.length === 0;
  byId("artifacts").textContent = data.artifacts;
  showBroken();
  await Promise.all([data.datasets.length ? showRuns() : null, showFreshness()]);
}

async function showRuns() {
  const { data } = state;
  options(byId("dataset"), data.datasets, data.dataset);
  options(byId("as-of"), data.dates, data.as_of);
  byId("shown-date").textContent = data.as_of;
  byId("models").replaceChildren(byId("models").firstElementChild, ...data.models.map(modelChoice));
  runsTable();
  await showPlots();
}

function options(select, values, chosen) {
  select.replaceChildren(...values.map((value) => new Option(value, value, false, value === chosen)));
}

function modelChoice(model) {
  const label = element("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: state.models.has(model) });
  box.addEventListener("change", () => {
    state.models[box.checked ? "add" : "delete"](model);
    runsTable();
    showPlots().catch(notify);
  });
  label.append(box, model);
  return label;
}

function styleOf(model) {
  const number = Math.max(state.data.models.indexOf(model), 0);
  const colours = themeColours().models;
  return { colour: colours[number % colours.length], symbol: SYMBOLS[number % SYMBOLS.length], sign: SIGNS[number % SIGNS.length] };
}

// Models side by side: grouped by model, in each the newest first, as they came.
const chosenRuns = () => state.data.models.filter((model) => state.models.has(model))
  .flatMap((model) => state.data.runs.filter((run) => run.model === model));

function runsTable() {
  const columns = [
    ["Model", "text", (run) => modelCell(run)],
    ["Report", "text", (run) => reportLink(run)],
    ["AUC", "", (run) => shown(run.auc)],
    [INTERVAL, "interval", (run) => (run.auc_low === null ? "–" : span(run))],
    ["Share", "", (run) => (run.share === null ? "–" : `${(100 * run.share).toFixed(1)}%`)],
    ["GAUC", "", (run) => shown(run.gauc)],
    ["Log loss", "", (run) => shown(run.logloss)],
    ["ECE", "", (run) => shown(run.ece)],
    ["Rows", "", (run) => counted(run.rows)],
    ["Clicked", "", (run) => counted(run.positives)],
    ["Started (UTC)", "", (run) => startedAt(run)],
  ];
  const head = element("tr");
  head.append(...columns.map(([title, kind]) => element("th", title, kind)));
  const lines = chosenRuns().map((run) => {
    const line = element("tr", "", run.name === state.opened ? "opened" : "");
    line.append(...columns.map(([, kind, content]) => {
      const cell = element("td", "", kind);
      cell.append(content(run));
      return cell;
    }));
    return line;
  });
  byId("runs").replaceChildren(element("thead"), element("tbody"));
  byId("runs").tHead.append(head);
  byId("runs").tBodies[0].append(...lines);
}

const startedAt = (run) => new Date(run.started_at).toISOString().slice(0, 16).replace("T", " ");

function modelCell(run) {
  const style = styleOf(run.model);
  const label = element("label");
  label.title = run.name;
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: state.ticked.has(run.name) });
  box.addEventListener("change", () => {
    state.ticked[box.checked ? "add" : "delete"](run.name);
    showPlots().catch(notify);
  });
  const key = element("span", ` ${style.sign}`, "key");
  key.style.color = style.colour;
  label.append(box, key, run.model);
  return label;
}

function reportLink(run) {
  const link = element("a", "open");
  link.href = `reports/${encodeURIComponent(run.name)}`;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const dialog = byId("report");
    dialog.querySelector("h2").textContent = run.name;
    dialog.querySelector("iframe").src = link.href;
    dialog.showModal();
  });
  return link;
}

async function showPlots() {
  const runs = chosenRuns().filter((run) => state.ticked.has(run.name));
  const unknown = runs.filter((run) => !state.details.has(run.name)).map((run) => ["run", run.name]);
  if (unknown.length) {
    for (const detail of await ask("data/segments", unknown)) state.details.set(detail.name, detail);
  }
  const plotted = runs.map((run) => plottedRun(run, runs));
  for (const id of ["overall", "by-scene", "by-user", "by-item"]) byId(id).closest("section").hidden = !plotted.length;
  byId("heat-run").closest("section").hidden = !plotted.length;
  showHistory();
  showAlpha(plotted.filter((run) => Object.keys(run.alpha_by).length));
  if (!plotted.length) return;
  const scenes = [...new Set(plotted.flatMap((run) => [...run.segments.values()].map((line) => line.scene)))]
    .filter(Boolean).sort((a, b) => Number(a) - Number(b));
  const levels = (kind, at) => LEVELS.map((level) => ({ label: level, key: segmentKey(kind, "", ...at(level)), best: [kind, level] }));
  drawOverall("overall", plotted);
  drawGroups("by-scene", plotted, scenes.map((scene) => ({ label: `scene ${scene}`, key: segmentKey("scene", scene), best: ["scene", scene] })), 340);
  drawGroups("by-user", plotted, levels("user_level", (level) => [level, ""]), 340);
  drawGroups("by-item", plotted, levels("item_level", (level) => ["", level]), 340);
  showHeat(plotted, scenes);
}

function plottedRun(run, among) {
  const detail = state.details.get(run.name);
  const sameModel = among.filter((other) => other.model === run.model);
  const style = styleOf(run.model);
  return {
    ...run,
    ...style,
    label: sameModel.length > 1 ? `${run.model} ${startedAt(run)}` : run.model,
    symbol: sameModel.indexOf(run) > 0 ? `${style.symbol}-open` : style.symbol,
    segments: new Map(detail.segments.map((line) => [segmentKey(line.segment, line.scene, line.user_level, line.item_level), line])),
    best_by: detail.best_by,
    alpha_by: detail.alpha_by,
  };
}

function showHistory() {
  const points = state.data.history.filter((point) => state.models.has(point.model));
  const models = state.data.models.filter((model) => state.models.has(model));
  byId("history").closest("section").hidden = !points.length;
  if (points.length) drawHistory("history", points, models, styleOf);
}

function showAlpha(runs) {
  byId("alpha").hidden = !runs.length;
  byId("alpha-note").textContent = runs.length
    ? "Mean of a in (1 - a) × backbone + a × content, on logits: how far the texts decide."
    : "None of the ticked runs has a content tower. The models whose names end in _content do.";
  if (runs.length) drawAlpha("alpha", runs);
}

function showHeat(plotted, scenes) {
  const select = byId("heat-run");
  const chosen = plotted.find((run) => run.name === select.value) ?? plotted.find((run) => run.name === state.opened) ?? plotted[0];
  select.replaceChildren(...plotted.map((run) => new Option(run.label, run.name, false, run === chosen)));
  const redraw = () => {
    const run = plotted.find((other) => other.name === select.value);
    drawHeat("heat-user", run, scenes, "user_level");
    drawHeat("heat-item", run, scenes, "item_level");
  };
  select.onchange = redraw;
  redraw();
}

function showBroken() {
  const { broken } = state.data;
  const list = byId("broken");
  list.hidden = !broken.length;
  list.querySelector("summary").textContent =
    broken.length === 1 ? "One run cannot be shown" : `${broken.length} runs cannot be shown`;
  list.querySelector("ul").replaceChildren(...broken.map((sentence) => element("li", sentence)));
  if (!state.data.datasets.length) broken.forEach((sentence) => notify(new Error(sentence)));
}

async function showFreshness() {
  byId("warehouse").hidden = false;
  try {
    freshnessTable(await ask("data/freshness", [["dataset", state.data.dataset]]));
  } catch (error) {
    byId("warehouse-summary").textContent = error.message;
    byId("freshness").replaceChildren();
  }
}

function freshnessTable(grid) {
  byId("warehouse-place").textContent = `dataset ${grid.dataset} in ${grid.warehouse}`;
  byId("warehouse").querySelector(".legend").hidden = !grid.dates.length;
  if (!grid.dates.length) {
    byId("warehouse-summary").textContent =
      "Nothing is published yet. Start the DAG antm2c_etl_history for the dates whose raw logs have arrived, then antm2c_retrain.";
    byId("freshness").replaceChildren();
    return;
  }
  const { fresh, stale, missing } = grid.counts;
  const earlier = grid.first_date < grid.dates[0] ? `, of a history that began on ${grid.first_date}` : "";
  byId("warehouse-summary").textContent =
    `${counted(fresh)} partitions fresh, ${counted(stale)} stale, ${counted(missing)} missing; ${grid.dates[0]} to ${grid.dates.at(-1)}${earlier}.`;
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

function freshnessCell(table, date, cell) {
  const place = element("td");
  const sign = element("span", cell ? FRESHNESS_SIGNS[cell.state] : "·", `cell ${cell ? cell.state : "none"}`);
  const facts = !cell
    ? "no partition on this date"
    : [cell.state, cell.cause && `: ${cell.cause}`, cell.rows !== null && `, ${counted(cell.rows)} rows`].filter(Boolean).join("");
  sign.title = `${table} ${date}: ${facts}`;
  sign.addEventListener("mouseenter", () => (byId("cell-note").textContent = sign.title));
  sign.addEventListener("click", () => (byId("cell-note").textContent = sign.title));
  place.append(sign);
  return place;
}

function followAirflowsTheme() {
  // Inside Airflow its own light and dark switch decides; elsewhere the system's.
  const chosen = window.parent === window ? null : localStorage.getItem("theme");
  document.documentElement.style.colorScheme = ["light", "dark"].includes(chosen) ? chosen : "";
}

function redrawInTheme() {
  followAirflowsTheme();
  if (!state.data?.datasets.length) return;
  runsTable();
  showPlots().catch(notify);
}

function open(parameters) {
  byId("notices").replaceChildren();
  const query = new URLSearchParams(parameters.filter(([, value]) => value));
  window.history.replaceState(null, "", query.size ? `?${query}` : window.location.pathname);
  load(parameters).catch(notify);
}

byId("dataset").addEventListener("change", () => {
  state.opened = null;
  open([["dataset", byId("dataset").value]]);
});
byId("as-of").addEventListener("change", () => {
  state.opened = null;
  open([["dataset", byId("dataset").value], ["as_of", byId("as-of").value]]);
});
byId("report").querySelector("button").addEventListener("click", () => byId("report").close());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawInTheme);
window.addEventListener("storage", redrawInTheme);
followAirflowsTheme();
const asked = new URLSearchParams(window.location.search);
state.opened = asked.get("run");
open(["run", "dataset", "as_of"].filter((name) => asked.has(name)).map((name) => [name, asked.get(name)]));
