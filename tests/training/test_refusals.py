"""Every bad input ends in one sentence that says what is wrong, where, and what to do."""

import errno
import json
import math
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.training.conftest import Published
from tests.training.logs import as_table, publish
from training.checksums import CHECKSUMS_FILE, write_checksums
from training.cli import main, run
from training.data.training_table import read_keys
from training.errors import TrackingError, TrainingError
from training.model_names import MODEL_NAMES
from training.window import available_window, in_ranges
from warehouse.errors import StorageError
from warehouse.manifest import MANIFEST_FILE, Input
from warehouse.settings import REPOSITORY
from warehouse.tables import RAW, TRAIN

TRACKING = ("track", "challenge", "promote")


def with_labels(world, date, label):
    table = world.tables[date]
    return as_table(TRAIN, {name: table[name] for name in table.column_names} | {"label": [label] * len(table)})


def make_stale(published, date):
    publish(published.catalog, date, published.world.tables[date], [Input("logs", date, "an older version")])


@pytest.fixture
def copied(finished, tmp_path) -> Path:
    """A finished run that a test may damage."""
    return Path(shutil.copytree(finished[0], tmp_path / finished[0].name))


def refused(arguments) -> str:
    with pytest.raises(TrainingError) as caught:
        main(arguments)
    return str(caught.value)


@pytest.mark.parametrize("as_of", ["yesterday", "2023-02-30", "20230714x"])
def test_an_as_of_that_is_no_date(published, tmp_path, as_of):
    assert f"--as-of '{as_of}' is not a date" in refused(published.arguments(tmp_path, "--as-of", as_of))


def test_an_unknown_model(published, tmp_path):
    sentence = refused(published.arguments(tmp_path, "--model", "oracle"))
    assert sentence == f"there is no model 'oracle': choose one of {', '.join(MODEL_NAMES)}"


def test_a_missing_date_is_named_and_not_excused(own_published, tmp_path):
    date = sorted(own_published.world.tables)[1]
    shutil.rmtree(own_published.catalog.path(TRAIN, date))
    sentence = refused(own_published.arguments(tmp_path, "--train-days", "12", "--allow-stale"))
    assert f"train_demo_parquet is missing for {date};" in sentence
    assert f"there are no raw logs for {date}: add them to {own_published.catalog.uri(RAW, date)}, then run" in sentence
    assert "--allow-stale" not in sentence
    assert "backfill" not in sentence, "without raw logs it would fail"


def test_days_before_the_first_logs_are_not_asked_for(published):
    days, first = published.world.days, sorted(published.world.tables)[0]
    for asked in (3, days - 1, 12):
        window = available_window(published.catalog, published.world.last_date, asked, 1)
        assert len(window.train) == min(asked, days - 1)
        assert window.val == (published.world.last_date,)
    assert window.train[0] == first


def test_a_window_with_too_few_training_days(published, tmp_path):
    first, second, third = sorted(published.world.tables)[:3]
    sentence = refused(published.arguments(tmp_path, "--as-of", third, "--train-days", "12"))
    assert f"there are only 2 training days from the first logs, of {first}, to the validation days" in sentence
    assert f"which begin on {third}, but at least 3 are needed" in sentence
    assert available_window(published.catalog, third, 2, 1).train == (first, second)


def test_a_warehouse_without_logs(published, tmp_path):
    elsewhere = (tmp_path / "empty").as_uri()
    assert "there are no logs at all: add raw logs for" in refused(
        published.arguments(tmp_path, "--warehouse", elsewhere)
    )


def test_a_table_of_the_leakage_audit_is_never_taken(own_published, tmp_path):
    date = sorted(own_published.world.tables)[1]
    path = Path(own_published.catalog.path(TRAIN, date)) / "_manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "parameters": {"feature_lag_days": 0}}))
    sentence = refused(own_published.arguments(tmp_path / "runs", "--allow-stale"))
    assert f"train_demo_parquet date={date} is leaky" in sentence
    assert "--allow-stale" not in sentence


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["2023-07-31"], "2023-07-31"),
        (["2023-07-30", "2023-07-31", "2023-08-01"], "2023-07-30 to 2023-08-01"),
        (["2023-07-01", "2023-07-03", "2023-07-04"], "2023-07-01, 2023-07-03 to 2023-07-04"),
    ],
)
def test_dates_are_named_in_ranges(days, said):
    assert in_ranges(days) == said


def test_a_stale_date_is_named_and_may_be_taken(own_published, tmp_path):
    date = sorted(own_published.world.tables)[1]
    make_stale(own_published, date)
    sentence = refused(own_published.arguments(tmp_path / "runs"))
    assert f"train_demo_parquet date={date} is stale" in sentence
    assert "--allow-stale" in sentence
    assert main(own_published.arguments(tmp_path / "runs", "--allow-stale"))["auc"] > 0


def test_a_broken_manifest(own_published, tmp_path):
    date = sorted(own_published.world.tables)[0]
    (Path(own_published.catalog.path(TRAIN, date)) / MANIFEST_FILE).write_text("{}")
    assert MANIFEST_FILE in refused(own_published.arguments(tmp_path / "runs"))


def test_a_validation_day_of_one_class(own_published, tmp_path):
    date = own_published.world.last_date
    publish(own_published.catalog, date, with_labels(own_published.world, date, 0))
    sentence = refused(own_published.arguments(tmp_path / "runs"))
    assert f"of 200 rows on the validation dates, {date}, 0 were clicked" in sentence


def test_a_training_window_of_one_class(own_published, tmp_path):
    for date in sorted(own_published.world.tables)[:-1]:
        publish(own_published.catalog, date, with_labels(own_published.world, date, 1))
    assert "600 were clicked" in refused(own_published.arguments(tmp_path / "runs"))


def test_a_window_without_rows(own_published, tmp_path):
    for date, table in own_published.world.tables.items():
        publish(own_published.catalog, date, table.slice(0, 0))
    assert "of 0 rows" in refused(own_published.arguments(tmp_path / "runs"))


def test_one_date_without_rows_is_no_obstacle(own_published, tmp_path):
    date, table = next(iter(own_published.world.tables.items()))
    publish(own_published.catalog, date, table.slice(0, 0))
    assert main(own_published.arguments(tmp_path / "runs"))["rows"] == 200


def test_a_missing_column(own_published, tmp_path):
    file = own_published.catalog.files(TRAIN, own_published.world.last_date)[0]["name"]
    pq.write_table(pq.read_table(file, partitioning=None).drop_columns("u_imp_cum"), file)
    sentence = refused(own_published.arguments(tmp_path / "runs"))
    assert "lacks the columns u_imp_cum" in sentence
    assert file in sentence


def test_a_damaged_file(own_published, tmp_path):
    Path(own_published.catalog.files(TRAIN, own_published.world.last_date)[0]["name"]).write_bytes(b"PAR1 no more")
    sentence = refused(own_published.arguments(tmp_path / "runs"))
    assert f"date={own_published.world.last_date} cannot be read" in sentence


def test_a_lost_file(own_published, tmp_path):
    Path(own_published.catalog.files(TRAIN, own_published.world.last_date)[0]["name"]).unlink()
    assert "but its manifest says 200" in refused(own_published.arguments(tmp_path / "runs"))


@pytest.mark.parametrize("label", [2, None])
def test_a_label_that_is_neither_0_nor_1(own_published, tmp_path, label):
    date = own_published.world.last_date
    publish(own_published.catalog, date, with_labels(own_published.world, date, label))
    assert f"has the invalid label {label}" in refused(own_published.arguments(tmp_path / "runs"))


def test_a_scene_that_is_not_known(own_published, tmp_path):
    folder = Path(own_published.catalog.path(TRAIN, own_published.world.last_date))
    (folder / "scene=4").rename(folder / "scene=9")
    assert "has the invalid scene 9" in refused(own_published.arguments(tmp_path / "runs"))


def test_a_partition_published_anew_while_it_is_read(own_published, tmp_path, monkeypatch):
    date, table = next(iter(own_published.world.tables.items()))

    def read_while_published(*arguments):
        publish(own_published.catalog, date, table.slice(1))
        return read_keys(*arguments)

    monkeypatch.setattr("training.commands.train.read_keys", read_while_published)
    assert f"published again for {date}" in refused(own_published.arguments(tmp_path / "runs"))


def test_a_learning_rate_that_explodes(published, tmp_path):
    sentence = refused(published.arguments(tmp_path, "--learning-rate", "1e30"))
    assert "the loss is" in sentence
    assert "lower --learning-rate" in sentence


def test_a_model_that_has_diverged_is_not_published(published, tmp_path):
    sentence = refused(published.arguments(tmp_path, "--learning-rate", "1e6"))
    assert "the training has diverged: the held-out log loss of the best epoch" in sentence
    assert "lower --learning-rate (1e+06)" in sentence
    assert not list(tmp_path.glob("artifacts_*"))


def files_of(run: Path) -> list[Path]:
    return [path for path in sorted(run.rglob("*")) if path.is_file() and path.name != CHECKSUMS_FILE]


@pytest.mark.parametrize("command", ["evaluate", "compare", "track", "challenge", "promote"])
def test_a_run_with_a_missing_or_altered_file(finished_content, tmp_path, tracking_uri, command):
    """One bit of any file: weights, whitening, vocabulary, statistics, predictions, configuration or report."""
    run = Path(shutil.copytree(finished_content[0], tmp_path / finished_content[0].name))
    arguments = [command, "--artifacts", str(run), *(["--tracking-uri", tracking_uri] * (command in TRACKING))]
    random = np.random.default_rng(3)
    assert len(files_of(run)) > 10
    for file in files_of(run):
        content = bytearray(file.read_bytes())
        content[random.integers(len(content))] ^= 1 << random.integers(8)
        kept = file.rename(tmp_path / "kept")
        assert f"{file.relative_to(run)} is missing or changed" in refused(arguments)
        file.write_bytes(content)
        assert f"{file.relative_to(run)} is missing or changed" in refused(arguments)
        kept.rename(file)
    (run / CHECKSUMS_FILE).unlink()
    assert f"{CHECKSUMS_FILE} is missing or changed" in refused(arguments)


def test_a_state_that_does_not_fit(copied):
    state = torch.load(copied / "dnn_state.pt", weights_only=True)
    torch.save({name: weight for name, weight in state.items() if "layers" not in name}, copied / "dnn_state.pt")
    write_checksums(copied)
    assert "do not fit the model" in refused(["evaluate", "--artifacts", str(copied)])


def test_a_configuration_of_another_code_revision(copied):
    config = json.loads((copied / "dnn_config.json").read_text())
    del config["few_max"]
    (copied / "dnn_config.json").write_text(json.dumps(config))
    write_checksums(copied)
    assert "does not fit this version of the code" in refused(["evaluate", "--artifacts", str(copied)])


def test_a_folder_that_is_no_run(tmp_path):
    assert "there is no folder" in refused(["evaluate", "--artifacts", str(tmp_path / "nothing")])
    assert "is not the folder of an intact run" in refused(["compare", "--artifacts", str(tmp_path)])
    (tmp_path / "some.txt").write_text("no configuration")
    write_checksums(tmp_path)
    assert "it has 0 *_config.json files instead of one" in refused(["compare", "--artifacts", str(tmp_path)])


def test_evaluating_where_the_validation_date_is_gone(own_published, tmp_path):
    summary = main(own_published.arguments(tmp_path / "runs"))
    shutil.rmtree(own_published.catalog.path(TRAIN, own_published.world.last_date))
    assert "is missing" in refused(["evaluate", "--artifacts", summary["artifacts"]])


def test_evaluating_after_a_change_says_so(own_published, tmp_path, capsys):
    summary = main(own_published.arguments(tmp_path / "runs"))
    date = own_published.world.last_date
    publish(own_published.catalog, date, own_published.world.tables[date].slice(10))
    again = main(["evaluate", "--artifacts", summary["artifacts"]])
    assert again["rows"] == summary["rows"] - 10
    assert f"the tables of {date} have changed since this run" in capsys.readouterr().out


def test_comparing_runs_on_different_rows(finished, own_published, tmp_path):
    other = main(own_published.arguments(tmp_path / "runs"))
    sentence = refused(["compare", "--artifacts", str(finished[0]), other["artifacts"]])
    assert "were validated on different rows" in sentence


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *(
            ("--epochs", "0"),
            ("--dropout", "1"),
            ("--learning-rate", "0"),
            ("--learning-rate", "nan"),
            ("--seed", "-1"),
        ),
        *(("--embedding-decay", "1e300"), ("--weight-decay", "1")),
    ],
)
def test_an_argument_out_of_range_is_refused_by_the_parser(published, tmp_path, flag, value, capsys):
    with pytest.raises(SystemExit):
        main(published.arguments(tmp_path, flag, value))
    assert f"argument {flag}" in capsys.readouterr().err


@pytest.fixture
def untrained(monkeypatch):
    """Nothing may be trained."""
    monkeypatch.setattr("training.commands.train.fit", lambda *_: pytest.fail("the model is trained"))


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("encoder", ["/data/models/no-such-folder", "./models/m3e", "two words", ""])
def test_a_text_encoder_that_is_not_there_is_refused_before_the_tables_are_read(
    published, tmp_path, monkeypatch, encoder
):
    monkeypatch.setattr("training.commands.train.fit_features", lambda *_: pytest.fail("the tables are read"))
    sentence = refused(published.arguments(tmp_path, "--model", "dnn_content", "--text-encoder", encoder))
    assert sentence.startswith(f"there is no folder {encoder!r} for the text encoder")
    assert sentence.endswith("as --text-encoder, or use --text-encoder lsa, which needs no download")


@pytest.mark.parametrize("option", ["--notes", "--text-encoder", "--artifacts", "--warehouse"])
def test_words_that_are_not_utf_8_are_refused(published, tmp_path, option):
    """As Python passes on the bytes of a terminal that is set to GBK."""
    sentence = refused(published.arguments(tmp_path, option, b"\xd6\xd0".decode("utf-8", "surrogateescape")))
    assert sentence == rf"{option} is not UTF-8: '\udcd6\udcd0'; set your terminal to UTF-8"


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("dnn", "--hidden-size"),
        ("dnn", "--embedding-size"),
        ("mmoe", "--experts"),
        ("ple", "--scene-experts"),
        ("ple", "--shared-experts"),
    ],
)
def test_a_model_that_does_not_fit_in_memory_is_refused_before_it_is_built(published, tmp_path, model, size):
    sentence = refused(published.arguments(tmp_path, "--model", model, size, "2000000000"))
    assert "the model does not fit in memory: its weights take" in sentence
    assert size in sentence


@pytest.mark.parametrize("ask_for_too_much", [lambda: torch.empty(2**55), lambda: np.empty(2**55)])
def test_memory_that_runs_out_later_is_told_too(published, tmp_path, monkeypatch, ask_for_too_much):
    monkeypatch.setattr("training.commands.train.fit", lambda *_: ask_for_too_much())
    sentence = refused(published.arguments(tmp_path))
    assert sentence.startswith("out of memory (")
    assert "--batch-size" in sentence


def test_an_error_that_is_no_lack_of_memory_is_not_hidden(published, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr("training.commands.train.fit", fail)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        main(published.arguments(tmp_path))


@pytest.mark.parametrize("command", TRACKING)
def test_a_renamed_run_is_refused_by_all_that_know_runs_by_their_names(copied, tracking_uri, command):
    renamed = copied.rename(copied.with_name("the best"))
    sentence = refused([command, "--artifacts", str(renamed), "--tracking-uri", tracking_uri])
    assert str(renamed) in sentence
    assert "give it its name back, artifacts_{model}_run_YYYYMMDD-HHMMSS" in sentence


def test_a_setting_that_is_not_allowed_is_a_sentence():
    ended = subprocess.run(
        [sys.executable, "-m", "training", "compare", "--artifacts", "runs"],
        cwd=REPOSITORY,
        env={**os.environ, "ANTM2C_SCENES": "five"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "error: ANTM2C_SCENES is 'five'; set it to a whole number from 1 to 1000\n"


def test_a_shell_gets_a_sentence_and_status_1(published: Published, tmp_path):
    arguments = published.arguments(tmp_path, "--as-of", "2031-01-01")
    ended = subprocess.run(
        [sys.executable, "-m", "training", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr.splitlines()) == 1


def test_status_75_says_that_the_same_command_may_succeed_later(monkeypatch, capsys):
    def fail():
        raise TrackingError("MLflow could not be used")

    monkeypatch.setattr("training.cli.main", fail)
    assert run() == 75
    assert capsys.readouterr().err == "error: MLflow could not be used\n"


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (ConnectionResetError(errno.ECONNRESET, "reset"), True),
        (OSError(errno.ENOSPC, "no space left"), True),
        (StorageError("all DataNodes failed"), True),
        (OSError("Couldn't deserialize thrift"), False),  # Arrow's word for a damaged file
        (NotADirectoryError(errno.ENOTDIR, "a file"), False),
        (ValueError("no number"), False),
    ],
)
def test_what_a_file_system_could_not_do_now_may_pass_and_what_is_damaged_may_not(error, may_pass):
    with pytest.raises(TrainingError) as caught:
        raise TrainingError("a sentence") from error
    assert caught.value.may_pass is may_pass


def test_status_1_says_that_it_never_will(published, tmp_path, monkeypatch, capsys):
    (tmp_path / "a file").touch()
    monkeypatch.setattr("sys.argv", ["training", *published.arguments(tmp_path / "a file")])
    monkeypatch.setattr(
        "training.commands.train.fit_features", lambda *_: pytest.fail("read before it is known to be of use")
    )
    assert run() == 1
    assert "FileExistsError" in capsys.readouterr().err


def test_an_interrupted_run_says_how_to_go_on(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("training.cli.main", interrupt)
    assert run() == 130
    assert "training resumes after its last epoch" in capsys.readouterr().err


def test_a_warehouse_of_an_unknown_kind(published, tmp_path):
    assert refused(published.arguments(tmp_path, "--warehouse", "nowhere://x"))


def test_a_dataset_name_that_is_no_name(published, tmp_path):
    assert "letters, digits and underscores" in refused(published.arguments(tmp_path, "--dataset", "../x"))


class Malicious:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_a_pickle_in_the_place_of_weights_is_not_run(copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (copied / "dnn_state.pt").open("wb") as file:
        pickle.dump(Malicious(), file)
    write_checksums(copied)
    sentence = refused(["evaluate", "--artifacts", str(copied)])
    assert sentence == f"{copied / 'dnn_state.pt'} is damaged, or is not a file of weights: train again"
    assert not (tmp_path / "executed").exists()


def test_weights_that_are_not_finite(copied):
    state = torch.load(copied / "dnn_state.pt", weights_only=True)
    torch.save({name: weight * math.nan for name, weight in state.items()}, copied / "dnn_state.pt")
    write_checksums(copied)
    assert "dnn_state.pt holds weights that are not finite" in refused(["evaluate", "--artifacts", str(copied)])


@pytest.mark.parametrize("command", [["train", "--as-of", "2023-07-12"], ["evaluate"], ["compare"]])
def test_runs_are_not_kept_on_another_file_system(capsys: pytest.CaptureFixture, command: list[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command, "--artifacts", "hdfs://namenode:9000/runs"])
    assert "'hdfs://namenode:9000/runs' is not a local folder" in capsys.readouterr().err.splitlines()[-1]
    with pytest.raises(SystemExit):
        main([*command, "--artifacts", ""])
    assert "argument --artifacts: it is empty: give a folder" in capsys.readouterr().err.splitlines()[-1]
