import pytest

from training.evaluation.segments import Figures
from training.report.colours import AUC_REACH, DARK, LIGHT, Palette, contrast, heat, lean_of


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)  # the guideline's own example of too little
    assert contrast("#2563eb", "#2563eb") == 1


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_text_of_a_heat_cell_can_be_read_on_any_ground(palette: Palette) -> None:
    for step in range(-100, 101):
        assert contrast(*heat(step / 100, palette)) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_heat_scale_runs_from_below_over_even_to_above(palette: Palette) -> None:
    assert [heat(lean, palette)[0] for lean in (-1, 0, 1)] == [palette.below, palette.even, palette.above]


TEXTS = {  # by the ground on which they stand
    "card": ("ink", "muted", "accent", "best", "below", "missing", "star"),
    "ground": ("ink", "muted", "accent"),
    "opened": ("ink", "muted", "accent", "star"),
    "warning": ("ink",),
    "fresh": ("ink",),
    "stale": ("stale_ink",),
}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_every_text_has_the_contrast_that_wcag_asks_for(palette: Palette) -> None:
    ratios = {(text, on): contrast(getattr(palette, text), getattr(palette, on)) for on in TEXTS for text in TEXTS[on]}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_every_mark_has_the_contrast_that_wcag_asks_for(palette: Palette) -> None:
    assert min(contrast(mark, palette.card) for mark in (*palette.models, palette.mark, palette.accent)) >= 3


def figures(rows: int, positives: int, auc: float | None, low: float | None, high: float | None) -> Figures:
    return Figures(rows, positives, auc, low, high, None, None, None)


def test_a_colour_follows_the_end_of_the_interval_nearer_to_a_half() -> None:
    assert lean_of(figures(900, 300, 0.65, 0.6, 0.7)) == pytest.approx(0.1 / AUC_REACH)
    assert lean_of(figures(900, 300, 0.35, 0.3, 0.4)) == pytest.approx(-0.1 / AUC_REACH)
    assert lean_of(figures(40, 20, 0.65, 0.45, 0.85)) == 0
    assert (lean_of(figures(900, 300, 0.95, 0.9, 1.0)), lean_of(figures(900, 300, 0.05, 0.0, 0.1))) == (1, -1)


def test_an_auc_without_interval_is_pale_even_if_classes_are_told_apart_perfectly() -> None:
    assert lean_of(figures(900, 9, 1.0, None, None)) == 0
    assert lean_of(figures(900, 10, 1.0, 1.0, 1.0)) == 1
    assert lean_of(figures(5, 5, None, None, None)) is None
