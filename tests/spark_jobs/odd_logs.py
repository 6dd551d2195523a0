"""Random raw logs with all the mistakes of real exports."""

import csv
import io
import random
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

COLUMNS = ["user_id", "item_id", "log_time", "label", "scene", "item_title", "query_entity_seq", "deep_features_3"]
TITLES = ["医院挂号", '"特价" 机票, 酒店', "两行\n标题", "Windows\r\n行", "逗号,逗号", "", '"', "a\\b", " 空格 "]


def write_odd_logs(raw_folder: Path, seed: int, offsets: list[int], rows: int = 60) -> list[str]:
    """Writes one folder for each day offset from 2023-07-01 and returns the dates."""
    rng = random.Random(seed)
    days = [(date(2023, 7, 1) + timedelta(days=offset)).isoformat() for offset in offsets]
    for day in days:
        write_day(raw_folder, rng, day, rows)
    return days


def write_day(raw_folder: Path, rng: random.Random, day: str, rows: int, names: tuple[str, ...] = ("a", "b")) -> None:
    """Writes files whose headers differ in order, and in optional columns."""
    scenes = rng.sample(range(5), rng.randint(2, 5))  # some scenes are silent on some days
    folder = raw_folder / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        columns = rng.sample(COLUMNS, len(COLUMNS))
        if rng.random() < 0.3:
            columns.remove("query_entity_seq")
        records = [good_row(rng, day, scenes) for _ in range(rows // len(names))]
        records += rng.sample(records, 3)  # duplicates are impressions too
        lines = [[record[column] for column in columns] for record in records]
        lines += bad_lines(rng, columns, day, scenes)
        rng.shuffle(lines)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=rng.choice(["\n", "\r\n"]))
        writer.writerows([columns, *lines])
        encoding = rng.choice(["utf-8", "utf-8-sig"])
        (folder / f"{name}.csv").write_bytes(text.getvalue().encode(encoding))
    if rng.random() < 0.3:
        (folder / "empty.csv").write_bytes(b"")
        (folder / "header_alone.csv").write_text(",".join(COLUMNS) + "\n")


def good_row(rng: random.Random, day: str, scenes: list[int]) -> dict[str, str]:
    year, month, number = day.split("-")
    hour, minute, second = rng.randrange(24), rng.randrange(60), rng.randrange(60)
    iso = f"{day} {hour:02}:{minute:02}:{second:02}"
    slashes = f"{year}/{int(month)}/{int(number)} {hour}:{minute:02}"
    moment = datetime(int(year), int(month), int(number), hour, minute, second, tzinfo=UTC)
    shanghai = moment.astimezone(timezone(timedelta(hours=8))).isoformat(timespec="milliseconds")
    seconds = int(moment.timestamp())
    times = [iso, iso, slashes, f"{slashes}:{second:02}", f"{iso.replace(' ', 'T')}Z", f"{iso}.250", shanghai]
    return {
        "user_id": str(int(rng.paretovariate(0.6)) % 40),
        "item_id": str(int(rng.paretovariate(0.6)) % 30),
        "log_time": rng.choice([*times, str(seconds), f"{seconds}125"]),
        "label": rng.choice(["0", "1", "0", "1", "0.0", "1.0", "true", "False"]),
        "scene": f"{rng.choice(scenes)}{rng.choice(['', '', '', '.0'])}",
        "item_title": rng.choice(TITLES),
        "query_entity_seq": rng.choice(["", "医院|INTENT_TARGET,生态|UNKNOWN"]),
        "deep_features_3": rng.choice(["", "0.5", "x"]),
    }


def bad_lines(rng: random.Random, columns: list[str], day: str, scenes: list[int]) -> list[list[str]]:
    """One line for each reason to reject one."""
    day_before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    wrongs = [
        {"user_id": ""},
        {"item_id": ""},
        {"label": rng.choice(["2", "", "x", "-1", "1.5"])},
        {"scene": rng.choice(["5", "", "-1", "x"])},
        {"log_time": rng.choice(["", "yesterday", "2023-02-30 00:00:00", day, f"{day} 24:00:00", "168985830"])},
        {"log_time": f"{day_before} 23:59:59"},
        {"user_id": "", "label": "x", "scene": "9"},
    ]
    lines = [[{**good_row(rng, day, scenes), **wrong}[column] for column in columns] for wrong in wrongs]
    short, long = ([good_row(rng, day, scenes)[column] for column in columns] for _ in range(2))
    return [*lines, short[:-1], [*long, "more"]]
