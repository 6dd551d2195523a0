"""The scenes of the dataset that this process works on, which the columns of its tables depend on."""

import argparse
import functools
import sys
import tomllib
from collections.abc import Mapping, Sequence
from typing import overload

from warehouse.settings import MOST_SCENES, read_settings
from warehouse.storage import Storage

RAW_FOLDER = "raw"
MAPPING_FILE = "mapping.toml"
USUAL_SCENES = 5


def counted(scenes: int | Mapping[str, int]) -> int | None:
    """Return how many scenes there are, given that or their numbers by name. None if there are no names."""
    return scenes if isinstance(scenes, int) else max(scenes.values(), default=-1) + 1 or None


@functools.cache
def number_of_scenes() -> int:
    """Return the number of scenes of the dataset that the command line names, or else the environment.

    It is found once in a process, when it is first needed: an Airflow that parses DAG files does not need it. If the
    mapping or a setting is wrong or out of reach, it is the usual number, because imports must not fail.
    `Catalog.require_scenes` raises the error.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    for option in ("--warehouse", "--dataset"):
        parser.add_argument(option)
    try:
        settings, (given, _) = read_settings(), parser.parse_known_args(sys.argv[1:])
        if settings.scenes:
            return settings.scenes
        storage = Storage(given.warehouse or settings.warehouse)
        text = storage.read_text(storage.path(f"{RAW_FOLDER}_{given.dataset or settings.dataset}", MAPPING_FILE))
        mapped = counted(tomllib.loads(text.removeprefix("\ufeff")).get("scenes", {}))
    except (argparse.ArgumentError, OSError, ValueError, TypeError, AttributeError):
        mapped = None
    return mapped if mapped and 0 < mapped <= MOST_SCENES else USUAL_SCENES


class _Scenes(Sequence[int]):
    """0, 1, 2 and so on."""

    def __len__(self) -> int:
        return number_of_scenes()

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        return range(len(self))[index]


SCENES = _Scenes()
