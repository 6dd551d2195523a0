"""The stages' rules in DuckDB's SQL. Functions return queries; files are glob patterns for one date's Parquet files."""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.calendar_days import days_before
from warehouse.tables import (
    DAILY_ITEM,
    DAILY_USER,
    DEEP_FEATURES,
    FEATURES_ITEM,
    FEATURES_USER,
    LOGS,
    SCENES,
    TEXT_COLUMNS,
    TRAIN,
    WINDOW_DAYS,
    Table,
    scene_counters,
)


@dataclass(frozen=True)
class DuckEntity:
    """An entity that features are counted for, users or items, as in the Spark stages."""

    key: str
    prefix: str
    daily: Table
    features: Table


USER = DuckEntity("user_id", "u_", DAILY_USER, FEATURES_USER)
ITEM = DuckEntity("item_id", "i_", DAILY_ITEM, FEATURES_ITEM)


def parquet(*files: str) -> str:
    """A table function that reads Parquet files, with `date` and `scene` from the names of their folders."""
    listed = ", ".join(f"'{name}'" for name in files)
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'date': VARCHAR}})"


def judged_rows(csv: str, date: str, rejected: int) -> str:
    """All rows of a CSV without deep features, in the columns of the logs. Rejected rows get `rejected` as their scene.

    A rejected row has its source_file in user_id, its reason in item_id and its raw_line in item_title.
    """
    raw = f"""
        SELECT *, filename AS source_file, try_cast(label AS INTEGER) AS typed_label,
            try_cast(scene AS INTEGER) AS typed_scene,
            CASE WHEN translate(log_time, '123456789', '000000000') = '0000-00-00 00:00:00'
                THEN try_cast(log_time AS TIMESTAMP) ELSE try_strptime(log_time, '%Y/%-m/%-d %-H:%M') END AS log_ts
        FROM read_csv('{csv}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"',
            store_rejects = true, filename = true)"""
    judged = f"""
        SELECT *, CASE
            WHEN coalesce(user_id, '') = '' THEN 'missing_user_id'
            WHEN coalesce(item_id, '') = '' THEN 'missing_item_id'
            WHEN coalesce(typed_label NOT IN (0, 1), true) THEN 'bad_label'
            WHEN coalesce(typed_scene NOT IN {(*SCENES,)}, true) THEN 'bad_scene'
            WHEN log_ts IS NULL THEN 'bad_log_time'
            WHEN log_ts < TIMESTAMP '{date}' OR log_ts >= TIMESTAMP '{date}' + INTERVAL 1 DAY THEN 'wrong_date'
            END AS reason
        FROM ({raw})"""
    typed = {"label": "typed_label", "scene": "typed_scene", "log_ts": "log_ts"}
    texts = {name: f"coalesce({name}, '')" for name in TEXT_COLUMNS}
    deep = dict.fromkeys(DEEP_FEATURES, "NULL::VARCHAR")
    valid = {**{name: name for name in LOGS.column_names}, **typed, **texts, **deep}
    raw_line = f"concat_ws(',', user_id, item_id, log_time, label, scene, {', '.join(TEXT_COLUMNS)})"
    carried = {"user_id": "source_file", "item_id": "reason", "scene": str(rejected), "item_title": raw_line}
    columns = ", ".join(
        f"CASE WHEN reason IS NULL THEN {value} ELSE {carried.get(name, 'NULL')} END AS {name}"
        for name, value in valid.items()
    )
    return f"SELECT {columns} FROM ({judged})"


def rejects(csv: str, carried: str | None) -> str:
    """Lines that this connection's CSV reader could not parse, and the rejected rows of `judged_rows`, if any."""
    malformed = f"""
        SELECT DISTINCT ON (line) file_path AS source_file, csv_line AS raw_line, 'malformed' AS reason
        FROM reject_errors JOIN reject_scans USING (scan_id, file_id) WHERE file_path = '{csv}'"""
    if carried is None:
        return malformed
    return f"({malformed}) UNION ALL SELECT user_id, item_title, item_id FROM {parquet(carried)}"


def daily_counts(logs: str, entity: DuckEntity) -> str:
    """Impressions and clicks by scene, one row per entity."""
    counted = {"imp": "", "clk": " AND label = 1"}
    counts = ", ".join(
        f"count(*) FILTER (scene = {scene}{and_clicked}) AS {kind}_s{scene}"
        for kind, and_clicked in counted.items()
        for scene in SCENES
    )
    return f"SELECT {entity.key}, {counts} FROM {parquet(logs)} GROUP BY {entity.key}"


def entity_features(daily: Sequence[str], snapshot: str | None, date: str, entity: DuckEntity) -> str:
    """Counts of one day, of seven days and of all days. `snapshot` is the one of the day before."""
    key, prefix = entity.key, entity.prefix
    since = "true" if snapshot is None else f"date = '{date}'"
    contributions = f"""
        SELECT {key}, {", ".join(scene_counters())}, date = '{date}' AS of_day,
            date >= '{days_before(date, WINDOW_DAYS - 1)}' AS of_window, {since} AS since_snapshot
        FROM {parquet(*daily)}"""
    if snapshot is not None:
        counters = ", ".join(f"{prefix}{counter} AS {counter}" for counter in scene_counters())
        contributions += f" UNION ALL SELECT {key}, {counters}, false, false, true FROM {parquet(snapshot)}"
    total = {kind: "(" + " + ".join(f"{kind}_s{scene}" for scene in SCENES) + ")" for kind in ("imp", "clk")}
    spans = {"day": "of_day", "7d": "of_window", "cum": "since_snapshot"}
    sums = [
        *((f"{kind}_{span}", total[kind], flag) for span, flag in spans.items() for kind in total),
        *((counter, counter, "since_snapshot") for counter in scene_counters()),
    ]
    summed = ", ".join(
        f"coalesce(sum({counts}) FILTER ({flag}), 0)::BIGINT AS {prefix}{name}" for name, counts, flag in sums
    )
    rates = ", ".join(
        f"coalesce({prefix}clk_{span} / nullif({prefix}imp_{span}, 0), 0) AS {prefix}ctr_{span}"
        for span in ("7d", "cum")
    )
    sums_query = f"SELECT {key}, {summed} FROM ({contributions}) GROUP BY {key}"
    return f"SELECT {', '.join(entity.features.column_names)} FROM (SELECT *, {rates} FROM ({sums_query}))"


def daily_pairs(logs: str) -> str:
    """Impressions and clicks, one row per user and item."""
    sums = "count(*) AS imp, sum(label)::BIGINT AS clk"
    return f"SELECT user_id, item_id, {sums} FROM {parquet(logs)} GROUP BY user_id, item_id"


def pair_history(pairs: str, earlier: Sequence[str]) -> str:
    """A day's pairs, with the sums of their counts on earlier days."""
    keys = f"SELECT user_id, item_id FROM {parquet(pairs)}"
    if not earlier:
        return f"SELECT user_id, item_id, 0::BIGINT AS ui_imp_hist, 0::BIGINT AS ui_clk_hist FROM ({keys})"
    history = f"SELECT user_id, item_id, imp, clk FROM {parquet(*earlier)}"
    return f"""
        SELECT user_id, item_id, coalesce(sum(imp), 0)::BIGINT AS ui_imp_hist,
            coalesce(sum(clk), 0)::BIGINT AS ui_clk_hist
        FROM ({keys}) LEFT JOIN ({history}) USING (user_id, item_id) GROUP BY user_id, item_id"""


def training_rows(logs: str, users: str, items: str, pairs: str) -> str:
    """The logs' rows with the features of their user, item and pair. Missing features are 0."""
    from_logs = set(LOGS.column_names)
    columns = ", ".join(name if name in from_logs else f"coalesce({name}, 0) AS {name}" for name in TRAIN.column_names)
    return f"""
        SELECT {columns} FROM {parquet(logs)}
        LEFT JOIN (SELECT * EXCLUDE (date) FROM {parquet(users)}) USING (user_id)
        LEFT JOIN (SELECT * EXCLUDE (date) FROM {parquet(items)}) USING (item_id)
        LEFT JOIN (SELECT * EXCLUDE (date) FROM {parquet(pairs)}) USING (user_id, item_id)"""
