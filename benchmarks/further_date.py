"""Measure the cost of one more date of a range, in five stages, against an earlier version of the code."""

import subprocess
from pathlib import Path

from benchmarks.figure import Figure, at_most
from benchmarks.logs import write_logs
from benchmarks.resources import Usage
from benchmarks.stages import submit
from sample_logs.settings import PRESETS
from spark_jobs import STAGES
from warehouse.catalog import Catalog
from warehouse.settings import REPOSITORY
from warehouse.tables import TRAIN

_BEFORE = "a3f75af"
_ROWS_A_DATE = 14_000
_FIRST_DATES, _ALL_DATES = 3, 13
_MOST_OF_BEFORE = 0.35
_STAGES = tuple(stage for stage in STAGES if stage != "user_sequences")  # which the earlier code does not have


def measure(folder: Path) -> list[Figure]:
    """Return CPU and wall seconds per date with spark-submit: those of 13 dates minus those of 3 dates, divided by 10.

    Both versions of the code run on the same raw logs, in turns. Raises RuntimeError if this checkout does not have the
    earlier commit, or if the training tables of the last date differ.
    """
    before = _checkout(folder / "before")
    logs = PRESETS["demo"].resized(_ROWS_A_DATE * _ALL_DATES, days=_ALL_DATES)
    usages: dict[tuple[Path, int], Usage] = {}
    versions = set()
    for dates in (_FIRST_DATES, _ALL_DATES):
        for code in (REPOSITORY, before):
            catalog = write_logs(folder / f"{dates}_{code == before}", logs)
            usages[code, dates] = _stages(code, catalog, logs.dates[0], logs.dates[dates - 1], folder / "stages.log")
            versions.add((dates, catalog.version(TRAIN, logs.dates[dates - 1])))
    if len(versions) > 2:
        raise RuntimeError(f"the training tables of both codes differ: {sorted(versions)}")
    cpu, wall = ({code: _per_date(usages, code, kind) for code in (REPOSITORY, before)} for kind in ("cpu", "wall"))
    name = f"a further date of {_ROWS_A_DATE:,} rows in a range, five stages"
    return [
        at_most(
            f"{name}, {kind} time",
            seconds[REPOSITORY] / seconds[before],
            _MOST_OF_BEFORE,
            f"x {_BEFORE}",
            {"seconds_a_date": seconds[REPOSITORY], "seconds_a_date_before": seconds[before]},
        )
        for kind, seconds in (("CPU", cpu), ("wall", wall))
    ]


def _checkout(folder: Path) -> Path:
    folder.mkdir()
    with subprocess.Popen(["git", "archive", _BEFORE], cwd=REPOSITORY, stdout=subprocess.PIPE) as archive:
        unpacked = subprocess.run(["tar", "--extract", f"--directory={folder}"], stdin=archive.stdout, check=False)
    if archive.returncode or unpacked.returncode:
        raise RuntimeError(f"{REPOSITORY} does not have the commit {_BEFORE}: clone the project with its history")
    return folder


def _stages(code: Path, catalog: Catalog, first: str, last: str, log: Path) -> Usage:
    """Run the stages over a range, one after the other."""
    usages = [submit(stage, catalog, first, last, log, code / "conf", code) for stage in _STAGES]
    return Usage(
        sum(usage.cpu_seconds for usage in usages),
        sum(usage.wall_seconds for usage in usages),
        max(usage.peak_bytes for usage in usages),
    )


def _per_date(usages: dict[tuple[Path, int], Usage], code: Path, kind: str) -> float:
    first, all_dates = (getattr(usages[code, dates], f"{kind}_seconds") for dates in (_FIRST_DATES, _ALL_DATES))
    return (all_dates - first) / (_ALL_DATES - _FIRST_DATES)
