"""report.html: one file, no script, nothing loaded from anywhere."""

import math
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.segments import Report
from training.models.gate_statistics import COLLAPSED_BELOW
from training.report.by_segment import alpha_by_segment, auc_by_segment
from training.report.curves import course_of_training, reliability, roc
from training.report.drawing import letters_once
from training.report.heat import AUC_REACH, auc_by_scene_and, gate_weights
from training.report.tables import cold_start_table, epochs_table, figure_text

_STYLE_SHEET = Path(__file__).with_name("page.css")


def render(
    facts: dict[str, str],
    course: dict[str, Any],
    labels: np.ndarray,
    scores: np.ndarray,
    metrics: dict[str, Any],
    report: Report,
) -> str:
    """The page of one run.

    facts: what the reader should know of the run, by name. course: its `epochs`, a dict each, and the number of its
    `best_epoch`. labels, scores: validation rows [n]. metrics, report: as `evaluation.metrics.evaluated` gives them,
    with the model's name and as_of, a gated model's `gates`, and a content model's `alpha_by` and `rows_without_text`.
    """
    title = f"{metrics['model']}, validated up to {metrics['as_of']}"
    best_key = '<i class="key best"></i>best reachable: the true click probabilities' if "share" in metrics else ""
    return letters_once(f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_STYLE_SHEET.read_text(encoding="utf-8")}</style>
</head>
<body><main>
<h1>{escape(title)}</h1>
<p class="lead">{metrics["rows"]:,} validation rows, {metrics["positives"]:,} clicked</p>
<div class="tiles">{"".join(_tile(*tile) for tile in _tiles(metrics))}</div>
<section><h2>AUC by segment</h2>{auc_by_segment(metrics, report)}
<p class="note"><i class="key"></i>AUC and its 95% interval (DeLong){best_key}</p></section>
<section><h2>Scene by level</h2>
<div class="pair">{auc_by_scene_and("user_level", report)}{auc_by_scene_and("item_level", report)}</div>
<p class="note">AUC, and rows below it; 0.5 is a coin. Colours are fullest at {0.5 + AUC_REACH:g} and above (blue) and
{0.5 - AUC_REACH:g} and below (orange). A cell without rows, or whose rows were all clicked or all not, has no AUC.</p>
</section>
<div class="pair square">
<section><h2>ROC</h2>{roc(labels, scores)}</section>
<section><h2>Calibration</h2>{reliability(metrics["reliability"])}
<p class="note">Bins of equal width with 95% intervals (Wilson); a dot's area grows with its rows.</p></section>
</div>
{_content_section(metrics)}{_gates_section(metrics)}<section><h2>Cold-start report</h2>{cold_start_table(report)}
<p class="note">Levels count impressions in the training window. A segment of one class only has no AUC.</p></section>
{_training_section(course)}
<section><h2>Run</h2><dl>{"".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())}</dl></section>
</main></body>
</html>
""")


def _tiles(metrics: dict[str, Any]) -> Iterable[tuple[str, str]]:
    low, high = (figure_text(metrics[name]) for name in ("auc_low", "auc_high"))
    yield figure_text(metrics["auc"]), f"AUC, {low} to {high}"
    if metrics.get("share") is not None:
        yield f"{metrics['share']:.1%}", f"of the best reachable {figure_text(metrics['best_reachable_auc'])}"
    yield figure_text(metrics["gauc"]), "GAUC, within users"
    yield figure_text(metrics["logloss"]), "log loss"
    yield figure_text(metrics["ece"]), "ECE, calibration error"
    yield f"{metrics['predicted_ctr']:.1%}", f"click rate predicted, {metrics['ctr']:.1%} observed"


def _tile(figure: str, label: str) -> str:
    return f'<div class="tile"><b>{escape(figure)}</b><span>{escape(label)}</span></div>'


def _content_section(metrics: dict[str, Any]) -> str:
    if "alpha_by" not in metrics:
        return ""
    missing = ", ".join(f"{count:,} without {text} text" for text, count in metrics["rows_without_text"].items())
    note = f"Mean of a in (1 - a) * backbone + a * content. Rows that take the mean embedding: {missing}."
    picture = alpha_by_segment(metrics["alpha_by"])
    return f'<section><h2>Weight of the content tower</h2>{picture}<p class="note">{escape(note)}</p></section>\n'


def _gates_section(metrics: dict[str, Any]) -> str:
    gates = metrics.get("gates")
    if not gates:
        return ""
    pictures = "".join(
        f"<figure>{_caption(gates, name)}{gate_weights(name, gate)}</figure>" for name, gate in gates.items()
    )
    note = f"Mean weight of each expert, and mean entropy of a row's weights in nats (equal shares: {_equal(gates)}). "
    note += "Blue is above an equal share, orange below."
    if metrics["model"].startswith("ple"):
        note += " A scene's own experts come first, then the shared ones."
    return f"""<section><h2>Experts by scene</h2><div class="beside">{pictures}</div>
<p class="said">{escape(_collapsed(gates))}</p><p class="note">{escape(note)}</p></section>
"""


def _caption(gates: dict[str, Any], name: str) -> str:
    return f"<figcaption>{escape(name)}</figcaption>" if len(gates) > 1 else ""


def _equal(gates: dict[str, Any]) -> str:
    """The entropy of equal shares, for every number of experts there is."""
    experts = {len(of_scene["weights"]) for gate in gates.values() for of_scene in gate["by_scene"].values()}
    return " or ".join(f"ln {count} = {math.log(count):.2f}" for count in sorted(experts))


def _collapsed(gates: dict[str, Any]) -> str:
    """Says which experts do next to nothing."""
    place = {name: f" of {name}" if len(gates) > 1 else "" for name in gates}
    named = [f"expert {expert}{place[name]}" for name, gate in gates.items() for expert in gate["collapsed"]]
    if named:
        return f"Collapsed, below {COLLAPSED_BELOW:.0%} of an equal share in every scene: {', '.join(named)}."
    return f"No expert has collapsed: each has {COLLAPSED_BELOW:.0%} of an equal share or more in some scene."


def _training_section(course: dict[str, Any]) -> str:
    epochs, best = course["epochs"], course["best_epoch"]
    keys = '<i class="key train"></i>training<i class="key"></i>validation'
    by = "highest validation AUC" if course["stop_on"] == "auc" else "lowest validation log loss"
    keys += f'<i class="key best"></i>best epoch: {by}'
    return f"""<section><h2>Training</h2><div class="beside">{epochs_table(epochs, best)}
<figure>{course_of_training(epochs, best)}<p class="note">{keys}</p></figure></div></section>"""
