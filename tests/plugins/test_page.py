"""The page in a real browser, if one is installed."""

import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import FastAPI

from local.browser.chromium import BROWSER, OPTIONS
from orchestration.board_address import PAGE, URL_PREFIX
from plugins.board import routes
from plugins.board.routes import board_app
from tests.browser import needs_browser
from tests.plugins.conftest import MakeRun, settings
from tests.warehouse.conftest import publish, receive
from training.report.words import LEVELS_ARE, OF_THE_BOARD, WORDS
from training.tracking.champion import Champion
from warehouse.catalog import Catalog
from warehouse.tables import LOGS, RAW

DAY = "2023-07-20"

pytestmark = needs_browser


@pytest.fixture
def shown(artifacts: Path, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """The page's text and elements once it has settled."""
    app = FastAPI()
    app.mount(URL_PREFIX, board_app(settings(artifacts), signed_in=lambda: "somebody", at_work=list))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()

    def dump(query: str = "") -> str:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}{PAGE}{query}"
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        settled = ("--virtual-time-budget=20000", "--dump-dom")
        command = [BROWSER, "--headless", *OPTIONS, profile, *settled, address]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout

    yield dump
    server.should_exit = True
    thread.join()


def rows(page: str) -> list[str]:
    """The texts of the runs' lines."""
    body = re.search(r'<table id="runs">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    return [re.sub(r"<[^>]+>", " ", line) for line in re.findall(r"<tr.*?</tr>", body[1])] if body else []


def test_runs_plots_and_the_warehouse_are_drawn(make_run: MakeRun, tmp_path: Path, shown: Callable[..., str]) -> None:
    make_run("dnn", auc=0.7123)
    make_run("dnn", number=3, as_of="2023-07-22")
    make_run("mmoe_content", number=1, alpha_by={"user_level": {"zero": 0.4}})
    broken = make_run("ple", number=2, as_of="<img src=x>")
    catalog = Catalog((tmp_path / "warehouse").as_uri(), "demo")
    receive(catalog, DAY)
    publish(catalog, LOGS, DAY, ["a"], [(RAW, DAY)])
    page = shown()
    first, second = rows(page)
    assert "dnn" in first
    assert "0.7123" in first
    assert "mmoe_content" in second
    drawn = set(re.findall(r'id="([a-z-]+)"[^>]*class="[^"]*js-plotly-plot|js-plotly-plot" id="([a-z-]+)"', page))
    assert {name for pair in drawn for name in pair if name} == {
        *("overall", "history", "by-scene", "by-user", "by-item", "heat-user", "heat-item", "alpha")
    }
    assert re.search(r'<th class="text" scope="row">scene 0</th><td>300</td><td>120</td><td>0.6400 \(', page)
    assert LEVELS_ARE in page
    assert all(f"<dt>{word}</dt>" in page for word in (*WORDS, *OF_THE_BOARD))
    assert "One run cannot be shown" in page
    assert broken.name in page
    assert "&lt;img src=x&gt;" in page
    assert "<img" not in page
    assert page.count(f'aria-label="logs_demo {DAY}: fresh, 1 rows"') == 1
    lacks = re.search(r'<section id="lacks">.*?</section>', page, re.DOTALL)
    assert lacks, "it is shown"
    assert f"run the DAG antm2c_etl_daily with the Date {DAY}." in lacks[0]
    assert page.index('id="lacks"') < page.index('id="board"')


def test_an_empty_board_says_what_to_do(shown: Callable[..., str]) -> None:
    page = shown()
    assert re.search(r'<section id="no-runs">.*antm2c_retrain', page, re.DOTALL)
    assert re.search(r'<div id="board" hidden="">', page)
    assert "Nothing is published yet" in page


def test_a_run_that_is_gone_is_said_and_the_others_are_shown(make_run: MakeRun, shown: Callable[..., str]) -> None:
    make_run("dnn")
    page = shown("?run=artifacts_dnn_run_20200101-000000")
    assert re.search(r'class="notice">The artifacts folder has no run .artifacts_dnn_run_20200101-000000.', page)
    assert len(rows(page)) == 1


def test_the_run_of_a_link_is_marked_and_its_date_chosen(make_run: MakeRun, shown: Callable[..., str]) -> None:
    make_run("dnn", number=0, as_of="2023-07-22")
    linked = make_run("dnn", number=1, as_of="2023-07-22")
    make_run("dnn", number=2, as_of="2023-07-23")
    page = shown(f"?run={linked.name}")
    assert len(rows(page)) == 3  # both runs of that date, and the line between them
    assert re.search(rf'<tr class="opened">.*?title="{linked.name}"', page)


def test_what_would_be_empty_is_closed(make_run: MakeRun, shown: Callable[..., str]) -> None:
    make_run("dnn")
    page = shown()
    assert '<section hidden=""><h2>AUC by as-of date</h2>' in page, "there is one date"
    assert re.search(r'<section hidden="">\s*<h2>Weight of the content tower</h2>', page)
    assert re.search(r'<section id="warehouse" hidden="">', page)


def test_the_champion_is_marked_and_found_from_another_date(
    make_run: MakeRun, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = make_run("mmoe", as_of="2023-07-22")
    make_run("dnn", number=1, as_of="2023-07-23")
    monkeypatch.setattr(routes, "champion_of", Mock(return_value=Champion("3", champion.name, "", "a")))
    other_date, its_own = shown(), shown(f"?run={champion.name}")
    told = "Champion of demo: mmoe, as of 2023-07-22 \\(version 3\\)"
    assert re.search(rf'id="champion".*?{told}.*?href="\?run={champion.name}', other_date)
    assert "★" not in " ".join(rows(other_date))
    assert [line for line in rows(its_own) if "★" in line and "mmoe" in line]
