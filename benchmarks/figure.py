"""A measured figure with its target, and tables of figures."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

_HEADINGS = ("figure", "measured", "wanted", "met")


@dataclass(frozen=True)
class Figure:
    """One line of the table. `met` is None if there is no target. `details`: the numbers behind the figure, by name."""

    name: str
    measured: str
    wanted: str
    met: bool | None
    details: dict[str, float] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of the table's line."""
        return self.name, self.measured, self.wanted, {True: "yes", False: "no", None: ""}[self.met]


def at_most(name: str, ratio: float, most: float, unit: str, details: dict[str, float]) -> Figure:
    """A figure that must not exceed its target."""
    return Figure(name, f"{ratio:.2f} {unit}", f"at most {most:g} {unit}", ratio <= most, details)


def at_least(name: str, ratio: float, least: float, unit: str, details: dict[str, float]) -> Figure:
    """A figure that must reach its target."""
    return Figure(name, f"{ratio:.3g} {unit}", f"at least {least:g} {unit}", ratio >= least, details)


def plain_table(figures: Sequence[Figure]) -> str:
    """Format the figures as text in aligned columns."""
    lines = [_HEADINGS, *(figure.cells for figure in figures)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def markdown(figures: Sequence[Figure], machine: dict[str, str]) -> str:
    """Format the figures as a Markdown table, with the machine below it."""
    lines = [_HEADINGS, ("---",) * len(_HEADINGS), *(figure.cells for figure in figures)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\nMeasured on {described(machine)}.\n"


def as_json(figures: Sequence[Figure], machine: dict[str, str]) -> str:
    """Return the figures, with their details, as JSON."""
    return json.dumps({"machine": machine, "figures": [asdict(figure) for figure in figures]}, indent=1) + "\n"


def described(machine: dict[str, str]) -> str:
    """Describe a machine in one line."""
    return ", ".join(f"{name} {value}" for name, value in machine.items())
