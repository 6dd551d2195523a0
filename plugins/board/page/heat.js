"use strict";
// The AUC of one run by scene and level, with a row for all scenes and a column for all levels.

// levelName: "user_level" or "item_level".
function drawHeat(id, run, scenes, levelName) {
  const colours = themeColours();
  const levelAt = (level) => (levelName === "user_level" ? [level, ""] : ["", level]);
  const who = levelName === "user_level" ? "user" : "item";
  const columns = ["all", ...LEVELS];
  const rows = ["all", ...scenes];
  const line = (scene, level) => {
    const key =
      scene === "all" && level === "all" ? segmentKey("overall")
      : scene === "all" ? segmentKey(levelName, "", ...levelAt(level))
      : level === "all" ? segmentKey("scene", scene)
      : segmentKey(`scene_x_${levelName}`, scene, ...levelAt(level));
    return run.segments.get(key) ?? { auc: null, auc_low: null, auc_high: null, rows: 0, positives: 0 };
  };
  const columnLabels = columns.map((level) => (level === "all" ? `all ${who}s` : `${who} ${level}`));
  const rowLabels = rows.map((scene) => (scene === "all" ? "all scenes" : `scene ${scene}`));
  const cells = rows.map((scene) => columns.map((level) => line(scene, level)));
  const steps = colours.heat.length - 1;
  const inkOn = (auc) => {
    const share = (auc - 0.5 + AUC_REACH) / (2 * AUC_REACH);
    return colours.heat[Math.round(steps * Math.min(Math.max(share, 0), 1))].ink;
  };
  const annotations = cells.flatMap((ofScene, i) =>
    ofScene.map((cell, j) => ({
      x: j,
      y: i,
      showarrow: false,
      text: cell.auc === null ? (cell.rows ? "one class" : "no rows") : shown(cell.auc, 3),
      font: {
        size: cell.auc === null ? 11 : 13,
        color: cell.auc === null ? colours.muted : inkOn(cell.auc),
      },
    })),
  );
  const data = [{
    type: "heatmap",
    x: columns.map((_, j) => j),
    y: rows.map((_, i) => i),
    z: cells.map((ofScene) => ofScene.map((cell) => cell.auc)),
    hovertext: cells.map((ofScene, i) =>
      ofScene.map((cell, j) => aucHover(`${rowLabels[i]}, ${columnLabels[j]}`, cell))),
    hoverinfo: "text",
    hoverongaps: true,
    zmin: 0.5 - AUC_REACH,
    zmax: 0.5 + AUC_REACH,
    colorscale: colours.heat.map((step, i) => [i / steps, step.ground]),
    showscale: false,
    xgap: 3,
    ygap: 3,
  }];
  const layout = {
    annotations,
    xaxis: { side: "top", tickvals: columns.map((_, j) => j), ticktext: columnLabels, showgrid: false, zeroline: false },
    yaxis: { autorange: "reversed", tickvals: rows.map((_, i) => i), ticktext: rowLabels.map((l) => `${l}  `),
      showgrid: false, zeroline: false },
  };
  draw(id, data, layout, 60 + 42 * rows.length);
}
