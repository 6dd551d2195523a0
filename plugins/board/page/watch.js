"use strict";
// The champion over dates: its AUC with a band, the day it was chosen, and the days on which the watch warned.

async function showWatch(dataset) {
  const watched = await ask("data/watch", [["dataset", dataset]]).catch((error) => ({ points: [], says: error.message }));
  if (state.data.dataset !== dataset) return;
  state.watched = watched;
  drawWatched();
}

function drawWatched() {
  const { points, champions, says, warns } = state.watched ?? { points: [], says: "" };
  byId("watch-says").textContent = warns ? `Warning: ${says}` : says;
  byId("watch-says").className = warns ? "notice" : "";
  byId("watch").hidden = byId("watch-words").hidden = !points.length;
  if (points.length) drawWatch("watch", points, champions);
}

// points: [{date, version, rows, positives, auc, auc_low, auc_high, evidence, warned_on}], ascending. champions:
// [{version, as_of, auc, auc_low, auc_high}].
function drawWatch(id, points, champions) {
  const colours = themeColours();
  const data = champions.flatMap((champion, number) => {
    const own = points.filter((point) => point.version === champion.version && point.auc !== null);
    const colour = colours.models[number % colours.models.length];
    const name = `version ${champion.version}`;
    const days = own.filter((point) => point.auc_low !== null);
    const edge = { type: "scatter", mode: "lines", x: days.map((point) => point.date), line: { width: 0 }, hoverinfo: "skip", showlegend: false };
    return [
      { ...edge, y: days.map((point) => point.auc_high) },
      { ...edge, y: days.map((point) => point.auc_low), fill: "tonexty", fillcolor: `${colour}30` },
      {
        type: "scatter",
        mode: "lines+markers",
        name,
        x: own.map((point) => point.date),
        y: own.map((point) => point.auc),
        line: { color: colour, width: 1.8 },
        marker: { color: colour, size: 7 },
        hovertext: own.map((point) => watchHover(`${name}, ${point.date}`, point)),
        hoverinfo: "text",
      },
      {
        type: "scatter",
        mode: "markers",
        showlegend: false,
        x: [champion.as_of],
        y: [champion.auc],
        marker: { color: colour, symbol: "star", size: 13 },
        hovertext: [aucHover(`${name}, chosen as of ${champion.as_of}`, champion)],
        hoverinfo: "text",
      },
    ];
  });
  const warned = points.filter((point) => point.warned_on && point.auc !== null);
  if (warned.length) {
    data.push({
      type: "scatter",
      mode: "markers",
      name: "warning",
      x: warned.map((point) => point.date),
      y: warned.map((point) => point.auc),
      marker: { color: colours.missing, symbol: "circle-open", size: 15, line: { width: 2.5, color: colours.missing } },
      hoverinfo: "skip",
    });
  }
  const dates = [...new Set([...champions.map((champion) => champion.as_of), ...points.map((point) => point.date)])].sort();
  const every = Math.ceil(dates.length / (isNarrow() ? 3 : 8));
  const labelled = dates.filter((_, i) => (dates.length - 1 - i) % every === 0);
  const layout = {
    showlegend: true,
    shapes: champions.map((champion, number) => ({
      type: "line", x0: champion.as_of, x1: champion.as_of, yref: "paper", y0: 0, y1: 1,
      line: { color: colours.models[number % colours.models.length], width: 1, dash: "dot" },
    })),
    xaxis: { type: "date", tickvals: labelled, ticktext: labelled, showgrid: false },
    yaxis: { title: { text: `AUC, ${INTERVAL}` }, tickformat: ".3f" },
  };
  draw(id, data, layout, 320);
}

function watchHover(title, point) {
  const lines = [aucHover(title, point)];
  if (point.evidence !== null) lines.push(`evidence of a change ${point.evidence.toPrecision(2)}`);
  if (point.warned_on) lines.push(`warned on ${point.warned_on}`);
  return lines.join("<br>");
}
