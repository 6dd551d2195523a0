"""The segments (groups of rows) that metrics are reported for. This module does not load torch, pyarrow or numpy."""

from dataclasses import dataclass

from warehouse.tables import SCENES

LEVELS = ("zero", "few", "warm")  # how often a user or an item was shown in the training window
FEWEST_ROWS = 10  # of each class: with fewer, an interval of AUC may have no width at all


@dataclass(frozen=True)
class Segment:
    """The rows of one scene, user level or item level, or of several of these at once. None means all of them."""

    segment: str
    scene: int | None = None
    user_level: str | None = None
    item_level: str | None = None


OVERALL = Segment("overall")
SEGMENTS_BY = {  # by kind: the name and the segment of each
    "scene": [(str(scene), Segment("scene", scene=scene)) for scene in SCENES],
    "user_level": [(level, Segment("user_level", user_level=level)) for level in LEVELS],
    "item_level": [(level, Segment("item_level", item_level=level)) for level in LEVELS],
}


def entity_of(kind: str) -> str:
    """Return scene, user or item: what the segments of this kind distinguish, for labels."""
    return kind.removesuffix("_level")


NAMED_SEGMENTS = {OVERALL.segment: OVERALL} | {  # overall, scene 3, user zero and so on
    f"{entity_of(kind)} {name}": segment for kind, named in SEGMENTS_BY.items() for name, segment in named
}
SEGMENTS = (
    OVERALL,
    *(segment for kind in ("user_level", "item_level", "scene") for _, segment in SEGMENTS_BY[kind]),
    *(Segment("scene_x_user_level", scene=scene, user_level=level) for scene in SCENES for level in LEVELS),
    *(Segment("scene_x_item_level", scene=scene, item_level=level) for scene in SCENES for level in LEVELS),
)


@dataclass(frozen=True)
class Figures:
    """The metrics of a segment. A metric is None if the segment has too few rows for it.

    auc_low, auc_high: DeLong's 95% interval. logloss: in nats.
    """

    rows: int
    positives: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    logloss: float | None
    ctr: float | None
    predicted_ctr: float | None


Report = dict[Segment, Figures]
