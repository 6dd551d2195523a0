import pytest

from training.report.colours import DARK, LIGHT, Palette, contrast, heat


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


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_texts_can_be_read_on_their_grounds(palette: Palette) -> None:
    for text in (palette.ink, palette.muted, palette.accent):
        assert min(contrast(text, palette.card), contrast(text, palette.ground)) >= 4.5
