"""The scenes of the dataset that this process works on, which the columns of its tables depend on."""

import argparse
import functools
import sys
from collections.abc import Sequence
from typing import overload

from warehouse.settings import read_settings


@functools.cache
def number_of_scenes() -> int:
    """Return the number of scenes of the dataset that the command line names, or else the environment.

    The file that may say it is read once in a process, when the number is first needed: an Airflow that parses DAG
    files needs none. Raises WarehouseError.
    """
    from warehouse.catalog import Catalog  # needs the tables, whose columns need this module

    settings = read_settings()
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    parser.add_argument("--warehouse", default=settings.warehouse)
    parser.add_argument("--dataset", default=settings.dataset)
    try:
        place, _ = parser.parse_known_args(sys.argv[1:])
    except argparse.ArgumentError:  # an option without its value, which the command will refuse
        place = parser.parse_args([])
    return Catalog(place.warehouse, place.dataset).scenes


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
