"""The options for a start of Spark: class archive, compiler, and nothing that the user has decided."""

import json
import os
import shlex
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from spark_jobs.jvm.options import SMALL_BYTES, SMALL_INPUT, Start, describe_start, shell_lines
from warehouse.settings import REPOSITORY

STAGE = ("org.apache.spark.deploy.SparkSubmit", "/repository/spark_jobs/csv_to_orc.py")
ARCHIVE = Path("/my folder/日志/it's/0123.jsa")
DATE = "2023-07-10"


def start(
    *options: str, own: str = "", settings: str = "", archive: Path | None = ARCHIVE, size: int | None = 1
) -> Start:
    arguments = (STAGE[0], *options, STAGE[1], "--date", DATE)
    return Start(arguments, "\n".join([" ".join(arguments), own, settings]), own, archive, size)


def evaluated(start: Start) -> tuple[dict[str, str], list[str]]:
    """Variables and arguments that spark-class goes on with."""
    print_all = 'printf "%s\\0" "${SPARK_SUBMIT_OPTS-}" "${SPARK_CONF_DIR-}" "$@"'
    script = "\n".join([*shell_lines(start), print_all])
    environment = {"PATH": os.environ["PATH"], "SPARK_HOME": str(REPOSITORY)}
    command = ["bash", "-c", script, "spark-class", *start.arguments]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert said.stderr == ""
    options, conf, *arguments = said.stdout.split("\0")[:-1]
    return {"SPARK_SUBMIT_OPTS": options, "SPARK_CONF_DIR": conf}, arguments


def options_of(start: Start) -> list[str]:
    return shlex.split(evaluated(start)[0]["SPARK_SUBMIT_OPTS"])


def test_only_a_small_date_is_compiled_by_one_compiler() -> None:
    assert set(SMALL_INPUT) <= set(options_of(start(size=SMALL_BYTES)))
    for size in (SMALL_BYTES + 1, None):
        assert not set(SMALL_INPUT) & set(options_of(start(size=size)))


def test_the_path_of_the_archive_may_have_any_letters() -> None:
    variables, arguments = evaluated(start())
    assert f"-XX:SharedArchiveFile={ARCHIVE}" in options_of(start())
    assert variables["SPARK_CONF_DIR"] == str(ARCHIVE.parent / "empty")
    settings = ["--properties-file", str(REPOSITORY / "conf" / "spark-defaults.conf")]
    assert arguments == [STAGE[0], *settings, STAGE[1], "--date", DATE]


def test_without_an_archive_spark_keeps_its_folder_of_settings() -> None:
    variables, arguments = evaluated(start(archive=None))
    assert variables["SPARK_CONF_DIR"] == ""
    assert arguments == list(start().arguments)
    assert options_of(start(archive=None)) == list(SMALL_INPUT)


def test_options_of_the_user_come_last_and_win() -> None:
    assert options_of(start(own='-Da="b c" -Dd=e'))[-2:] == ["-Da=b c", "-Dd=e"]
    arguments = evaluated(start("--properties-file", "mine.conf"))[1]
    assert [value for name, value in pairwise(arguments) if name == "--properties-file"][-1] == "mine.conf"


@pytest.mark.parametrize(
    ("where", "chosen"), [("own", "-XX:+UseG1GC"), ("settings", "-XX:+UseG1GC"), ("settings", "@f")]
)
def test_a_user_who_chooses_a_collector_or_compiler_gets_none_of_ours(where: str, chosen: str) -> None:
    options = options_of(start(**{where: chosen}))
    assert not set(SMALL_INPUT) & set(options)
    assert f"-XX:SharedArchiveFile={ARCHIVE}" in options


@pytest.mark.parametrize("form", ["--properties-file {}", "--properties-file={}"])
def test_a_collector_chosen_in_a_file_of_settings_counts(form: str, tmp_path: Path) -> None:
    settings = tmp_path / "mine.conf"
    settings.write_text("spark.driver.extraJavaOptions -XX:+UseG1GC\n")
    words = form.format(settings).split()
    assert "-XX:+UseG1GC" in describe_start([STAGE[0], *words, STAGE[1]], os.environ, tmp_path).user_options


def test_a_copy_of_the_settings_elsewhere_is_left_as_it_is(tmp_path: Path) -> None:
    conf = shutil.copytree(REPOSITORY / "conf", tmp_path / "conf")
    script = (
        f"set -- {shlex.join([*STAGE, '--date', DATE])}; . {conf}/spark-env.sh; echo $SPARK_CONF_DIR $SPARK_SUBMIT_OPTS"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "SPARK_CONF_DIR": str(conf)}
    said = subprocess.run(["bash", "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert said.stdout.split() == [str(conf)]


def sourced(before: str, after: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """conf/spark-env.sh as load-spark-env.sh sources it."""
    script = f"{before}; set -a; . {REPOSITORY}/conf/spark-env.sh; {after}"
    environment = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("given", "locale"),
    [
        ({}, "C.UTF-8"),
        ({"LANG": "C"}, "C.UTF-8"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, "C.UTF-8"),
        ({"LANG": "C", "LC_ALL": "zh_CN.utf8"}, "zh_CN.utf8"),
        ({"LANG": "en_US.UTF-8"}, ""),
    ],
)
def test_a_locale_without_chinese_characters_is_replaced(given: dict[str, str], locale: str) -> None:
    assert sourced("true", 'echo "$LC_ALL"', **given).stdout == f"{locale}\n"


def test_a_user_without_a_name_is_told_before_java_starts() -> None:
    said = sourced("id() { [ $1 = -u ] && echo 12345; }", "echo started")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("error: the user 12345 has no name, and Spark does not start without one; add")


def test_executors_of_a_cluster_get_no_options() -> None:
    arguments = evaluated(start("--master", "spark://host:7077"))[1]
    assert not [word for word in arguments if word.startswith(("spark.executor", "spark.executorEnv"))]


def test_compressed_files_count_with_their_size_once_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "raw_test" / f"date={DATE}"
    folder.mkdir(parents=True)
    (folder / "part.csv.gz").write_bytes(bytes(10))
    place = (*STAGE, "--warehouse", f"file://{tmp_path}", "--dataset", "test", "--date", DATE)
    assert describe_start(place, os.environ, tmp_path).input_bytes == 60


@pytest.mark.parametrize(
    "options", [("--master", "yarn"), ("--master", "k8s://https://api"), ("--load-spark-defaults",)]
)
def test_nothing_is_changed_if_spark_needs_the_folder_of_settings(options: tuple[str, ...]) -> None:
    assert shell_lines(start(*options)) == []


def test_a_driver_that_is_not_python_is_left_alone() -> None:
    arguments = (STAGE[0], "--class", "org.apache.spark.repl.Main", "spark-shell")
    assert shell_lines(Start(arguments, "", "", ARCHIVE, None)) == []


def test_the_bytes_of_all_dates_count(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / "raw_test" / f"date=2023-07-1{number}"
        folder.mkdir(parents=True)
        (folder / "part.csv").write_bytes(bytes(10 ** (number + 1)))
    place = (*STAGE, "--warehouse", f"file://{tmp_path}", "--dataset", "test")

    def size(*dates: str) -> int | None:
        return describe_start([*place, *dates], os.environ, tmp_path).input_bytes

    assert size("--date", "2023-07-11", "--max-reject-rate", "1") == 100
    assert size("--start-date", "2023-07-10", "--end-date", "2023-07-12") == 1110
    assert size("--date", "2023-07-20") is None  # archived, perhaps: its tables may be large
    assert size() is None
    assert size("--date", "yesterday") is None


def test_the_command_that_spark_runs_has_all_options(tmp_path: Path) -> None:
    """Through Spark's own scripts, up to the JVM: a stand-in for it prints what it was given."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    real = subprocess.run(["bash", "-c", "command -v java"], capture_output=True, text=True, check=True).stdout.strip()
    java.write_text(
        f'#!/bin/bash\ncase "$*" in *launcher.Main*) exec {real} "$@";; esac\n'
        'python3 -c \'import json, os, sys; print(json.dumps([sys.argv[1:], os.environ["SPARK_CONF_DIR"]]))\' "$@"\n'
    )
    java.chmod(0o755)
    raw = tmp_path / "raw_my" / f"date={DATE}"
    raw.mkdir(parents=True)
    (raw / "part.csv").write_text("label\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("SPARK_HOME", "JAVA_TOOL_OPTIONS")}
    environment |= {
        "JAVA_HOME": str(tmp_path),
        "SPARK_CONF_DIR": str(REPOSITORY / "conf"),
        "SPARK_SUBMIT_OPTS": "-Dspark.driver.bindAddress=0.0.0.0",
    }
    stage = [str(REPOSITORY / "spark_jobs" / "csv_to_orc.py"), "--warehouse", f"file://{tmp_path}"]
    command = ["spark-submit", *stage, "--dataset", "my", "--date", DATE, "two words"]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    words, conf = json.loads(said.stdout)
    assert set(SMALL_INPUT) <= set(words)
    assert "-Dspark.driver.bindAddress=0.0.0.0" in words
    assert words[-1] == "two words"
    assert said.stderr == ""
    assert conf == str(REPOSITORY / "conf")  # no archive is there for a Java of that name
