"""The segments (groups of rows) that metrics are reported for. This module does not load torch, pyarrow or numpy."""

import functools
from dataclasses import dataclass

from warehouse.tables import SCENES

LEVELS = ("zero", "few", "warm")  # how often a user or an item was shown in the training window
FEWEST_ROWS = 10  # of each class: with fewer, the interval of an AUC may have no width at all


@dataclass(frozen=True)
class Segment:
    """The rows of one scene, user level or item level, or of several of these at once. None means all of them."""

    segment: str
    scene: int | None = None
    user_level: str | None = None
    item_level: str | None = None


OVERALL = Segment("overall")


@functools.cache  # computed when it is needed, as all that depends on the scenes of the dataset
def segments_by_kind() -> dict[str, list[tuple[str, Segment]]]:
    """Return the name and the segment of each scene, user level and item level, by kind."""
    return {
        "scene": [(str(scene), Segment("scene", scene=scene)) for scene in SCENES],
        "user_level": [(level, Segment("user_level", user_level=level)) for level in LEVELS],
        "item_level": [(level, Segment("item_level", item_level=level)) for level in LEVELS],
    }


def entity_of(kind: str) -> str:
    """Return scene, user or item: what the segments of this kind distinguish, for labels."""
    return kind.removesuffix("_level")


@functools.cache
def named_segments() -> dict[str, Segment]:
    """Return segments by name: overall, scene 3, user zero and so on."""
    by_kind = segments_by_kind().items()
    return {OVERALL.segment: OVERALL} | {
        f"{entity_of(kind)} {name}": segment for kind, named in by_kind for name, segment in named
    }


@functools.cache
def all_segments() -> tuple[Segment, ...]:
    """Return the named segments, and those of a scene and a level at once."""
    by_kind = segments_by_kind()
    return (
        OVERALL,
        *(segment for kind in ("user_level", "item_level", "scene") for _, segment in by_kind[kind]),
        *(Segment("scene_x_user_level", scene=scene, user_level=level) for scene in SCENES for level in LEVELS),
        *(Segment("scene_x_item_level", scene=scene, item_level=level) for scene in SCENES for level in LEVELS),
    )


@dataclass(frozen=True)
class Figures:
    """The metrics of a segment. A metric is None if the segment has too few rows for it.

    auc_low, auc_high: the 95% interval, with each user's rows as one cluster. logloss: in nats.
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
