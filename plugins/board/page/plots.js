"use strict";
// The plots, drawn by plotly. A run here is {label, colour, symbol, auc, auc_low, auc_high, segments, best_by, alpha_by};
// segments is a Map from segmentKey() to a line of the cold-start report.

const INTERVAL = "95% interval";

const segmentKey = (segment, scene = "", userLevel = "", itemLevel = "") =>
  [segment, scene, userLevel, itemLevel].join("|");
const shown = (value, digits = 4) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const isNarrow = () => matchMedia("(max-width: 600px)").matches;
const counted = (number) => number.toLocaleString("en-US");
// plotly interprets HTML tags in the texts that it shows.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function draw(id, data, layout, height) {
  const colours = themeColours();
  const family = getComputedStyle(document.body).fontFamily;
  const axis = { tickangle: 0, gridcolor: colours.line, zerolinecolor: colours.line, linecolor: colours.line, automargin: true };
  const base = {
    height,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family, size: 13, color: colours.ink },
    margin: { l: 8, r: 12, t: 8, b: 8 },
    hoverlabel: { align: "left", bgcolor: colours.card, bordercolor: colours.line, font: { family, color: colours.ink } },
    legend: { orientation: "h", yanchor: "bottom", y: 1.02, x: 0, font: { size: isNarrow() ? 11 : 13 } },
    hovermode: "closest",
    dragmode: false,
  };
  const titled = (own) => ({ ...axis, ...own, title: { font: { size: 13 }, ...own?.title } });
  const merged = { ...base, ...layout, xaxis: titled(layout.xaxis), yaxis: titled(layout.yaxis) };
  Plotly.react(id, data, merged, { displayModeBar: false, responsive: true });
}

function intervalBars(figures, colour) {
  const known = (f) => f.auc !== null && f.auc_low !== null && f.auc_high !== null;
  return {
    type: "data",
    symmetric: false,
    array: figures.map((f) => (known(f) ? f.auc_high - f.auc : 0)),
    arrayminus: figures.map((f) => (known(f) ? f.auc - f.auc_low : 0)),
    color: colour,
    thickness: 1.6,
    width: 0,
  };
}

function aucHover(title, figures, best) {
  const lines = [`<b>${plain(title)}</b>`];
  if (figures.auc === null) {
    lines.push(figures.rows ? "no AUC: all rows clicked, or none" : "no AUC: no rows");
  } else {
    const interval = figures.auc_low === null ? "no interval: too few rows" : span(figures);
    lines.push(`AUC ${shown(figures.auc)} (${interval})`);
  }
  if (best !== null && best !== undefined) lines.push(`best reachable AUC ${shown(best)}`);
  if (figures.rows !== undefined) lines.push(`${counted(figures.rows)} rows, ${counted(figures.positives)} clicked`);
  return lines.join("<br>");
}

const span = (figures) => `${shown(figures.auc_low)} to ${shown(figures.auc_high)}`;

function drawOverall(id, runs) {
  const colours = themeColours();
  const data = runs.map((run) => ({
    type: "scatter",
    mode: "markers",
    x: [run.auc],
    y: [run.label],
    marker: { color: run.colour, symbol: run.symbol, size: 11 },
    error_x: { ...intervalBars([run], run.colour), thickness: 2.2 },
    hovertext: [aucHover(run.label, run)],
    hoverinfo: "text",
  }));
  const layout = {
    showlegend: false,
    xaxis: { title: { text: `AUC, ${INTERVAL}` }, tickformat: ".2f", nticks: isNarrow() ? 4 : 8 },
    yaxis: { autorange: "reversed", ticksuffix: "  ", gridcolor: "rgba(0,0,0,0)", type: "category" },
  };
  const best = runs.map((run) => run.best_reachable_auc).filter((value) => value !== null);
  if (best.length) {
    layout.shapes = [{ type: "line", x0: best[0], x1: best[0], yref: "paper", y0: 0, y1: 1, line: bestLine(colours) }];
    layout.annotations = [
      { x: best[0], y: 1, yref: "paper", yanchor: "bottom", showarrow: false, text: "best reachable",
        font: { color: colours.best, size: 12 } },
    ];
    layout.margin = { l: 8, r: 44, t: 24, b: 8 };
  }
  draw(id, data, layout, Math.max(200, 96 + 40 * runs.length));
}

const bestLine = (colours) => ({ color: colours.best, width: 2, dash: "dot" });

// groups: [{label, key, best: [kind, name]}], one for each place on the axis, which also says how many rows it has.
function drawGroups(id, runs, groups, height) {
  const colours = themeColours();
  const rowsOf = (group) => runs.map((run) => run.segments.get(group.key)?.rows).find((rows) => rows !== undefined) ?? 0;
  const places = groups.map((group) => `${plain(group.label)}<br><span style="font-size:11px">${counted(rowsOf(group))}${isNarrow() ? "" : " rows"}</span>`);
  const data = runs.map((run, number) => {
    const lines = groups.map((group) => run.segments.get(group.key) ?? { auc: null, rows: 0, positives: 0 });
    return {
      type: "scatter",
      mode: "markers",
      name: run.label,
      offsetgroup: String(number),
      x: places,
      y: lines.map((line) => line.auc),
      marker: { color: run.colour, symbol: run.symbol, size: 9 },
      error_y: intervalBars(lines, run.colour),
      hovertext: lines.map((line, i) => aucHover(`${run.label}, ${groups[i].label}`, line, bestOf(run, groups[i]))),
      hoverinfo: "text",
    };
  });
  const best = groups.map((group) => runs.map((run) => bestOf(run, group)).find((value) => value !== null) ?? null);
  const shapes = best.flatMap((value, i) =>
    value === null
      ? []
      : [{ type: "line", x0: i - 0.42, x1: i + 0.42, y0: value, y1: value, line: bestLine(colours), layer: "between" }],
  );
  if (shapes.length) {
    const legendOnly = { type: "scatter", mode: "lines", name: "best reachable", offsetgroup: "0" };
    data.push({ ...legendOnly, x: [places[0]], y: [null], line: bestLine(colours), hoverinfo: "skip" });
  }
  const layout = {
    scattermode: "group",
    scattergap: 0.35,
    showlegend: true,
    shapes,
    xaxis: { type: "category", gridcolor: "rgba(0,0,0,0)", range: [-0.5, groups.length - 0.5] },
    yaxis: { title: { text: "AUC" }, tickformat: ".2f", range: aucRange(data, best) },
  };
  if (data.every((trace) => trace.y.every((auc) => auc === null))) {
    const middle = { xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false };
    layout.annotations = [{ ...middle, text: "no AUC: no rows, or all or none of them clicked", font: { color: colours.muted } }];
  }
  draw(id, data, layout, height);
}

const bestOf = (run, group) => run.best_by[group.best[0]]?.[group.best[1]] ?? null;

function aucRange(data, best) {
  const values = best.filter((value) => value !== null);
  for (const trace of data) {
    (trace.y ?? []).forEach((y, i) => {
      if (y !== null) values.push(y, y + (trace.error_y?.array[i] ?? 0), y - (trace.error_y?.arrayminus[i] ?? 0));
    });
  }
  return [Math.max(Math.min(...values, 0.5) - 0.02, 0), Math.min(Math.max(...values, 0.6) + 0.02, 1.02)];
}

function drawAlpha(id, runs) {
  const levels = ["user_level", "item_level"].flatMap((kind) => LEVELS.map((level) => [kind, level]));
  const entities = levels.map(([kind]) => kind.replace("_level", ""));
  const labels = levels.map(([, level], i) => `${entities[i]} ${level}`);
  const data = runs.map((run) => {
    const values = levels.map(([kind, level]) => run.alpha_by[kind]?.[level] ?? null);
    return {
      type: "bar",
      name: run.label,
      x: [entities, levels.map(([, level]) => level)],
      y: values,
      marker: { color: run.colour },
      text: values.map((value) => (value === null || isNarrow() ? "" : shown(value, 2))),
      textposition: "outside",
      textangle: 0,
      cliponaxis: false,
      hovertext: values.map((value, i) => `<b>${plain(run.label)}, ${labels[i]}</b><br>mean weight ${shown(value)}`),
      hoverinfo: "text",
    };
  });
  const layout = {
    barmode: "group",
    bargap: 0.4,
    showlegend: true,
    xaxis: { type: "multicategory" },
    yaxis: { range: [0, 1.04], title: { text: "mean weight" }, dtick: 0.25 },
  };
  draw(id, data, layout, 280);
}

// points: [{as_of, model, auc, auc_low, auc_high}] with ascending dates; styleOf: a model's colour and symbol. runs: how
// many the plot beside it has, whose height it takes.
function drawHistory(id, points, models, styleOf, runs) {
  const colours = themeColours();
  const day = 86400000;
  const dates = [...new Set(points.map((point) => point.as_of))].sort();
  const times = dates.map((date) => Date.parse(date));
  const gap = Math.min(...times.slice(1).map((time, i) => time - times[i]), 4 * day);
  // Moves the points of one date apart, or their intervals would cover each other.
  const offset = (number) => ((number - (models.length - 1) / 2) * gap * 0.5) / Math.max(models.length, 4);
  const data = models.map((model, number) => {
    const own = points.filter((point) => point.model === model && point.auc !== null);
    const style = styleOf(model);
    return {
      type: "scatter",
      mode: "lines+markers",
      name: model,
      x: own.map((point) => Date.parse(point.as_of) + offset(number)),
      y: own.map((point) => point.auc),
      line: { color: style.colour, width: 1.6 },
      marker: { color: style.colour, symbol: style.symbol, size: 8 },
      error_y: { ...intervalBars(own, `${style.colour}80`), thickness: 1 },
      hovertext: own.map((point) => aucHover(`${model}, ${point.as_of}`, point)),
      hoverinfo: "text",
    };
  });
  const every = Math.ceil(dates.length / (isNarrow() ? 2 : 6));
  const labelled = dates.filter((_, i) => (dates.length - 1 - i) % every === 0);
  const layout = {
    showlegend: true,
    xaxis: {
      type: "date",
      tickvals: labelled.map((date) => Date.parse(date)),
      ticktext: labelled,
      range: [Math.min(...times) - gap * 0.6, Math.max(...times) + gap * 0.6],
      showgrid: false,
    },
    yaxis: { title: { text: `AUC, ${INTERVAL}` }, tickformat: ".3f" },
  };
  draw(id, data, layout, Math.max(260, 72 + 40 * runs));
}
