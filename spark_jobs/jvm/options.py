"""How the JVM of a start of Spark is told to load classes and to compile, printed for conf/spark-env.sh to evaluate.

What it decides changes how fast a stage is, and nothing else.
"""

import argparse
import os
import re
import shlex
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from spark_jobs.jvm import class_archive
from spark_jobs.jvm.class_archive import CLASS_DATA, CONF, ONE_COMPILER
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.settings import read_settings

# Raw CSV of the dates asked for, together. At this size, a million rows, csv_to_orc takes about the same CPU time with
# one compiler as with both; below it less.
SMALL_BYTES = 256 * 1024**2
# Serial: one thread, however many cores. Metaspace: a JVM would collect garbage each time that it has loaded more
# classes, three times before the first row is read.
SMALL_INPUT = (*ONE_COMPILER, "-XX:+UseSerialGC", "-XX:MetaspaceSize=256m")
_LISTING_SECONDS = 10  # a NameNode that does not answer is the stage's to report
_CHOSEN = re.compile(r"-XX:|(?:^|\s)@")  # @: Java's options may be named by a file
_LEFT_BY_EDITORS = re.compile(r"^\.|~$")
_KNOWN_SETTINGS = {"spark-env.sh", "spark-defaults.conf", "log4j2.properties"}
_PLAIN = re.compile(r"(?:^|[\s=])(?:yarn|k8s:|--load-spark-defaults|--deploy-mode[ =]cluster)")
_OPTION_VARIABLES = ("SPARK_SUBMIT_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


@dataclass(frozen=True)
class Start:
    """What is known before a JVM starts.

    arguments: spark-class's. given: all options and settings that the user gave, as one text. archive: None where there
    is none that may be used. input_bytes: None where nobody knows.
    """

    arguments: tuple[str, ...]
    given: str
    own_submit_options: str
    archive: Path | None
    input_bytes: int | None


def shell_lines(start: Start) -> list[str]:
    """Lines for spark-class's shell: variables, and arguments of spark-submit. None where nothing is to be changed."""
    if not _is_a_driver(start.arguments) or _PLAIN.search(start.given):
        return []
    options = [*_archive_options(start), *_compiler_options(start)]
    submit_options = " ".join(filter(None, (shlex.join(options), start.own_submit_options)))
    lines = [f"SPARK_SUBMIT_OPTS={shlex.quote(submit_options)}"]
    if start.archive:
        lines.append(f"SPARK_CONF_DIR={shlex.quote(str(class_archive.empty_folder(start.archive.parent)))}")
        # The jars lie where the archive has them, whichever link led here.
        lines.append('SPARK_HOME="$(cd -P "$SPARK_HOME" && pwd)"')
        if inserted := class_archive.settings_arguments():
            lines.append(f'set -- "$1" {shlex.join(inserted)} "${{@:2}}"')
    return lines


def _is_a_driver(arguments: Sequence[str]) -> bool:
    return any(argument.endswith(".py") or argument == "pyspark-shell" for argument in arguments)


def _archive_options(start: Start) -> list[str]:
    if start.archive is None:
        return []
    return [*class_archive.archive_options(start.archive), class_archive.log_option()]


def _compiler_options(start: Start) -> list[str]:
    """None of ours beside the user's own: two garbage collectors, and no JVM starts."""
    small = start.input_bytes is not None and start.input_bytes <= SMALL_BYTES
    return list(SMALL_INPUT) if small and not _CHOSEN.search(start.given) else []


def known(arguments: Sequence[str], environment: Mapping[str, str], class_data: Path = CLASS_DATA) -> Start:
    """Looks for the archive and at the sizes of the raw files."""
    return Start(
        arguments=tuple(arguments),
        given=_given(arguments, environment),
        own_submit_options=environment.get("SPARK_SUBMIT_OPTS", ""),
        archive=_archive(environment, class_data),
        input_bytes=_input_bytes(arguments),
    )


def _given(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    texts = [" ".join(arguments), *(environment.get(name, "") for name in _OPTION_VARIABLES)]
    files = [CONF / "spark-defaults.conf", CONF / "java-opts"]
    given = " ".join(arguments).replace("--properties-file=", "--properties-file ").split(" ")
    files += [Path(value) for option, value in pairwise(given) if option == "--properties-file"]
    return "\n".join([*texts, *(file.read_text(errors="replace") for file in files if file.is_file())])


def _archive(environment: Mapping[str, str], class_data: Path) -> Path | None:
    """None too where a folder of settings holds what Spark finds by the class path alone, hive-site.xml for example."""
    if not {path.name for path in CONF.iterdir() if not _LEFT_BY_EDITORS.search(path.name)} <= _KNOWN_SETTINGS:
        return None
    key = class_archive.key_of(class_archive.spark_home(), environment, class_data)
    return class_archive.whole_archive(key, class_data)


def _input_bytes(arguments: Sequence[str]) -> int | None:
    """Bytes of the raw files of the dates asked for, or enough of them to know that they are not small."""
    found: list[int] = []
    listing = threading.Thread(target=lambda: found.extend(_listed(arguments)), daemon=True)
    listing.start()
    listing.join(_LISTING_SECONDS)
    return found[0] if found else None


def _listed(arguments: Sequence[str]) -> list[int]:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    for name in ("--warehouse", "--dataset", "--date", "--start-date", "--end-date"):
        parser.add_argument(name)
    try:
        asked, _ = parser.parse_known_args(list(arguments))
        first, last = asked.start_date or asked.date, asked.end_date or asked.date
        if not (first and last):
            return []
        settings, total = read_settings(), 0
        catalog = Catalog(asked.warehouse or settings.warehouse, asked.dataset or settings.dataset)
        for date in days(first, last):
            total += catalog.raw_bytes(date)
            if total > SMALL_BYTES:
                break
    except (argparse.ArgumentError, OSError, ValueError, WarehouseError):
        return []  # the stage says what is wrong
    return [total] if total else []  # raw files may have been archived: the tables of the date may be large


def main() -> None:
    """Prints shell lines for spark-class's arguments."""
    print("\n".join(shell_lines(known(sys.argv[1:], os.environ))))
    sys.stdout.flush()
    os._exit(0)  # a listing that nobody waits for any longer


if __name__ == "__main__":
    main()
