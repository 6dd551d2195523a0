"""report.html: one file, no script, nothing loaded from anywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from html import escape
from typing import Any

import numpy as np

from training.evaluation.metrics import SHOWN_BY
from training.evaluation.segments import OVERALL, Figures, Report, Segment
from training.report.figures import AucLine, auc_by_segment, reliability, roc

_CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #f8fafc; color: #1e293b; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 36px 24px 56px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; }
h2 { font-size: 16px; margin: 0 0 12px; }
.lead, .note { color: #64748b; margin: 4px 0 0; }
.note { font-size: 13px; }
section { background: #fff; border: 1px solid #e2e8f0; border-radius: 10px; padding: 20px 22px; margin-top: 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 24px; }
.tile { background: #fff; border: 1px solid #e2e8f0; border-radius: 10px; padding: 14px 16px; }
.tile b { display: block; font-size: 24px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile span { color: #64748b; font-size: 13px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); gap: 20px; }
.pair section { margin-top: 20px; }
.pair svg { max-width: 400px; display: block; margin: 0 auto; }
svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th { text-align: right; color: #64748b; font-weight: 600; border-bottom: 1px solid #cbd5e1; }
td { text-align: right; border-bottom: 1px solid #f1f5f9; }
th, td { padding: 5px 8px; white-space: nowrap; }
th.text, td.text { text-align: left; }
tr.first td { border-top: 1px solid #cbd5e1; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; font-size: 13px; }
dt { color: #64748b; }
dd { margin: 0; overflow-wrap: anywhere; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 5px; background: #2563eb; margin: 0 5px 0 0; }
.key.best { width: 3px; height: 13px; border-radius: 0; background: #d97706; margin-left: 16px; vertical-align: -2px; }
"""
_TEXT_COLUMNS = {field.name for field in fields(Segment)} | {"of"}


def render(
    facts: dict[str, str],
    epochs: Sequence[dict[str, Any]],
    labels: np.ndarray,
    scores: np.ndarray,
    metrics: dict[str, Any],
    report: Report,
) -> str:
    """The page of one run.

    facts: what the reader should know of the run, by name. epochs: its course, a line each. labels, scores: validation
    rows [n]. metrics, report: as `evaluation.metrics.evaluated` gives them, with the model's name and as_of.
    """
    title = f"{metrics['model']}, validated up to {metrics['as_of']}"
    best_key = '<i class="key best"></i>best reachable: the true click probabilities' if "share" in metrics else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_CSS}</style>
</head>
<body><main>
<h1>{escape(title)}</h1>
<p class="lead">{metrics["rows"]:,} validation rows, {metrics["positives"]:,} clicked</p>
<div class="tiles">{"".join(_tile(*tile) for tile in _tiles(metrics))}</div>
<section><h2>AUC by segment</h2>{auc_by_segment(_auc_lines(metrics, report))}
<p class="note"><i class="key"></i>AUC and its 95% interval (DeLong){best_key}</p></section>
<div class="pair">
<section><h2>ROC</h2>{roc(labels, scores)}</section>
<section><h2>Calibration</h2>{reliability(metrics["reliability"])}
<p class="note">Bins of equal width with 95% intervals (Wilson); a dot's area grows with its rows.</p></section>
</div>
<section><h2>Cold-start report</h2>{_cold_start_table(report)}
<p class="note">Levels count impressions in the training window. A segment of one class only has no AUC.</p></section>
{_alpha_section(metrics)}<section><h2>Training</h2>{_epochs_table(epochs)}</section>
<section><h2>Run</h2><dl>{"".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())}</dl></section>
</main></body>
</html>
"""


def _tiles(metrics: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield _text(metrics["auc"]), f"AUC, {_text(metrics['auc_low'])} to {_text(metrics['auc_high'])}"
    if metrics.get("share") is not None:
        yield f"{metrics['share']:.1%}", f"of the best reachable {_text(metrics['best_reachable_auc'])}"
    yield _text(metrics["gauc"]), "GAUC, within users"
    yield _text(metrics["logloss"]), "log loss"
    yield _text(metrics["ece"]), "ECE, calibration error"
    yield f"{metrics['predicted_ctr']:.1%}", f"click rate predicted, {metrics['ctr']:.1%} observed"


def _tile(figure: str, label: str) -> str:
    return f'<div class="tile"><b>{escape(figure)}</b><span>{escape(label)}</span></div>'


def _auc_lines(metrics: dict[str, Any], report: Report) -> list[AucLine]:
    best_by = metrics.get("best_reachable_auc_by", {})
    lines = [_auc_line("overall", "all rows", report[OVERALL], metrics.get("best_reachable_auc"))]
    for kind, segments in SHOWN_BY.items():
        for name, segment in segments:
            label = f"{kind.removesuffix('_level')} {name}"
            lines.append(_auc_line(kind, label, report[segment], best_by.get(kind, {}).get(name)))
    return lines


def _auc_line(group: str, label: str, figures: Figures, best: float | None) -> AucLine:
    return AucLine(group, label, figures.rows, figures.auc, figures.auc_low, figures.auc_high, best)


def _cold_start_table(report: Report) -> str:
    header = [field.name for kind in (Segment, Figures) for field in fields(kind)]
    lines = [[*vars(segment).values(), *vars(figures).values()] for segment, figures in report.items()]
    return _table(header, lines)


def _alpha_section(metrics: dict[str, Any]) -> str:
    if "alpha_by" not in metrics:
        return ""
    lines = [(kind, name, mean) for kind, means in metrics["alpha_by"].items() for name, mean in means.items()]
    missing = ", ".join(f"{count:,} without {text} text" for text, count in metrics["rows_without_text"].items())
    note = f"Mean of a in (1 - a) * backbone + a * content. Rows that take the mean embedding: {missing}."
    table = _table(["segment", "of", "alpha"], lines)
    return f'<section><h2>Content</h2>{table}<p class="note">{escape(note)}</p></section>'


def _epochs_table(epochs: Sequence[dict[str, Any]]) -> str:
    return _table(["epoch", *list(epochs[0])[1:]], (list(epoch.values()) for epoch in epochs))


def _table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    kinds = [' class="text"' if name in _TEXT_COLUMNS else "" for name in header]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(header, kinds, strict=True))
    body, before = [], None
    for line in lines:
        new_block = ' class="first"' if isinstance(line[0], str) and before not in (None, line[0]) else ""
        before = line[0]
        cells = "".join(f"<td{kind}>{escape(_text(v))}</td>" for v, kind in zip(line, kinds, strict=True))
        body.append(f"<tr{new_block}>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
