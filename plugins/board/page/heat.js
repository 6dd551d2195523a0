"use strict";
// AUC and rows of one run by scene and level, with a row for all scenes and a column for all levels. A cell's colour,
// from -1 to 1, comes from the server: it follows the end of the interval that is nearer to 0.5.

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
    return run.segments.get(key) ?? { auc: null, auc_low: null, auc_high: null, rows: 0, positives: 0, lean: null };
  };
  const columnLabels = columns.map((level) => (level === "all" ? `all ${who}s` : level));
  const rowLabels = rows.map((scene) => (scene === "all" ? "all scenes" : `scene ${scene}`));
  const cells = rows.map((scene) => columns.map((level) => line(scene, level)));
  const steps = colours.heat.length - 1;
  const inkOn = (lean) => colours.heat[Math.round((steps * (lean + 1)) / 2)].ink;
  const rowsBelow = (cell) => (cell.rows ? `<br><span style="font-size:11px">${counted(cell.rows)}</span>` : "");
  const annotations = cells.flatMap((ofScene, i) =>
    ofScene.map((cell, j) => ({
      x: j,
      y: i,
      showarrow: false,
      text: (cell.auc === null ? (cell.rows ? "one class" : "no rows") : shown(cell.auc, 3)) + rowsBelow(cell),
      font: {
        size: cell.auc === null ? 11 : 13,
        color: cell.auc === null ? colours.muted : inkOn(cell.lean),
      },
    })),
  );
  const data = [{
    type: "heatmap",
    x: columns.map((_, j) => j),
    y: rows.map((_, i) => i),
    z: cells.map((ofScene) => ofScene.map((cell) => cell.lean)),
    hovertext: cells.map((ofScene, i) =>
      ofScene.map((cell, j) => aucHover(`${rowLabels[i]}, ${who} ${columns[j]}`, cell))),
    hoverinfo: "text",
    hoverongaps: true,
    zmin: -1,
    zmax: 1,
    colorscale: colours.heat.map((step, i) => [i / steps, step.ground]),
    showscale: false,
    xgap: 3,
    ygap: 3,
  }];
  const layout = {
    annotations,
    xaxis: { side: "top", linewidth: 0, tickvals: columns.map((_, j) => j), ticktext: columnLabels, ticks: "", showgrid: false, zeroline: false },
    yaxis: { autorange: "reversed", tickvals: rows.map((_, i) => i), ticktext: rowLabels.map((l) => `${l}  `),
      ticks: "", showgrid: false, zeroline: false },
  };
  draw(id, data, layout, 44 + 46 * rows.length);
}
