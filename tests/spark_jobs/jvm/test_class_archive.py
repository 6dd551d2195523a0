"""A class archive fits one Java and one set of jars, and a damaged one changes nothing but speed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spark_jobs.jvm import class_archive
from spark_jobs.jvm.class_archive import archive_key, empty_folder, find_archive, spark_home
from tests.spark_jobs.odd_logs import write_odd_logs
from warehouse.settings import REPOSITORY

QUIET = "WARNING: Using incubator modules: jdk.incubator.vector"


def java_of(folder: Path, version: str) -> dict[str, str]:
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return {"JAVA_HOME": str(folder)}


def test_the_key_changes_with_java_the_jars_and_the_folder(tmp_path: Path) -> None:
    home = tmp_path / "spark"
    (home / "jars").mkdir(parents=True)
    (home / "jars" / "a.jar").write_bytes(b"one")
    java = java_of(tmp_path / "java", "17.0.15")
    first = archive_key(home, java, tmp_path)
    assert archive_key(home, java, tmp_path) == first
    assert archive_key(home, java, tmp_path / "moved") != first
    assert archive_key(home, java_of(tmp_path / "java", "21.0.1"), tmp_path) != first
    java = java_of(tmp_path / "java", "17.0.15")
    (home / "jars" / "b.jar").write_bytes(b"")
    assert archive_key(home, java, tmp_path) != first


def test_an_archive_that_cannot_be_made_ends_in_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "SPARK_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "spark_jobs.jvm.class_archive"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr.startswith("error: the class archive cannot be made: ")
    assert said.stderr.endswith("Spark works without it, but starts more slowly\n")
    assert said.stderr.count("\n") == 1


def test_a_new_archive_replaces_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "older-0.jsa").touch()

    def run(_command: list[str], env: dict[str, str], **_: object) -> None:
        assert Path(env["SPARK_CONF_DIR"]) == empty_folder(tmp_path)
        (option,) = (word for word in env["SPARK_SUBMIT_OPTS"].split() if word.startswith("-XX:ArchiveClassesAtExit="))
        Path(option.split("=", 1)[1]).write_bytes(b"classes")

    monkeypatch.setattr(class_archive.subprocess, "run", run)
    archive = class_archive.make("key", tmp_path, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {archive.name, "empty"}
    assert find_archive("key", tmp_path) == archive
    assert find_archive("other", tmp_path) is None
    cut(archive)
    assert find_archive("key", tmp_path) is None


class Checkout:
    """A copy of what a stage needs, with a small class archive: that of a program without a session."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, spark_home()
        for part in ("conf", "spark_jobs", "warehouse"):
            shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        class_data = folder / "var" / "class_data"
        empty_folder(class_data).mkdir(parents=True)
        (folder / "nothing.py").touch()
        made = class_data / "made"
        options = f"-XX:ArchiveClassesAtExit={made} -Xlog:cds*=off"
        self.submit("nothing.py", SPARK_CONF_DIR=str(empty_folder(class_data)), SPARK_SUBMIT_OPTS=options)
        made.chmod(0o644)
        key = archive_key(self.home, os.environ, class_data)
        self.archive = made.rename(class_data / f"{key}-{made.stat().st_size}.jsa")

    def submit(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith(("_OPTIONS", "_CONF_DIR"))},
            "PYTHONPATH": str(self.folder),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_CONF_DIR": str(self.folder / "conf"),
            "SPARK_SUBMIT_OPTS": "",
            **variables,
        }
        submit = [str(self.home / "bin" / "spark-submit"), *command]
        return subprocess.run(submit, cwd=self.folder, env=environment, capture_output=True, text=True)


def cut(archive: Path) -> None:
    with archive.open("r+b") as file:
        file.truncate(archive.stat().st_size // 2)


def flip(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    for place in range(len(content) // 4, len(content), 4096):
        content[place] ^= 0xFF
    archive.write_bytes(content)


def of_another_java(archive: Path) -> None:
    with archive.open("r+b") as file:
        file.write(b"\x00" * 4096)


@pytest.mark.long
def test_a_damaged_archive_changes_nothing_but_speed(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "my_日志")
    warehouse = tmp_path / "warehouse"
    (day,) = write_odd_logs(warehouse / "raw_test", seed=5, offsets=[0])
    loaded = tmp_path / "loaded.txt"
    stage = ["spark_jobs/csv_to_orc.py", "--warehouse", f"file://{warehouse}", "--dataset", "test", "--date", day]
    sound = checkout.archive.read_bytes()

    def published(damage: Callable[[Path], object]) -> list[dict]:
        checkout.archive.write_bytes(sound)
        damage(checkout.archive)
        options = f"-Xlog:class+load:file={loaded}"
        run = checkout.submit(*stage, "--max-reject-rate", "1", SPARK_SUBMIT_OPTS=options)
        assert run.returncode == 0, run.stderr
        assert set(run.stderr.splitlines()) <= {QUIET}
        lines = run.stdout.splitlines()
        assert len(lines) == 2, run.stdout
        return [{**partition, "seconds": None} for partition in json.loads(lines[-1])["published"]]

    plain = published(Path.unlink)
    assert "shared objects file (top)" not in loaded.read_text()
    assert published(lambda _: None) == plain
    assert "shared objects file (top)" in loaded.read_text()
    for damage in (cut, flip, of_another_java):
        assert published(damage) == plain, damage.__name__
        assert "shared objects file (top)" not in loaded.read_text(), damage.__name__
