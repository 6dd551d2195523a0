"""Print JVM options that make small stages fast, as shell lines that conf/spark-env.sh evaluates.

They do not change what a stage computes.
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
from spark_jobs.jvm.class_archive import CLASS_DATA, CONF, JAVA_VARIABLES, ONE_COMPILER
from warehouse.calendar_days import days
from warehouse.catalog import Catalog
from warehouse.errors import WarehouseError
from warehouse.settings import read_settings
from warehouse.tables import CANDIDATES, RAW

# Raw CSV of all requested dates. At this size, a million rows, csv_to_orc takes as much CPU time with one compiler as
# with both; with fewer rows, it takes less.
SMALL_BYTES = 256 * 1024**2
# The serial collector uses one thread, however many cores there are. With the default metaspace, the JVM would collect
# garbage three times, only because classes are loaded, before the first row is read.
SMALL_INPUT = (*ONE_COMPILER, "-XX:+UseSerialGC", "-XX:MetaspaceSize=256m")
_LISTING_SECONDS = 10  # if a NameNode does not answer, the stage reports it
_USER_JVM_OPTIONS = re.compile(r"-XX:|(?:^|\s)@")  # @: Java can read options from a file
_EDITOR_FILES = re.compile(r"^\.|~$")
_KNOWN_SETTINGS = {"spark-env.sh", "spark-defaults.conf", "log4j2.properties"}
_LEFT_ALONE = re.compile(r"(?:^|[\s=])(?:yarn|k8s:|--load-spark-defaults|--deploy-mode[ =]cluster)")


@dataclass(frozen=True)
class Start:
    """What is known about a stage before its JVM starts.

    arguments: those of spark-class. user_options: all options and settings of the user, as one text. archive: None if
    there is none that fits. input_bytes: None if unknown.
    """

    arguments: tuple[str, ...]
    user_options: str
    own_submit_options: str
    archive: Path | None
    input_bytes: int | None


def shell_lines(start: Start) -> list[str]:
    """Return shell lines that set variables and arguments of spark-class; none if nothing is to change."""
    if not _is_a_driver(start.arguments) or _LEFT_ALONE.search(start.user_options):
        return []
    options = [*_archive_options(start), *_compiler_options(start)]
    submit_options = " ".join(filter(None, (shlex.join(options), start.own_submit_options)))
    lines = [f"SPARK_SUBMIT_OPTS={shlex.quote(submit_options)}"]
    if start.archive:
        lines.append(f"SPARK_CONF_DIR={shlex.quote(str(class_archive.empty_folder(start.archive.parent)))}")
        # Without links, so that the jars have the paths that the archive was made with.
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
    """Return nothing if the user sets JVM options: with two garbage collectors, the JVM would not start."""
    small = start.input_bytes is not None and start.input_bytes <= SMALL_BYTES
    return list(SMALL_INPUT) if small and not _USER_JVM_OPTIONS.search(start.user_options) else []


def describe_start(arguments: Sequence[str], environment: Mapping[str, str], class_data: Path = CLASS_DATA) -> Start:
    """Collect what is known before the start: arguments, options, the archive and the size of the raw files."""
    return Start(
        arguments=tuple(arguments),
        user_options=_user_options(arguments, environment),
        own_submit_options=environment.get("SPARK_SUBMIT_OPTS", ""),
        archive=_archive(environment, class_data),
        input_bytes=_input_bytes(arguments),
    )


def _user_options(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    texts = [" ".join(arguments), *(environment.get(name, "") for name in ("SPARK_SUBMIT_OPTS", *JAVA_VARIABLES))]
    files = [CONF / "spark-defaults.conf", CONF / "java-opts"]
    words = " ".join(arguments).replace("--properties-file=", "--properties-file ").split(" ")
    files += [Path(value) for option, value in pairwise(words) if option == "--properties-file"]
    return "\n".join([*texts, *(file.read_text(errors="replace") for file in files if file.is_file())])


def _archive(environment: Mapping[str, str], class_data: Path) -> Path | None:
    """Return the archive to use. None if conf/ has files that must be on the class path, such as hive-site.xml."""
    if not {path.name for path in CONF.iterdir() if not _EDITOR_FILES.search(path.name)} <= _KNOWN_SETTINGS:
        return None
    key = class_archive.archive_key(class_archive.spark_home(), environment, class_data)
    return class_archive.find_archive(key, class_data)


def _input_bytes(arguments: Sequence[str]) -> int | None:
    """Return the size of the dates' raw files, None if unknown. Counting stops once they are too many."""
    total: list[int] = []
    listing = threading.Thread(target=lambda: total.extend(_listed_bytes(arguments)), daemon=True)
    listing.start()
    listing.join(_LISTING_SECONDS)
    return total[0] if total else None


def _listed_bytes(arguments: Sequence[str]) -> list[int]:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    for name in ("--warehouse", "--dataset", "--date", "--start-date", "--end-date"):
        parser.add_argument(name)
    try:
        options, _ = parser.parse_known_args(list(arguments))
        first, last = options.start_date or options.date, options.end_date or options.date
        if not (first and last):
            return []
        settings, total = read_settings(), 0
        raw = CANDIDATES if any(argument.endswith("score_candidates.py") for argument in arguments) else RAW
        catalog = Catalog(options.warehouse or settings.warehouse, options.dataset or settings.dataset)
        for date in days(first, last):
            total += catalog.raw_bytes(date, raw)
            if total > SMALL_BYTES:
                break
    except (argparse.ArgumentError, OSError, ValueError, WarehouseError):
        return []  # the stage reports it
    return [total] if total else []  # without raw files, which may have been removed, the size is unknown


def main() -> None:
    """Print the shell lines for the arguments of spark-class."""
    print("\n".join(shell_lines(describe_start(sys.argv[1:], os.environ))))
    sys.stdout.flush()
    os._exit(0)  # without waiting for a listing that takes too long


if __name__ == "__main__":
    main()
