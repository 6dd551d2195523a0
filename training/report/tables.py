"""Tables of the page."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from html import escape
from typing import Any

from training.evaluation.segments import Figures, Report, Segment

_TEXT_COLUMNS = {field.name for field in fields(Segment)}


def cold_start_table(report: Report) -> str:
    """All figures of every segment."""
    header = [field.name for kind in (Segment, Figures) for field in fields(kind)]
    lines = [[*vars(segment).values(), *vars(figures).values()] for segment, figures in report.items()]
    starts = [number > 0 and line[0] != lines[number - 1][0] for number, line in enumerate(lines)]
    return _table(header, zip(lines, ("first" if start else "" for start in starts), strict=True))


def epochs_table(epochs: Sequence[dict[str, Any]], best: int) -> str:
    """The course of a run, the best epoch's line in bold."""
    header = ["epoch", *list(epochs[0])[1:]]
    return _table(header, ((list(epoch.values()), "best" if epoch["number"] == best else "") for epoch in epochs))


def figure_text(value: object) -> str:
    """A figure as the page shows it: fractions with four digits, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(header: Sequence[str], lines: Iterable[tuple[Sequence[object], str]]) -> str:
    """lines: each line's values and its class."""
    kinds = [' class="text"' if name in _TEXT_COLUMNS else "" for name in header]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(header, kinds, strict=True))
    body = []
    for values, of_line in lines:
        cells = "".join(f"<td{kind}>{escape(figure_text(v))}</td>" for v, kind in zip(values, kinds, strict=True))
        body.append(f'<tr class="{of_line}">{cells}</tr>' if of_line else f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
