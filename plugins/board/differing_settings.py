"""The settings that tell runs of one model apart."""

from collections import defaultdict
from collections.abc import Iterable

from training.runs.summary import RunSummary
from training.tracking.contents import parameters

_SEED = "loop_settings.seed"
_NO_SETTINGS = ("started_at",)
_LONGEST = 40  # characters; a code revision is as long


def told_apart(runs: Iterable[RunSummary]) -> dict[str, list[str]]:
    """Return for each run, by name, its seed and every setting in which the runs of its model differ.

    Each is a text such as "learning rate 0.003".
    """
    by_model: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for run in runs:
        by_model[run.model][run.name] = dict(parameters(dict(run.config)))
    return {
        name: [_text(setting, settings.get(setting)) for setting in _telling(among.values())]
        for among in by_model.values()
        for name, settings in among.items()
    }


def _telling(among: Iterable[dict[str, str]]) -> list[str]:
    """Return the seed's name, if there is one, and the names of the settings that are not the same in all."""
    among = list(among)
    names = dict.fromkeys(name for settings in among for name in settings if name not in _NO_SETTINGS)
    differing = [name for name in names if len({settings.get(name) for settings in among}) > 1]
    return list(dict.fromkeys([*([_SEED] if _SEED in names else []), *differing]))


def _text(setting: str, value: str | None) -> str:
    name = setting.rpartition(".")[2].replace("_", " ")
    shown = "not set" if value in (None, "None") else str(value)
    return f"{name} {shown if len(shown) < _LONGEST else shown[:7] + '…'}"
