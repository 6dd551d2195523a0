"use strict";
// All figures by segment as a table, for those who cannot point at the plots.

// runs: as in plots.js, at least one. Rows and clicks are those of the first run that has the segment.
function segmentsTable(runs) {
  const keys = [...new Set(runs.flatMap((run) => [...run.segments.keys()]))];
  const head = element("tr");
  head.append(...["Segment", "Rows", "Clicked", ...runs.map((run) => run.label)].map((title, i) => headCell(title, i ? "" : "text")));
  const lines = keys.map((key) => {
    const known = runs.map((run) => run.segments.get(key));
    const first = known.find(Boolean);
    const line = element("tr");
    line.append(
      Object.assign(element("th", segmentName(first), "text"), { scope: "row" }),
      ...[counted(first.rows), counted(first.positives), ...known.map((figures) => aucText(figures))].map((text) => element("td", text)),
    );
    return line;
  });
  byId("segments").replaceChildren(element("thead"), element("tbody"));
  byId("segments").tHead.append(head);
  byId("segments").tBodies[0].append(...lines);
}

function segmentName({ scene, user_level, item_level }) {
  const parts = [scene && `scene ${scene}`, user_level && `user ${user_level}`, item_level && `item ${item_level}`].filter(Boolean);
  return parts.join(", ") || "all rows";
}

function aucText(figures) {
  if (!figures || figures.auc === null) return "–";
  return figures.auc_low === null ? shown(figures.auc) : `${shown(figures.auc)} (${span(figures)})`;
}
