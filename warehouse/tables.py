"""The name, format, partitioning and columns of every table."""

from dataclasses import dataclass

from warehouse.scenes import RAW_FOLDER, SCENES

WINDOW_DAYS = 7
SEQUENCE_LENGTH = 50  # impressions of a user that a model may attend to

TEXT_COLUMNS = ("item_title", "item_entity_names", "query_entity_seq", "bill_entity_seq", "service_entity_seq")
DEEP_FEATURES = tuple(f"deep_features_{i}" for i in range(27))
REQUIRED_RAW_COLUMNS = ("user_id", "item_id", "log_time", "label", "scene")
LIST_END = "\x1f"  # follows each value of a list in a deep feature
RAW_COLUMNS = (*REQUIRED_RAW_COLUMNS, *TEXT_COLUMNS, *DEEP_FEATURES)
# To add a reason, add its name here, where rows are tested in this order, and its SQL condition to `with_reason` in
# spark_jobs/csv_to_orc.py.
REJECT_REASONS = (
    "malformed",
    "missing_user_id",
    "missing_item_id",
    "bad_label",
    "bad_scene",
    "bad_log_time",
    "wrong_date",
)

Columns = tuple[tuple[str, str], ...]  # (name, Spark SQL type)


@dataclass(frozen=True)
class Table:
    """One table. folder: its name without the dataset. partitions: the partition columns, outermost first.

    declared: the columns; a counter by scene is declared once, with {} for the scene.
    """

    folder: str
    format: str
    declared: Columns
    partitions: tuple[str, ...] = ("date",)
    suffix: str = ""

    def name(self, dataset: str) -> str:
        """Return the name of the table, which is also that of its folder under the warehouse root."""
        return f"{self.folder}_{dataset}{self.suffix}"

    @property
    def columns(self) -> Columns:
        """The columns for the scenes of this process's dataset."""
        return self.columns_for(len(SCENES))

    def columns_for(self, scenes: int) -> Columns:
        """Return the columns for this number of scenes."""
        return tuple(
            (name.format(scene), spark_type)
            for name, spark_type in self.declared
            for scene in range(scenes if "{}" in name else 1)
        )

    @property
    def ddl(self) -> str:
        """The columns as a Spark DDL schema."""
        return ", ".join(f"`{name}` {spark_type}" for name, spark_type in self.columns)

    @property
    def is_raw(self) -> bool:
        """Whether users write its files. It has no manifests, and its columns are not fixed."""
        return self.format == "csv"

    @property
    def column_names(self) -> list[str]:
        return [name for name, _ in self.columns]


def _columns(spark_type: str, *names: str) -> Columns:
    return tuple((name, spark_type) for name in names)


def _without_label(columns: Columns) -> Columns:
    return tuple(column for column in columns if column[0] != "label")


def scene_counters(prefix: str = "") -> list[str]:
    """Return the names of the counters of impressions and clicks by scene: imp_s0 ... imp_s4, clk_s0 ... clk_s4."""
    return [name.format(scene) for name in _scene_counters(prefix) for scene in SCENES]


def _scene_counters(prefix: str = "") -> list[str]:
    return [f"{prefix}{kind}_s{{}}" for kind in ("imp", "clk")]


# To add a feature of users and items, add its column here, and its SQL to `summed` in
# spark_jobs/common/entity_features.py. The training table joins every column named here, and training reads each bigint
# as a count and each double as a rate.
def _entity_features(prefix: str) -> Columns:
    counts, rate = ("imp", "clk"), "double"
    return (
        *_columns("bigint", *(f"{prefix}{kind}_day" for kind in counts)),
        *_columns("bigint", *(f"{prefix}{kind}_7d" for kind in counts)),
        (f"{prefix}ctr_7d", rate),
        *_columns("bigint", *(f"{prefix}{kind}_cum" for kind in counts)),
        (f"{prefix}ctr_cum", rate),
        *_columns("bigint", *_scene_counters(prefix)),
    )


USER_FEATURE_COLUMNS = _entity_features("u_")
ITEM_FEATURE_COLUMNS = _entity_features("i_")
PAIR_FEATURE_COLUMNS = _columns("bigint", "ui_imp_hist", "ui_clk_hist")

_LOG_COLUMNS: Columns = (
    *_columns("string", "user_id", "item_id"),
    ("log_ts", "timestamp"),
    *_columns("int", "label", "scene"),
    *_columns("string", *TEXT_COLUMNS, *DEEP_FEATURES),
)
_PAIR = _columns("string", "user_id", "item_id")
_SCENE_COUNTERS = _columns("bigint", *_scene_counters())

RAW = Table(RAW_FOLDER, "csv", ())
TRUTH = Table(
    "truth",
    "parquet",
    (*_PAIR, ("log_ts", "timestamp"), ("scene", "int"), ("click_probability", "double")),
)
LOGS = Table("logs", "orc", _LOG_COLUMNS, ("date", "scene"))
REJECTS = Table("rejects", "orc", _columns("string", "source_file", "raw_line", "reason"))
DAILY_USER = Table("daily_user", "orc", (("user_id", "string"), *_SCENE_COUNTERS))
DAILY_ITEM = Table("daily_item", "orc", (("item_id", "string"), *_SCENE_COUNTERS))
DAILY_UI = Table("daily_ui", "orc", (*_PAIR, *_columns("bigint", "imp", "clk")))
TILES_UI = Table("tiles_ui", "orc", DAILY_UI.declared)
FEATURES_USER = Table("features_user", "orc", (("user_id", "string"), *USER_FEATURE_COLUMNS))
FEATURES_ITEM = Table("features_item", "orc", (("item_id", "string"), *ITEM_FEATURE_COLUMNS))
FEATURES_UI = Table("features_ui", "orc", (*_PAIR, *PAIR_FEATURE_COLUMNS))
# Lists of equal length. A list of structs would take twice the CPU time to write.
SEQUENCES_USER = Table(
    "sequences_user",
    "orc",
    (
        ("user_id", "string"),
        ("item_ids", "array<string>"),
        ("scenes", "array<int>"),
        ("clicked", "array<int>"),
        ("days", "array<date>"),
    ),
)
TRAIN = Table(
    "train",
    "parquet",
    (*_LOG_COLUMNS, *USER_FEATURE_COLUMNS, *ITEM_FEATURE_COLUMNS, *PAIR_FEATURE_COLUMNS),
    ("date", "scene"),
    suffix="_parquet",
)

CANDIDATES = Table("candidates", "csv", ())
VALID_CANDIDATES = Table("valid_candidates", "orc", _without_label(LOGS.declared), LOGS.partitions)
CANDIDATE_REJECTS = Table("candidate_rejects", "orc", REJECTS.declared)
CANDIDATE_FEATURES = Table(
    "candidate_features", "parquet", _without_label(TRAIN.declared), TRAIN.partitions, suffix=TRAIN.suffix
)
SCORES = Table(
    "scores",
    "parquet",
    (
        *_PAIR,
        ("log_ts", "timestamp"),
        ("scene", "int"),
        ("probability", "double"),
        ("rank", "int"),
        ("run", "string"),
    ),
)

_INTERVAL = ("auc", "auc_low", "auc_high")
WATCH = Table(
    "watch",
    "parquet",
    (
        ("segment", "string"),
        *_columns("bigint", "rows", "clicks"),
        *_columns("double", *_INTERVAL, "logloss", "normalised_entropy", "levelled_entropy", "levelled_entropy_error"),
        *_columns("double", "predicted_clicks", "predicted_by_observed", "score_psi", "feature_psi"),
        ("feature", "string"),
        *_columns("double", *(f"chosen_{name}" for name in (*_INTERVAL, "levelled_entropy", "levelled_entropy_error"))),
        *_columns("string", "run", "version", "as_of", "scored"),
    ),
)

# In the order in which the stages write them for one date.
DERIVED_TABLES = (
    LOGS,
    REJECTS,
    DAILY_USER,
    FEATURES_USER,
    DAILY_ITEM,
    FEATURES_ITEM,
    DAILY_UI,
    TILES_UI,
    FEATURES_UI,
    SEQUENCES_USER,
    TRAIN,
)
# Only for dates with candidates, which may have no logs yet.
SCORING_TABLES = (VALID_CANDIDATES, CANDIDATE_REJECTS, CANDIDATE_FEATURES, SCORES)
TABLES = {table.folder: table for table in (RAW, TRUTH, *DERIVED_TABLES, CANDIDATES, *SCORING_TABLES, WATCH)}
