"""Compare the training rates of mmoe and din with those of a bare PyTorch loop and of public libraries."""

import sys
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.peers.environments import REQUIREMENTS, make_environment
from benchmarks.peers.history_rows import write_history_rows
from benchmarks.peers.task import THREADS, write_rows
from benchmarks.scripts import run_script

# For each library, the ratio to reach, and the arguments that give this project's model a similar input.
_PEERS = {"deepctr": (1.9, ()), "rechub": (3.8, ()), "fuxictr": (1.7, ("wide",))}
_LEAST_OF_BARE = 0.95
_LEAST_OF_DIN = 2.0
# Waiting threads sleep. If they spun while other programs run, they would take cores from each other.
_ENVIRONMENT = {"OMP_NUM_THREADS": str(THREADS), "OMP_WAIT_POLICY": "passive"}

Result = dict[str, float]


def measure(folder: Path) -> list[Figure]:
    """Rows per second of wall time in training alone, after a warm-up epoch. Each contender runs in its own process.

    The bare loop, this project's model and a library take turns, so that other load on the machine affects all of them.
    The AUC is that of the best epoch on the same validation rows.
    """
    histories = folder / "histories"
    histories.mkdir()
    write_rows(folder)
    write_history_rows(histories)
    pythons = {name: make_environment(folder / "environments" / name, needs) for name, needs in REQUIREMENTS.items()}

    def run(
        name: str, python: str | Path = sys.executable, arguments: tuple[str, ...] = (), rows: Path = folder
    ) -> Result:
        result = run_script(python, f"benchmarks.peers.{name}", [str(rows), *arguments], rows, _ENVIRONMENT)
        print(f"{name} {' '.join(arguments)}: {_described(result)}", flush=True)
        return result

    bare, ours, against_peers = [], [], []
    for name, (least, arguments) in _PEERS.items():
        bare.append(run("bare"))
        ours.append(run("ours"))
        comparable = run("ours", arguments=arguments) if arguments else ours[-1]
        title = f"{REQUIREMENTS[name][0].replace('==', ' ')}{' on its own input' if arguments else ''}"
        against_peers.append(_against(title, [comparable], [run(name, pythons[name])], least))
    own_din, its_din = run("ours_din", rows=histories), run("fuxictr_din", pythons["fuxictr"], rows=histories)
    return [
        _against("a bare PyTorch loop", ours, bare, _LEAST_OF_BARE, equal_auc=False),
        *against_peers,
        _against("that of fuxictr", [own_din], [its_din], _LEAST_OF_DIN, model="din"),
    ]


def _against(
    title: str, ours: list[Result], theirs: list[Result], least: float, equal_auc: bool = True, model: str = "mmoe"
) -> Figure:
    """The median ratio of paired runs. `equal_auc`: whether an AUC below theirs misses the target."""
    ratios = {key: _median_ratio(ours, theirs, key) for key in ("rows_per_s", "rows_per_cpu_s")}
    own, their = _median(ours), _median(theirs)
    ratio = ratios["rows_per_s"]
    return Figure(
        f"{model}'s training rate against {title}",
        f"{ratio:.2f} x, by CPU time {ratios['rows_per_cpu_s']:.2f} x ({_described(own)}; it {_described(their)})",
        f"at least {least:g} x{' at an AUC not below its' if equal_auc else ''}",
        ratio >= least and (own["auc"] >= their["auc"] or not equal_auc),
        {f"own_{key}": value for key, value in own.items()} | {f"its_{key}": value for key, value in their.items()},
    )


def _median_ratio(ours: list[Result], theirs: list[Result], key: str) -> float:
    return median(own[key] / their[key] for own, their in zip(ours, theirs, strict=True))


def _median(results: list[Result]) -> Result:
    return {key: median(result[key] for result in results) for key in results[0]}


def _described(result: Result) -> str:
    return f"{result['rows_per_s']:,.0f} rows/s, AUC {result['auc']:.4f}, {result['peak_mb']:,.0f} MB"
