"""How a dataset's raw files differ from what is expected: mapping.toml in the folder of the raw table.

[columns]               # the name in the files = the column that it is
uid = "user_id"
brand = "deep_features_0"
genres = "deep_features_1"

[lists]                 # a column with several values in a row = what separates them
genres = "|"

[time]                  # of log_time
format = "dd/MM/yyyy HH:mm:ss"
zone = "Asia/Shanghai"  # of times without an offset, and of the dates of the folders

[scenes]                # the text in the files = the number of the scene; or scenes = 7, above the sections
home = 0
"""

import re
import tomllib
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from warehouse.errors import WarehouseError
from warehouse.scenes import counted
from warehouse.settings import MOST_SCENES
from warehouse.tables import DEEP_FEATURES, RAW_COLUMNS, REQUIRED_RAW_COLUMNS

UTC = "UTC"

_OFFSET = re.compile(r"[+-](0\d|1[0-7]):[0-5]\d")  # what Spark takes, up to 18 hours
_NO_ZONES = {"localtime", "Factory"}  # the machine's own zone, and the one of a machine that has none
# Runs of letters in a format, and the texts that they stand for.
TIME_LETTERS = {
    **{"yyyy": "[0-9]{4}", "yy": "[0-9]{2}"},
    **{"MMMM": "[A-Za-z]+", "MMM": "[A-Za-z]{3}"},
    **dict.fromkeys(["MM", "dd", "HH", "hh", "mm", "ss"], "[0-9]{2}"),
    **dict.fromkeys("MdHhms", "[0-9]{1,2}"),
    **{"S" * digits: f"[0-9]{{1,{digits}}}" for digits in range(9, 0, -1)},
    "a": "[AaPp][Mm]",
    **{"XXX": "(Z|[+-][0-9]{2}:[0-9]{2})", "XX": "(Z|[+-][0-9]{4})", "X": "(Z|[+-][0-9]{2,4})"},
    "Z": "[+-][0-9]{4}",
}
_FORMAT_PART = re.compile(r"(?P<letters>([A-Za-z])\2*)|'(?P<quoted>[^'^\\\n]+)'|(?P<other>[^A-Za-z'^%\\\[\]{}#\n])")
_OFFSET_LETTERS = {"X", "Z"}
_LETTERS_SENTENCE = (
    "use yyyy MM dd HH mm ss, with one letter where there may be one digit; yy, MMM for Jul, hh with a for AM and PM, "
    "SSS for fractions, XXX for +08:00, and text in single quotes"
)


@dataclass(frozen=True)
class RawMapping:
    """What mapping.toml says. columns: ours, by their names in the files. scenes: numbers, by their texts in the files.

    lists: what separates the values of columns that have several in a row, by our names of the columns.
    time_format: None for the usual forms. scenes: empty for numbers. number_of_scenes: None if it says nothing of them.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    zone: str = UTC
    scenes: Mapping[str, int] = field(default_factory=dict)
    number_of_scenes: int | None = None
    lists: Mapping[str, str] = field(default_factory=dict)

    def column_of(self, name: str) -> str | None:
        """Return the column that a name in a file stands for, or None. A mapped column has no other name."""
        folded = _folded(name)
        for mapped_name, column in self.columns.items():
            if _folded(mapped_name) == folded:
                return column
        return folded if folded in RAW_COLUMNS and folded not in self.columns.values() else None

    def name_of(self, column: str) -> str:
        """Return the name that a column has in the files."""
        return next((name for name, mapped in self.columns.items() if mapped == column), column)

    @property
    def time_zone(self) -> tzinfo:
        """The zone in which a date begins at midnight."""
        if self.zone[0] in "+-":
            return datetime.strptime(self.zone, "%z").tzinfo  # type: ignore[return-value]
        return zoneinfo.ZoneInfo(self.zone)


def parse_mapping(text: str, place: str) -> RawMapping:
    """Parse the text of a mapping.toml at `place`. Raises WarehouseError."""
    try:
        given = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise WarehouseError(
            f"{place} is not TOML: {error}; write names and values as in docs/your-own-logs.md"
        ) from error
    try:
        _only(given, ("columns", "lists", "time", "scenes"), "section")
        columns, lists, time = (_section(given, name) for name in ("columns", "lists", "time"))
        _only(time, ("format", "zone"), "key in [time]")
        mapping = RawMapping(_columns(columns), _time_format(time), _zone(time), *_scenes(given))
        return replace(mapping, lists=_lists(lists, mapping))
    except _MappingError as wrong:
        raise WarehouseError(f"{place}: {wrong}") from wrong


def format_parts(time_format: str) -> list[tuple[str, str]]:
    """Split a format into ("letters", "yyyy"), ("quoted", "T") and ("other", "/"). Raises WarehouseError."""
    parts, position = [], 0
    while position < len(time_format):
        match = _FORMAT_PART.match(time_format, position)
        if not match or (match["letters"] and match["letters"] not in TIME_LETTERS):
            part = match[0] if match else time_format[position]
            raise _MappingError(f"the time format {time_format!r} has {part!r}; {_LETTERS_SENTENCE}")
        parts.append((str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return parts


def has_offset(time_format: str) -> bool:
    """Whether times of the format say themselves how far they are from UTC."""
    return any(kind == "letters" and part[0] in _OFFSET_LETTERS for kind, part in format_parts(time_format))


class _MappingError(WarehouseError):
    """What is wrong in a mapping, without its place."""


def _only(table: Mapping[str, Any], allowed: Iterable[str], what: str) -> None:
    if unknown := [key for key in table if key not in allowed]:
        raise _MappingError(f"unknown {what} {unknown[0]!r}; allowed are {', '.join(allowed)}")


def _section(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = given.get(name, {})
    if not isinstance(section, dict):
        raise _MappingError(f"{name} is {section!r}; write it as a section, [{name}]")
    return section


def _columns(section: Mapping[str, Any]) -> dict[str, str]:
    for name, column in section.items():
        if column not in RAW_COLUMNS:
            raise _MappingError(
                f"[columns] maps {name!r} to {column!r}, which is no column; write the name in the files on the left, "
                f"in quotes if it has dots or blanks, and on the right one of {', '.join(RAW_COLUMNS[:10])}, "
                "deep_features_0 to deep_features_26"
            )
    _once(section.items(), lambda _, column: column, "[columns] maps {} to {}; keep one of them")
    _once(
        section.items(),
        lambda name, _: _folded(name),
        "[columns] has {}, for the files the same name; keep one of them",
    )
    for name, column in section.items():
        if (meant := _folded(name)) in REQUIRED_RAW_COLUMNS and meant not in section.values():
            raise _MappingError(
                f"[columns] takes {name!r} for {column}, and no column for {meant}; say which column of the files it is"
            )
    return {name.strip(): column for name, column in section.items()}


def _lists(section: Mapping[str, Any], mapping: RawMapping) -> dict[str, str]:
    separators = {}
    for name, separator in section.items():
        column = mapping.column_of(name)
        if column is None or column not in DEEP_FEATURES:
            raise _MappingError(
                f"[lists] has {name!r}, which is {column or 'no column'}; map it in [columns] to one of "
                "deep_features_0 to deep_features_26"
            )
        if not isinstance(separator, str) or not separator:
            raise _MappingError(
                f"[lists] gives {separator!r} as the separator of {name!r}; write in quotes the characters between two "
                'values, such as "|"'
            )
        separators[column] = separator
    return separators


def _time_format(section: Mapping[str, Any]) -> str | None:
    time_format = section.get("format")
    if time_format is None:
        return None
    if not isinstance(time_format, str):
        raise _MappingError(f'the time format is {time_format!r}; write it as a text, such as "dd/MM/yyyy HH:mm:ss"')
    has = {part[0] for kind, part in format_parts(time_format) if kind == "letters"}
    hour = {"h", "a"} if "h" in has else {"H"}
    if missing := sorted({"y", "M", "d", "m", *hour} - has):
        raise _MappingError(f"the time format {time_format!r} lacks {' and '.join(missing)}; {_LETTERS_SENTENCE}")
    return time_format


def _zone(section: Mapping[str, Any]) -> str:
    zone = section.get("zone", UTC)
    known = zoneinfo.available_timezones() - _NO_ZONES
    if not isinstance(zone, str) or not (zone in known or _OFFSET.fullmatch(zone)):
        raise _MappingError(
            f'the time zone {zone!r} is unknown; write a name such as "Asia/Shanghai", or an offset "+08:00"'
        )
    return zone


def _scenes(given: Mapping[str, Any]) -> tuple[dict[str, int], int | None]:
    """Return the numbers of the scenes by their names, if they have names, and how many there are, if it is said."""
    scenes = given.get("scenes", {})
    if not isinstance(scenes, dict):
        if type(scenes) is not int or not 0 < scenes <= MOST_SCENES:
            raise _MappingError(
                f"scenes is {scenes!r}; write how many there are, 1 to {MOST_SCENES}, or their names as a section, "
                "[scenes]"
            )
        return {}, counted(scenes)
    for name, number in scenes.items():
        if type(number) is not int or not 0 <= number < MOST_SCENES:
            raise _MappingError(
                f"[scenes] gives {name!r} the number {number!r}; write a whole number, 0 to {MOST_SCENES - 1}"
            )
    _once(scenes.items(), lambda _, number: number, "[scenes] gives {} the number {}; a scene has one name")
    return scenes, counted(scenes)


def _folded(name: str) -> str:
    return name.strip().casefold()


def _once(items: Iterable[tuple[str, Any]], key: Callable[[str, Any], Any], sentence: str) -> None:
    """Raise the sentence, with the names and what they share, if two names have the same key."""
    names: dict[Any, list[str]] = {}
    for name, value in items:
        names.setdefault(key(name, value), []).append(name)
    for shared, same in names.items():
        if len(same) > 1:
            raise _MappingError(sentence.format(" and ".join(map(repr, same)), shared))
