"""The colours of reports and of the board, light and dark, and the best text colour for a cell of a heat map."""

from dataclasses import dataclass

from training.evaluation.segments import Figures

AUC_REACH = 0.2  # the heat scale ends this far from an AUC of 0.5
HEAT_STEPS = 40
_INKS = ("#01040f", "#ffffff")  # on any ground, one of them has a contrast of 4.5 or more


@dataclass(frozen=True)
class Palette:
    """The colours of a light or a dark page. models: one for each model. below, even, above: the scale of heat maps.

    mark: what a report's blue pictures point out, the best epoch and the best reachable AUC. opened, warning, fresh and
    stale are backgrounds of texts; stale_ink, missing and star are texts. Colour-blind people can tell the colours
    apart: orange from blue, and those of the first eight models, which are Okabe and Ito's. The other models also have
    symbols of their own.
    """

    ground: str
    card: str
    ink: str
    muted: str
    line: str
    accent: str
    best: str
    mark: str
    below: str
    even: str
    above: str
    opened: str
    warning: str
    fresh: str
    stale: str
    stale_ink: str
    missing: str
    star: str
    models: tuple[str, ...]


_THEMES = {  # light, dark
    "ground": ("#f8fafc", "#0f172a"),
    "card": ("#ffffff", "#1e293b"),
    "ink": ("#1e293b", "#e2e8f0"),
    "muted": ("#5b6b80", "#94a3b8"),
    "line": ("#e2e8f0", "#334155"),
    "accent": ("#2563eb", "#60a5fa"),
    "best": ("#64748b", "#cbd5e1"),
    "mark": ("#d97706", "#f59e0b"),
    "below": ("#c2570c", "#f0883e"),
    "even": ("#f1f5f9", "#27364b"),
    "above": ("#1d5fa8", "#5fb0f5"),
    "opened": ("#eef3fe", "#263852"),
    "warning": ("#fef3c7", "#422f06"),
    "fresh": ("#cfe3f7", "#1d4468"),
    "stale": ("#f7c873", "#8f5c08"),
    "stale_ink": ("#422006", "#fff7e6"),
    "missing": ("#b91c1c", "#f78a8a"),
    "star": ("#8a6100", "#f0c040"),
}
_MODELS = (
    (
        "#0072b2",
        "#d55e00",
        "#009e73",
        "#b3508f",
        "#b98500",
        "#5a5fc7",
        "#7a4a21",
        "#64748b",
        "#5b7a0d",
        "#a3154d",
        "#0e7490",
        "#8e24aa",
        "#1f4e9c",
        "#c2410c",
        "#3f3f46",
    ),
    (
        "#4db3f0",
        "#ff8a3d",
        "#2fd3a6",
        "#e59cc6",
        "#f0c040",
        "#a5a9ff",
        "#c99a6b",
        "#a3b1c6",
        "#b6d95a",
        "#f78fb3",
        "#67d5ea",
        "#d58cf5",
        "#8fb8ff",
        "#ffb38a",
        "#e4e4e7",
    ),
)
LIGHT, DARK = (Palette(**{name: pair[at] for name, pair in _THEMES.items()}, models=_MODELS[at]) for at in (0, 1))


def css_variables() -> str:
    """Return CSS declarations of the colours, --ink, --model-0 and so on, each for light and dark pages."""
    pairs = {name: (light, getattr(DARK, name)) for name, light in vars(LIGHT).items() if name != "models"}
    pairs |= {f"model-{number}": pair for number, pair in enumerate(zip(LIGHT.models, DARK.models, strict=True))}
    return "".join(
        f"  --{name.replace('_', '-')}: light-dark({light}, {dark});\n" for name, (light, dark) in pairs.items()
    )


def heat(lean: float, palette: Palette) -> tuple[str, str]:
    """Return the background and text colour of a cell of a heat map. lean: -1 is `below`, 0 `even`, 1 `above`."""
    end = _channels(palette.below if lean < 0 else palette.above)
    mixed = [start + (stop - start) * abs(lean) for start, stop in zip(_channels(palette.even), end, strict=True)]
    ground = "#" + "".join(f"{round(value * 255):02x}" for value in mixed)
    return ground, max(_INKS, key=lambda ink: contrast(ink, ground))


def heat_scale(palette: Palette) -> list[tuple[str, str]]:
    """Return ground and text colour in equal steps from `below` over `even` to `above`, HEAT_STEPS + 1 of them."""
    return [heat(2 * step / HEAT_STEPS - 1, palette) for step in range(HEAT_STEPS + 1)]


def lean_of(figures: Figures) -> float | None:
    """Return the colour of an AUC for `heat`, or None if there is no AUC.

    It is that of the interval's end nearer to 0.5: what few rows say stays pale, however far their AUC is from 0.5.
    """
    low, high = figures.auc_low, figures.auc_high
    if figures.auc is None:
        return None
    if low is None or high is None:
        return 0.0
    surely = low if low > 0.5 else min(high, 0.5)
    return max(-1.0, min((surely - 0.5) / AUC_REACH, 1.0))


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours as WCAG 2 defines it, from 1 to 21."""
    dark, bright = sorted((_luminance(first), _luminance(second)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> list[float]:
    """Red, green and blue of #rrggbb, each from 0 to 1."""
    return [value / 255 for value in bytes.fromhex(colour[1:])]
