import copy
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from tests.training.evaluation.test_cold_start_report import random_predictions
from training.evaluation.metrics import evaluated
from training.evaluation.segments import LEVELS
from training.report.heat import gate_weights
from training.report.page import render
from warehouse.tables import SCENES

ALWAYS = ["AUC by segment", "Scene by level", "ROC", "Calibration", "Cold-start report", "Training", "Run"]
CONTENT, EXPERTS = "Weight of the content tower", "Experts by scene"
EPOCHS = [
    {"number": number, "train_loss": 0.7 - number / 50, "val_logloss": loss, "val_auc": 0.6, "seconds": 0.5}
    for number, loss in ((1, 0.66), (2, 0.64), (3, 0.65))
]
COURSE = {"epochs": EPOCHS, "best_epoch": 2, "stop_on": "logloss"}
ALPHA_BY = {
    "scene": {"0": 0.21, "1": 0.32, "2": 0.43, "3": 0.54, "4": None},
    "user_level": {"zero": 0.61, "few": 0.62, "warm": 0.63},
    "item_level": {"zero": 0.71, "few": 0.72, "warm": 0.73},
}
WITHOUT_TEXT = {"item": 1234, "query": 5}


def gate(weights, collapsed=()):
    """The same in two scenes."""
    of_scene = {"weights": list(weights), "entropy": 1.25}
    return {"by_scene": {"0": of_scene, "2": of_scene}, "collapsed": list(collapsed)}


def page(predictions=None, course=COURSE, facts=None, **more):
    """The page of predictions; by default of some in which scene 3 has one class and scene 4 no rows."""
    predictions = random_predictions() if predictions is None else predictions
    metrics, report = evaluated(predictions, None)
    metrics = {"model": "dnn", "as_of": "2023-07-23", **metrics, **more}
    labels, scores = predictions["label"].to_numpy(), predictions["logit"].to_numpy()
    return render(facts or {}, course, labels, scores, metrics, report)


@pytest.fixture(scope="module")
def dnn_page():
    return page()


@pytest.fixture(scope="module")
def full_page():
    """That of a run with content and gates."""
    return page(alpha_by=ALPHA_BY, rows_without_text=WITHOUT_TEXT, gates={"experts": gate([0.125, 0.25, 0.625])})


def headings(html):
    return re.findall(r"<h2>(.*?)</h2>", html)


def section(html, heading):
    return html[html.index(f"<h2>{heading}</h2>") :].split("</section>")[0]


def drawn(html):
    """The texts in pictures."""
    return re.findall(r"<text [^>]*>([^<]*)</text>", html)


def scored_by(score_of_label):
    predictions = random_predictions()
    logit = score_of_label * predictions["label"].to_numpy().astype(np.float32)
    return predictions.set_column(predictions.column_names.index("logit"), "logit", pa.array(logit))


def test_every_auc_of_the_report_is_on_the_page(dnn_page):
    _, report = evaluated(random_predictions(), None)
    for segment, figures in report.items():
        if figures.auc is not None:
            assert f"<td>{figures.auc:.4f}</td>" in section(dnn_page, "Cold-start report")
            assert f"{figures.auc:.3f}" in drawn(section(dnn_page, "Scene by level")), segment
        assert f"{figures.rows:,}" in drawn(section(dnn_page, "Scene by level")) or not figures.rows


def test_the_heat_maps_have_a_cell_for_each_scene_and_level_and_say_why_one_is_empty(dnn_page):
    texts = drawn(section(dnn_page, "Scene by level"))
    cells = 2 * (1 + len(SCENES)) * (1 + len(LEVELS))
    of_one_class, without_rows = 2 * (1 + len(LEVELS)), 2 * (1 + len(LEVELS))  # scenes 3 and 4 in both maps
    assert (texts.count("one class"), texts.count("no rows")) == (of_one_class, without_rows)
    assert sum(re.fullmatch(r"\d\.\d{3}", text) is not None for text in texts) == cells - of_one_class - without_rows


@pytest.mark.parametrize(("score_of_label", "there", "absent"), [(1, "#1d5fa8", "#c2570c"), (-1, "#c2570c", "#1d5fa8")])
def test_a_cell_is_blue_above_a_coin_and_orange_below(score_of_label, there, absent):
    heat = section(page(scored_by(score_of_label)), "Scene by level")
    assert f"fill: light-dark({there}, " in heat
    assert absent not in heat


def test_a_coin_has_neither_colour():
    heat = section(page(scored_by(0)), "Scene by level")
    assert "fill: light-dark(#f1f5f9, " in heat
    assert "#1d5fa8" not in heat
    assert "#c2570c" not in heat


def test_a_cell_of_few_rows_is_pale_however_high_its_auc():
    html = page(scored_by(1).slice(0, 12))
    heat = section(html, "Scene by level")
    assert "<b>1.0000</b><span>AUC</span>" in html
    assert "1.000" in drawn(heat)
    assert "#1d5fa8" not in heat


def test_pictures_are_drawn_in_colours_of_light_and_dark_pages_alone(full_page):
    pictures = "".join(re.findall(r"<svg.*?</svg>", full_page, re.DOTALL))
    for declared in re.findall(r"(?:fill|stroke): ([^;\"]+)", pictures):
        assert re.fullmatch(r"none|var\(--[a-z_-]+\)|light-dark\(#\w{6}, #\w{6}\)", declared), declared
    variables = set(re.findall(r"var\((--[a-z-]+)\)", full_page))
    assert variables <= set(re.findall(r"(--[a-z-]+): light-dark", full_page))


def test_the_board_can_choose_light_or_dark_by_the_address(dnn_page):
    assert ":root:target { color-scheme: dark; }" in dnn_page
    assert ":root:has(body:target) { color-scheme: light; }" in dnn_page
    assert re.search(r'<html lang="en" id="dark">.*<body id="light">', dnn_page, re.DOTALL)


def test_a_phone_gets_a_narrower_picture_of_the_segments(dnn_page):
    widths = re.findall(r'width="(\d+)"', section(dnn_page, "AUC by segment"))
    assert [int(width) < 500 for width in widths] == [False, True]


def test_the_words_of_the_figures_are_explained(dnn_page):
    explained = re.findall(r"<dt>(.*?)</dt>", dnn_page.split("<section>")[0])
    assert explained == ["AUC", "GAUC", "Log loss", "Normalised entropy", "ECE"], "the truth is not known"
    known = page(share=0.7, best_reachable_auc=0.8)
    assert {"Share", "Best reachable"} < set(re.findall(r"<dt>(.*?)</dt>", known.split("<section>")[0]))


def test_a_dnn_has_neither_content_nor_gates(dnn_page):
    assert headings(dnn_page) == ALWAYS
    assert "expert" not in dnn_page
    assert "mean embedding" not in dnn_page


def test_content_and_gates_stand_before_the_table(full_page):
    assert headings(full_page) == [*ALWAYS[:4], CONTENT, EXPERTS, *ALWAYS[4:]]


def test_a_mixture_with_content_shows_both(finished_content):
    html = (finished_content[0] / "report.html").read_text(encoding="utf-8")
    assert {CONTENT, EXPERTS} < set(headings(html))
    for by in finished_content[1]["alpha_by"].values():
        assert {f"{mean:.2f}" for mean in by.values() if mean is not None} <= set(drawn(section(html, CONTENT)))


def test_the_weight_of_the_content_is_drawn_with_the_rows_without_text_below(full_page):
    content = section(full_page, CONTENT)
    texts = drawn(content)
    for by in ALPHA_BY.values():
        assert {f"{mean:.2f}" for mean in by.values() if mean is not None} <= set(texts)
    assert texts.count("no") == texts.count("rows") == 1, "scene 4 has no rows"
    assert "1,234 without item text, 5 without query text" in content
    assert "<table" not in content


def test_weights_of_the_experts_are_drawn_by_scene_with_their_entropy(full_page):
    experts = section(full_page, EXPERTS)
    texts = drawn(experts)
    assert [texts.count(weight) for weight in ("0.12", "0.25", "0.62", "entropy 1.25")] == [2, 2, 2, 2]
    assert [name for name in texts if name.startswith("scene")] == ["scene 0", "scene 2"]
    assert "ln 3 = 1.10" in experts


def test_an_expert_above_an_equal_share_is_blue_and_one_below_orange():
    coloured = gate_weights("experts", gate([0.25, 0.5, 0.0, 0.25]))
    assert [coloured.count(f"fill: light-dark({colour}") for colour in ("#f1f5f9", "#1d5fa8", "#c2570c")] == [4, 2, 2]
    equal = gate_weights("experts", gate([0.25] * 4))
    assert [equal.count(f"fill: light-dark({colour}") for colour in ("#f1f5f9", "#1d5fa8", "#c2570c")] == [8, 0, 0]


def test_collapsed_experts_are_named():
    alone = section(page(gates={"experts": gate([0.01, 0.99], [0])}), EXPERTS)
    assert "Collapsed, below 10% of an equal share in every scene: expert 0." in alone
    assert "font-weight: 700" in alone, "its number stands out"
    levels = {"level 1": gate([0.5, 0.5]), "level 2": gate([0.01, 0.98, 0.01], [0, 2])}
    several = section(page(model="ple", gates=levels), EXPERTS)
    assert "expert 0 of level 2, expert 2 of level 2." in several
    assert several.count("<svg") == 2
    assert "own experts come first" in several


def test_without_a_collapsed_expert_the_page_says_so(full_page):
    experts = section(full_page, EXPERTS)
    assert "No expert has collapsed" in experts
    assert "font-weight: 700" not in experts
    assert "own experts come first" not in experts


def test_the_course_marks_the_best_epoch(dnn_page):
    training = section(dnn_page, "Training")
    [best] = re.findall(r'<tr class="best"><td>(\d+)</td>', training)
    assert best == "2"
    assert training.count("<svg") == 1
    assert {"log loss", "AUC", "1", "2", "3"} <= set(drawn(training))


@pytest.mark.parametrize(
    ("stop_on", "said"), [("logloss", "lowest held-out log loss"), ("auc", "highest held-out AUC")]
)
def test_the_page_says_what_the_best_epoch_is(stop_on, said):
    assert f"best epoch: {said}" in page(course={**COURSE, "stop_on": stop_on})


def test_a_course_of_one_epoch_is_drawn():
    training = section(page(course={**COURSE, "epochs": EPOCHS[:1], "best_epoch": 1}), "Training")
    assert training.count("<tr") == 2
    assert "<svg" in training


def test_one_scene_alone_is_drawn():
    predictions = random_predictions()
    assert headings(page(predictions.filter(pa.compute.equal(predictions["scene"], 0)))) == ALWAYS


def test_the_page_escapes_what_it_shows():
    html = page(facts={"notes": "<b>bold</b> & 'more'"}, model="<i>dnn</i>")
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; " in html
    assert "&lt;i&gt;dnn" in html
    assert "<b>bold" not in html
    assert "<i>dnn" not in html


def test_the_same_run_gives_the_same_bytes(full_page):
    gates = {"experts": gate([0.125, 0.25, 0.625])}
    assert page(alpha_by=copy.deepcopy(ALPHA_BY), rows_without_text=dict(WITHOUT_TEXT), gates=gates) == full_page


@pytest.mark.parametrize("kind", ["finished", "finished_content"])
def test_the_page_is_one_small_well_formed_file_that_loads_nothing(kind, request):
    html = (request.getfixturevalue(kind)[0] / "report.html").read_text(encoding="utf-8")
    walk = Walk()
    walk.feed(html)
    assert walk.opened == []
    assert len(walk.ids) == len(set(walk.ids))
    assert walk.targets <= set(walk.ids), "a shape is there wherever it is used"
    assert not re.search(r"http|@import|url\((?!#)", html)
    assert len(html) < 400_000


class Walk(HTMLParser):
    """Reads a page, refusing what would load something."""

    def __init__(self):
        super().__init__()
        self.opened, self.ids, self.targets = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.see(tag, attrs)
        if tag not in ("meta", "br"):
            self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.see(tag, attrs)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def see(self, tag, attrs):
        assert tag not in ("script", "link", "img", "image", "iframe", "object", "embed")
        for name, value in attrs:
            assert name not in ("src", "srcset", "data")
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value)
            if name.endswith("href"):
                assert value.startswith("#")
                self.targets.add(value[1:])
            self.targets |= set(re.findall(r"url\(#([^)]+)\)", value or ""))
