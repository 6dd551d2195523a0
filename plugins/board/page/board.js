"use strict";
// The page: fetches the data from the server, keeps the choices of the user and shows both.

const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "x", "triangle-left", "triangle-right", "pentagon", "hexagon"];
const SIGNS = ["●", "■", "◆", "▲", "▼", "✚", "★", "✖", "◀", "▶", "⬟", "⬢"];
const MOST_AT_ONCE = 24; // runs that the server takes in one request

// primary: a run of each model, the opened one or else the newest. ticked: the runs in the plots. models: those shown.
// opened: the run named in the page's address. leads: by the run's name, over the champion. watched: it over dates.
const state = { request: null, data: null, champion: null, watched: null, leads: new Map(), details: new Map(), primary: new Set(), ticked: new Set(), models: new Set(), opened: null };

function notify(error) {
  byId("loading").hidden = true;
  byId("notices").append(element("div", error.message, "notice"));
}

async function load(parameters) {
  const request = (state.request = parameters);
  let data;
  try {
    data = await ask("data/runs", parameters);
  } catch (error) {
    if (state.request !== request) return;
    notify(error);
    if (!parameters.length) return;
    data = await ask("data/runs");
  }
  if (state.request !== request) return; // the user has chosen something else meanwhile
  state.data = data;
  byId("loading").hidden = true;
  const opened = data.runs.find((run) => run.name === state.opened);
  state.models = new Set(data.models);
  const primary = new Map();
  for (const run of [...(opened ? [opened] : []), ...data.runs]) if (!primary.has(run.model)) primary.set(run.model, run.name);
  state.primary = new Set(primary.values());
  state.ticked = new Set(state.primary);
  byId("no-runs").hidden = data.datasets.length > 0;
  byId("board").hidden = byId("filters").hidden = data.datasets.length === 0;
  byId("artifacts").textContent = data.artifacts;
  showBroken();
  state.champion = null;
  state.watched = null;
  drawWatched();
  state.leads.clear();
  byId("champion").hidden = true;
  const runs = data.datasets.length ? [showRuns(), showChampion(data.dataset), showWatch(data.dataset)] : [];
  await Promise.all([...runs, showFreshness(data.dataset)]);
}

// The page does not wait for the champion: the model registry may be on another, slow server.
async function showChampion(dataset) {
  const champion = await ask("data/champion", [["dataset", dataset]]).catch(notify);
  if (!champion || state.data.dataset !== dataset) return;
  state.champion = champion.run;
  runsTable();
  showLeads(dataset).catch(notify);
  const description = champion.model ? `${champion.model}, as of ${champion.as_of}` : `${champion.run}, whose folder is gone`;
  byId("champion").replaceChildren(element("span", "★", "champion"), ` Champion of ${dataset}: ${description} (version ${champion.version}).`);
  if (champion.model && champion.as_of !== state.data.as_of) byId("champion").append(" ", linkToChampion(champion, dataset));
  byId("champion").hidden = false;
}

// Asked for apart from the rest, because the server reads the predictions of both runs the first time.
async function showLeads(dataset) {
  const missing = tickedRuns().filter((run) => !state.leads.has(run.name)).slice(0, MOST_AT_ONCE);
  if (!state.champion || !missing.length) return;
  const leads = await ask("data/leads", [["dataset", dataset], ...missing.map((run) => ["run", run.name])]);
  if (state.data.dataset !== dataset) return;
  for (const lead of leads) state.leads.set(lead.name, lead);
  // Only these cells change: a table drawn anew would take the keyboard's focus away.
  for (const run of missing) byId(leadId(run))?.replaceChildren(leadCell(run));
  showWhyNoLead(chosenRuns());
}

const leadId = (run) => `lead of ${run.name}`;

function leadCell(run) {
  if (run.name === state.champion) return "★";
  const lead = state.leads.get(run.name);
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
  return lead?.difference === undefined ? "–" : stacked(signed(lead.difference), `${signed(lead.low)} to ${signed(lead.high)}`);
}

function showWhyNoLead(runs) {
  const reasons = new Set(runs.filter((run) => run.name !== state.champion).map((run) => state.leads.get(run.name)?.why_not).filter(Boolean));
  byId("no-lead").textContent = [...reasons].map((reason) => `No lead is shown where ${reason}.`).join(" ");
}

function linkToChampion(champion, dataset) {
  const link = element("a", "Show that date");
  link.href = `?${new URLSearchParams({ run: champion.run, dataset })}`;
  return link;
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

const chosenRuns = () => state.data.runs.filter((run) => state.models.has(run.model));

// Two lists of runs, the primary ones and the others, each sorted by model and then from newest to oldest.
function inTableOrder(runs) {
  const byModel = state.data.models.flatMap((model) => runs.filter((run) => run.model === model));
  const isPrimary = (run) => state.primary.has(run.name);
  return [byModel.filter(isPrimary), byModel.filter((run) => !isPrimary(run))];
}

function runsTable() {
  const columns = [
    ["Model", "text", (run) => modelCell(run)],
    [`AUC, ${INTERVAL}`, "", (run) => stacked(shown(run.auc), run.auc_low === null ? "" : span(run))],
    ...(state.champion ? [["Lead over champion", "", leadCell]] : []),
    ["Share", "", (run) => (run.share === null ? "–" : `${(100 * run.share).toFixed(1)}%`)],
    ["GAUC", "", (run) => shown(run.gauc)],
    ["Log loss", "", (run) => shown(run.logloss)],
    ["ECE", "", (run) => shown(run.ece)],
    ["Rows", "", (run) => counted(run.rows)],
    ["Clicks", "", (run) => counted(run.positives)],
    ["Started (UTC)", "", (run) => startedAt(run)],
    ["Report", "", (run) => reportLink(run)],
  ];
  const head = element("tr");
  head.append(...columns.map(([title, kind]) => headCell(title, kind)));
  const [primary, others] = inTableOrder(chosenRuns());
  const runLine = (run) => {
    const line = element("tr", "", run.name === state.opened ? "opened" : "");
    line.append(...columns.map(([, kind, content]) => {
      const cell = element("td", "", kind);
      if (content === leadCell) cell.id = leadId(run);
      cell.append(content(run));
      return cell;
    }));
    return line;
  };
  const lines = [...primary.map(runLine), ...(others.length ? [otherRunsLine(columns.length)] : []), ...others.map(runLine)];
  byId("runs").replaceChildren(element("thead"), element("tbody"));
  byId("runs").tHead.append(head);
  byId("runs").tBodies[0].append(...lines);
  showWhyNoLead([...primary, ...others]);
}

// A text, and smaller ones below it.
function stacked(text, ...below) {
  const cell = document.createDocumentFragment();
  cell.append(text, ...below.filter(Boolean).map((line) => element("small", line)));
  return cell;
}

function otherRunsLine(width) {
  const line = element("tr", "", "part");
  line.append(Object.assign(element("td", "Other runs as of this date", "text"), { colSpan: width }));
  return line;
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
    showLeads(state.data.dataset).catch(notify);
  });
  const key = element("span", ` ${style.sign}`, "key");
  key.style.color = style.colour;
  label.append(box, key, run.model);
  if (run.name === state.champion) label.append(Object.assign(element("span", " ★", "champion"), { title: "Champion" }));
  return stacked(label, run.settings.join(", "), shortened(run.notes));
}

const shortened = (notes) => (notes.length > 120 ? `${notes.slice(0, 119)}…` : notes); // the report has them in full

function reportLink(run) {
  const link = element("a", "open");
  link.setAttribute("aria-label", `Open the report of ${runLabel(run)}`);
  link.href = `reports/${encodeURIComponent(run.name)}`;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const dialog = byId("report");
    dialog.querySelector("h2").textContent = run.name;
    dialog.querySelector("iframe").src = `${link.href}#${themeName()}`;
    dialog.showModal();
  });
  return link;
}

const tickedRuns = () => inTableOrder(chosenRuns()).flat().filter((run) => state.ticked.has(run.name));

async function showPlots() {
  const runs = tickedRuns();
  const missing = runs.filter((run) => !state.details.has(run.name)).map((run) => ["run", run.name]);
  if (missing.length) {
    for (const detail of await ask("data/segments", missing)) state.details.set(detail.name, detail);
  }
  const plotted = runs.map((run) => plottedRun(run, runs));
  for (const id of ["overall", "by-scene", "by-user", "by-item", "segments"]) byId(id).closest("section").hidden = !plotted.length;
  byId("heat-run").closest("section").hidden = !plotted.length;
  showHistory(plotted.length);
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
  segmentsTable(plotted);
}

// Runs of one model are told apart by their settings, and if these are the same or too long by the time.
function runLabel(run) {
  const alike = chosenRuns().filter((other) => other.model === run.model);
  if (alike.length === 1) return run.model;
  const settings = run.settings.join(", ");
  const unique = settings && settings.length <= 40 && alike.every((other) => other === run || other.settings.join(", ") !== settings);
  return `${run.model}, ${unique ? settings : startedAt(run)}`;
}

function plottedRun(run, among) {
  const detail = state.details.get(run.name);
  const sameModel = among.filter((other) => other.model === run.model);
  const style = styleOf(run.model);
  return {
    ...run,
    ...style,
    label: sameModel.length > 1 ? runLabel(run) : run.model,
    symbol: sameModel.indexOf(run) > 0 ? `${style.symbol}-open` : style.symbol,
    segments: new Map(detail.segments.map((line) => [segmentKey(line.segment, line.scene, line.user_level, line.item_level), line])),
    best_by: detail.best_by,
    alpha_by: detail.alpha_by,
  };
}

function showHistory(runs) {
  const points = state.data.history.filter((point) => state.models.has(point.model));
  const models = state.data.models.filter((model) => state.models.has(model));
  const dates = new Set(points.map((point) => point.as_of));
  byId("history").closest("section").hidden = dates.size < 2; // one date is what the other plots show
  if (dates.size > 1) drawHistory("history", points, models, styleOf, runs);
}

function showAlpha(runs) {
  byId("alpha").closest("section").hidden = !runs.length;
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

function showWords() {
  const lines = Object.entries(WORDS).map(([word, meaning]) => {
    const line = element("div");
    line.append(element("dt", word), element("dd", meaning));
    return line;
  });
  byId("words").replaceChildren(...lines);
  byId("levels-are").textContent = LEVELS_ARE;
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

function redrawInNewTheme() {
  followAirflowsTheme();
  if (!state.data?.datasets.length) return;
  runsTable();
  drawWatched();
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
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawInNewTheme);
window.addEventListener("storage", redrawInNewTheme);
followAirflowsTheme();
showWords();
const query = new URLSearchParams(window.location.search);
state.opened = query.get("run");
open(["run", "dataset", "as_of"].filter((name) => query.has(name)).map((name) => [name, query.get(name)]));
