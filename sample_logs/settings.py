"""The settings of the sample logs, and the presets."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

FIRST_DATE = "2023-07-10"  # of the release
IDS = 9_000_000  # ids have seven digits, as in the release
_LEAST_ENTITIES = 200  # so that every scene has users and items from the first date on


@dataclass(frozen=True)
class Scene:
    """One scene: its rows, users and items in the release, and its click rate. Over all rows, the rate is 33.7%."""

    name: str
    rows: int
    users: int
    items: int
    ctr: float


SCENES = (
    Scene("content posts", 653_257, 34_569, 24_973, ctr=0.220),
    Scene("mini-programs", 2_757_994, 46_717, 11_663, ctr=0.400),
    Scene("advertisements", 5_698_072, 67_133, 10_549, ctr=0.307),
    Scene("short videos", 1_269_308, 28_407, 17_497, ctr=0.380),
    Scene("vouchers", 812_354, 14_930, 20_655, ctr=0.360),
)
RELEASE_ROWS = sum(scene.rows for scene in SCENES)
RELEASE_USERS = 67_624  # a user may be in several scenes
RELEASE_ITEMS = sum(scene.items for scene in SCENES)  # about 85,000, each in one scene


@dataclass(frozen=True)
class ClickWeights:
    """The weights of the click model: the standard deviation of each term of the logit; of hour and day, the height."""

    affinity: float = 0.90
    appeal: float = 0.55
    quality: float = 0.40
    leaning: float = 0.55
    hour: float = 0.25
    day: float = 0.25


@dataclass(frozen=True)
class Settings:
    """The settings of a set of sample logs. Raises ValueError if they are impossible."""

    rows: int
    days: int
    users: int
    items: int
    deep_features: bool = False
    seed: int = 7
    start_date: str = FIRST_DATE
    # Shares of the population present from the first date. The others are born on any later date, all equally likely.
    founding_users: float = 0.7
    founding_items: float = 0.6
    # Shares of a date's rows that go to users and items born on it: the cold rows of a validation day.
    newborn_user_rows: float = 0.03
    newborn_item_rows: float = 0.06
    # Exponents of the Pareto tails of activity and popularity: the smaller, the heavier.
    user_tail: float = 2.0
    item_tail: float = 1.5
    click: ClickWeights = field(default_factory=ClickWeights)
    # From this date on, users like other topics than before and click more or less readily. None: never.
    tastes_change: str | None = None

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days is {self.days}; at least 1 is needed")
        if self.rows < self.days:
            raise ValueError(f"rows is {self.rows}; {self.days} dates need at least {self.days} rows")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}; it may not be negative")
        try:
            first = date.fromisoformat(self.start_date)
            if first.isoformat() != self.start_date:  # 20230710 is ISO 8601 too
                raise ValueError("folders have another format")
            first + timedelta(days=self.days)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"start date {self.start_date!r}: {error}; write it like {FIRST_DATE}") from error
        if self.tastes_change is not None and self.tastes_change not in self.dates:
            raise ValueError(
                f"tastes change on {self.tastes_change!r}; write one of the dates {self.dates[0]} .. {self.dates[-1]}"
            )
        if max(self.users, self.items) > IDS:
            raise ValueError(f"rows is {self.rows}; that needs more than the {IDS} ids of seven digits: use fewer rows")

    @property
    def dates(self) -> list[str]:
        """Return the dates of the logs, ascending."""
        start = date.fromisoformat(self.start_date)
        return [(start + timedelta(days=day)).isoformat() for day in range(self.days)]

    def resized(self, rows: int, days: int) -> "Settings":
        """Return settings with other rows and days. The number of users and items grows with the root of the rows."""
        factor = (max(rows, 0) / self.rows) ** 0.5
        users, items = (max(round(count * factor), _LEAST_ENTITIES) for count in (self.users, self.items))
        return replace(self, rows=rows, days=days, users=users, items=items)


PRESETS = {
    "10k": Settings(rows=10_000, days=5, users=1_500, items=1_500),
    "demo": Settings(rows=200_000, days=14, users=4_000, items=6_000),
    "10m": Settings(rows=RELEASE_ROWS, days=30, users=RELEASE_USERS, items=RELEASE_ITEMS, deep_features=True),
}
