"""Exported models, loaded in a process that has neither this repository nor torch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import read_json
from training.checksums import changed_files
from training.cli import main
from training.errors import TrainingError
from training.scoring.scorer import Scorer

ELSEWHERE = """
import sys
for name in ("torch", "sklearn", "huggingface_hub", "mlflow"):
    sys.modules[name] = None  # as if it were not installed
import numpy as np
import pyarrow.parquet as pq
sys.path.insert(0, sys.argv[1] + "/code")
from training.scoring.scorer import Scorer
np.save("logits.npy", Scorer(sys.argv[1]).logits(pq.read_table(sys.argv[2])))
"""


def export(run: Path | str, to: Path, *more: str) -> Path:
    return Path(main(["export", "--model", str(run), "--to", str(to), *more])["exported"])


@pytest.fixture(scope="module")
def exports(validated: dict, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exports")
    return {model: export(validated[model][0], folder / model) for model in ("dnn", "mmoe_content")}


@pytest.mark.parametrize("model", ["lr", "gbdt", "dnn", "ple_text", "mmoe_content", "mmoe_din_text"])
def test_an_export_gives_the_logits_of_validation_without_this_repository(
    validated: dict, model: str, tmp_path: Path
) -> None:
    run, rows = validated[model]
    exported = export(run, tmp_path / "exported")
    assert changed_files(exported) == []
    pq.write_table(rows, tmp_path / "rows.parquet")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ELSEWHERE, str(exported), str(tmp_path / "rows.parquet")]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    expected = pq.read_table(run / "predictions.parquet")["logit"].to_numpy()
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-5)
    needed = (exported / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in needed] == [
        "numpy",
        "pyarrow",
        "lightgbm" if model == "gbdt" else "onnxruntime",
    ]


def test_rows_may_be_few_of_other_types_or_of_ids_that_nobody_has_seen(validated: dict, tmp_path: Path) -> None:
    run, rows = validated["mmoe_content"]
    scorer = Scorer(export(run, tmp_path / "exported"))
    expected = scorer.probabilities(rows)
    some = rows.slice(17, 5)
    plain = {
        "scene": some["scene"].cast(pa.int64()),
        "log_ts": some["log_ts"].cast(pa.timestamp("ns")),
        "item_title": some["item_title"].cast(pa.large_string()),
        "u_imp_cum": pa.array([None if count == 0 else float(count) for count in some["u_imp_cum"].to_pylist()]),
    }
    for name, column in plain.items():
        some = some.set_column(some.column_names.index(name), name, column)
    np.testing.assert_allclose(scorer.probabilities(some), expected[17:22], atol=1e-6)
    assert scorer.probabilities(rows.slice(0, 0)).shape == (0,)
    nobody = rows.set_column(0, "user_id", pa.array([None] * len(rows), pa.string()))
    assert ((scorer.probabilities(nobody) > 0) & (scorer.probabilities(nobody) < 1)).all()


def test_histories_may_be_null_or_long_but_must_fit_together(validated: dict, tmp_path: Path) -> None:
    run, rows = validated["mmoe_din_text"]
    scorer, names = Scorer(export(run, tmp_path / "exported")), [n for n in rows.column_names if "history_" in n]
    row = max(rows.to_pylist(), key=lambda row: len(row["history_days"]))
    assert len(row["history_days"]) == 50
    twice = {**row, **{name: row[name] * 2 for name in names}}
    nothing, empty = ({**row, **dict.fromkeys(names, value)} for value in (None, []))
    whole, longer, none, no_impression = scorer.probabilities(pa.Table.from_pylist([row, twice, nothing, empty]))
    assert (whole, none) == (longer, no_impression)
    assert abs(whole - none) > 1e-4
    for changes, sentence in (
        ({"history_scenes": [1]}, "the histories cannot be used, as the lists of a sequence differ in length"),
        ({"history_scenes": [7] * 50}, "as a sequence has the scene 7, but valid are 0 to 4: correct the columns"),
        ({"history_clicked": [2] * 50}, "as a sequence has clicked = 2, but valid are 0 and 1: correct the columns"),
        ({"history_item_ids": [None] * 50}, "as a sequence has an impression without item, scene, day or whether"),
    ):
        with pytest.raises(TrainingError, match=sentence):
            scorer.probabilities(pa.Table.from_pylist([{**row, **changes}]))


def test_rows_that_cannot_be_scored_are_told_by_name(validated: dict, tmp_path: Path) -> None:
    run, rows = validated["dnn"]
    scorer = Scorer(export(run, tmp_path / "exported"))
    with pytest.raises(TrainingError, match="the rows lack the columns scene, u_ctr_7d"):
        scorer.probabilities(rows.drop_columns(["scene", "u_ctr_7d"]))
    scene = rows.column_names.index("scene")
    with pytest.raises(TrainingError, match="the scenes 5, 77, but the model knows 0 to 4: give one of these"):
        scorer.probabilities(rows.set_column(scene, "scene", pa.array([5, 77, *[0] * (len(rows) - 2)])))
    with pytest.raises(TrainingError, match="column scene has no value in 1 of"):
        scorer.probabilities(rows.set_column(scene, "scene", pa.array([None, *[0] * (len(rows) - 1)])))
    with pytest.raises(TrainingError, match="column scene is string and cannot be turned into int32"):
        scorer.probabilities(rows.set_column(scene, "scene", pa.array(["first"] * len(rows))))
    with pytest.raises(TrainingError, match="the rows have the columns scene more than once"):
        scorer.probabilities(rows.append_column("scene", rows["scene"]))


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_numbers_are_no_times_and_rates_that_are_no_numbers_are_absent(
    validated: dict, tmp_path: Path, unit: str
) -> None:
    run, rows = validated["dnn"]
    scorer, place = Scorer(export(run, tmp_path / "exported")), rows.column_names.index("log_ts")
    numbers = rows["log_ts"].cast(pa.timestamp(unit), safe=False).cast(pa.int64())
    mistaken = numbers.cast(pa.timestamp("us", tz="UTC"))
    for times in (numbers, mistaken):
        with pytest.raises(TrainingError, match="column log_ts has numbers, or times in 1970 or before"):
            scorer.probabilities(rows.set_column(place, "log_ts", times))
    place = rows.column_names.index("u_ctr_7d")
    null, nan = (
        scorer.probabilities(rows.set_column(place, "u_ctr_7d", pa.array([absent] * len(rows), pa.float64())))
        for absent in (None, np.nan)
    )
    assert np.array_equal(null, nan)
    assert np.isfinite(nan).all()


@pytest.mark.parametrize(
    ("model", "file", "kept"),
    [
        ("dnn", "model.json", 20),
        ("dnn", "feature_meta.json", None),
        ("dnn", "vocabulary/user_id.parquet", None),
        ("dnn", "vocabulary/item_id.parquet", 100),
        ("dnn", "network.onnx", None),
        ("dnn", "network.onnx", 1000),
        ("mmoe_content", "text_encoder/encoder.json", None),
        ("mmoe_content", "whiten_W.npy", 100),
    ],
)
def test_an_export_that_was_copied_in_part_is_told(
    exports: dict[str, Path], model: str, file: str, kept: int | None, tmp_path: Path
) -> None:
    """kept: the bytes of the file that were copied; None if it is missing."""
    copy = Path(shutil.copytree(exports[model], tmp_path / "copy"))
    whole = (copy / file).read_bytes()
    (copy / file).unlink()
    if kept:
        assert kept < len(whole)
        (copy / file).write_bytes(whole[:kept])
    with pytest.raises(TrainingError, match=r"copy is incomplete or damaged .*: copy it again, and check it with"):
        Scorer(copy)


@pytest.mark.parametrize("file", ["network.onnx", "feature_meta.json", "whiten_mu.npy"])
def test_an_export_with_a_changed_byte_is_told(exports: dict[str, Path], file: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(exports["mmoe_content"], tmp_path / "copy"))
    content = bytearray((copy / file).read_bytes())
    content[-20] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(TrainingError, match=rf"copy is incomplete or damaged \({file} missing or changed\)"):
        Scorer(copy)


@pytest.mark.parametrize("content", ["null", "[]", "\ud800"])
def test_a_description_that_is_no_object_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(TrainingError, match=f"the exported model in {tmp_path} is incomplete or damaged"):
        Scorer(tmp_path)


def test_the_champion_is_exported_and_a_folder_that_exists_is_left_alone(
    validated: dict, tmp_path: Path, tracking_uri: str
) -> None:
    run, rows = validated["dnn"]
    at = ["--tracking-uri", tracking_uri]
    with pytest.raises(TrainingError, match="dataset demo has no champion yet"):
        export("champion", tmp_path / "exported", *at)
    main(["promote", "--artifacts", str(run), *at])
    exported = export("champion", tmp_path / "new folder" / "exported", *at)
    assert read_json(exported / "model.json")["run"] == run.name
    expected = pq.read_table(run / "predictions.parquet")["probability"].to_numpy()
    np.testing.assert_allclose(Scorer(exported).probabilities(rows), expected, atol=1e-5)
    with pytest.raises(TrainingError, match="exported exists already: give another folder as --to"):
        export("champion", exported, *at)
    assert {path.name for path in exported.parent.iterdir()} == {"exported"}
    with pytest.raises(TrainingError, match="is not the folder of an exported model"):
        Scorer(run)
