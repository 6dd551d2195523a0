"""The tables computed again from the raw files in the plainest way: lists, loops and the csv module."""

import contextlib
import csv
import io
import itertools
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

SCENES = range(5)
LABELS = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}
TEXTS = ("item_title", "item_entity_names", "query_entity_seq", "bill_entity_seq", "service_entity_seq")
DEEP = tuple(f"deep_features_{i}" for i in range(27))


class Oracle:
    """Every raw file below a folder, and what each table must hold."""

    def __init__(self, raw_folder: Path) -> None:
        self.logs: dict[str, list[dict]] = {}
        self.rejects: dict[str, list[tuple[str, str]]] = {}
        for folder in sorted(raw_folder.iterdir()):
            day = folder.name.removeprefix("date=")
            self.logs[day], self.rejects[day] = [], []
            for file in sorted(folder.iterdir()):
                self._read(file, day)

    def _read(self, file: Path, day: str) -> None:
        text = file.read_bytes().decode("utf-8-sig", errors="replace")
        records = [record for record in csv.reader(io.StringIO(text, newline="")) if record]
        for record in records[1:]:
            row = dict(zip(records[0], record, strict=False))
            reason = "malformed" if len(record) != len(records[0]) else reason_against(row, day)
            if reason:
                self.rejects[day].append((file.name, reason))
            else:
                self.logs[day].append(valid_row(row))

    def before(self, day: str) -> list[str]:
        return [known for known in self.logs if known < day]

    def features(self, kind: str, as_of: str) -> dict[str, dict]:
        """kind is user or item. One entry for each id seen on or before the date."""
        prefix, key = kind[0] + "_", f"{kind}_id"
        week_ago = (date.fromisoformat(as_of) - timedelta(days=6)).isoformat()
        found: dict[str, Counter] = defaultdict(Counter)
        for day, rows in self.logs.items():
            if day > as_of:
                continue
            for row in rows:
                counts = found[row[key]]
                spans = ["cum", f"s{row['scene']}"]
                spans += ["7d"] if day >= week_ago else []
                spans += ["day"] if day == as_of else []
                for span in spans:
                    counts[f"imp_{span}"] += 1
                    counts[f"clk_{span}"] += row["label"]
        names = [f"{c}_{span}" for c in ("imp", "clk") for span in ("day", "7d", "cum", *(f"s{s}" for s in SCENES))]
        table = {}
        for entity, counts in found.items():
            values = {prefix + name: counts[name] for name in names}
            for span in ("7d", "cum"):
                shown = counts[f"imp_{span}"]
                values[f"{prefix}ctr_{span}"] = counts[f"clk_{span}"] / shown if shown else 0.0
            table[entity] = values
        return table

    def pairs(self, day: str, horizon: int | None = None) -> dict[tuple[str, str], dict]:
        """The pairs of the date, with their counts on the days before."""
        first = "" if horizon is None else (date.fromisoformat(day) - timedelta(days=horizon)).isoformat()
        table = {(row["user_id"], row["item_id"]): {"ui_imp_hist": 0, "ui_clk_hist": 0} for row in self.logs[day]}
        for earlier in self.before(day):
            for row in self.logs[earlier] if earlier >= first else ():
                pair = (row["user_id"], row["item_id"])
                if pair in table:
                    table[pair]["ui_imp_hist"] += 1
                    table[pair]["ui_clk_hist"] += row["label"]
        return table

    def sequences(self, day: str, last: int = 50) -> dict[str, dict]:
        """The last impressions of each user before the date, oldest first."""
        shown = defaultdict(list)
        for earlier in self.before(day):
            for row in self.logs[earlier]:
                moment = (row["log_ts"], row["scene"], row["item_id"], row["label"])
                shown[row["user_id"]].append((moment, date.fromisoformat(earlier)))
        table = {}
        for user, rows in shown.items():
            kept = sorted(rows)[-last:]
            table[user] = {
                "item_ids": [item for (_, _, item, _), _ in kept],
                "scenes": [scene for (_, scene, _, _), _ in kept],
                "clicked": [label for (_, _, _, label), _ in kept],
                "days": [shown_on for _, shown_on in kept],
            }
        return table

    def training(self, day: str, lag: int = 1) -> list[dict]:
        """Every row of the logs with its features."""
        as_of = (date.fromisoformat(day) - timedelta(days=lag)).isoformat()
        users, items, pairs = self.features("user", as_of), self.features("item", as_of), self.pairs(day)
        none = Oracle.__new__(Oracle)
        none.logs = {"2000-01-01": [{"user_id": "", "item_id": "", "scene": 0, "label": 0}]}
        no_user = dict.fromkeys(none.features("user", "2000-01-01")[""], 0)
        no_item = dict.fromkeys(none.features("item", "2000-01-01")[""], 0)
        return [
            {
                **row,
                **users.get(row["user_id"], no_user),
                **items.get(row["item_id"], no_item),
                **pairs[row["user_id"], row["item_id"]],
            }
            for row in self.logs[day]
        ]


def reason_against(row: dict, day: str) -> str | None:
    """The first reason against a row of the right length, or None."""
    if not row["user_id"]:
        return "missing_user_id"
    if not row["item_id"]:
        return "missing_item_id"
    if row["label"].lower() not in LABELS:
        return "bad_label"
    if row["scene"].removesuffix(".0") not in ("0", "1", "2", "3", "4"):
        return "bad_scene"
    moment = moment_of(row["log_time"])
    if moment is None:
        return "bad_log_time"
    return None if moment.date().isoformat() == day else "wrong_date"


def moment_of(text: str) -> datetime | None:
    """In UTC, without a zone."""
    if text.isdecimal() and len(text) in (10, 13):
        milliseconds = int(text) * (1000 if len(text) == 10 else 1)
        return datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)
    days, times, zones = ("%Y-%m-%d", "%Y/%m/%d"), ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f"), ("", "%z")
    for day, between, time, zone in itertools.product(days, " T", times, zones):
        with contextlib.suppress(ValueError):
            moment = datetime.strptime(text, f"{day}{between}{time}{zone}")
            return moment.astimezone(UTC).replace(tzinfo=None) if zone else moment
    return None


def valid_row(row: dict) -> dict:
    return {
        "user_id": row["user_id"],
        "item_id": row["item_id"],
        "log_ts": moment_of(row["log_time"]),
        "label": LABELS[row["label"].lower()],
        "scene": int(float(row["scene"])),
        **{name: row.get(name, "") for name in TEXTS},
        **{name: row.get(name) or None for name in DEEP},
    }
