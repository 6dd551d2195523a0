import signal

import pytest

from tests.training.conftest import command
from training.cli import main


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(finished):
    reading = command(["compare", "--artifacts", str(finished[0])])
    reading.stdout.close()
    assert reading.stderr.read() == ""
    assert reading.wait() == 128 + signal.SIGPIPE


def test_runs_are_put_side_by_side_on_the_same_rows(published, finished, tmp_path, capsys):
    other = main(published.arguments(tmp_path, "--seed", "5", "--train-days", str(published.world.days - 2)))
    capsys.readouterr()
    first, second = main(["compare", "--artifacts", str(finished[0]), other["artifacts"]])["runs"]
    assert first["auc"] == pytest.approx(finished[1]["auc"], abs=1e-12)
    assert second["auc"] == pytest.approx(other["auc"], abs=1e-12)
    assert first["against_first"] is None
    test = second["against_first"]
    assert test["difference"] == pytest.approx(second["auc"] - first["auc"], abs=1e-12)
    assert test["low"] < test["difference"] < test["high"]
    assert 0 <= test["p_value"] <= 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["run", "auc", "auc_low"]
    assert all(line.startswith("dnn_run_20") for line in lines[1:3])


def test_a_run_does_not_differ_from_itself(finished):
    runs = main(["compare", "--artifacts", str(finished[0]), str(finished[0])])["runs"]
    assert runs[1]["against_first"]["difference"] == 0
