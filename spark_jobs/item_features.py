"""Count each item's impressions and clicks of the date, of the last seven days, and of all days up to the date."""

from collections.abc import Sequence

from spark_jobs.common.entity_features import Entity, entity_stage
from warehouse.tables import DAILY_ITEM, FEATURES_ITEM

ITEM = Entity(key="item_id", prefix="i_", daily=DAILY_ITEM, features=FEATURES_ITEM, stage="item_features")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    entity_stage(__doc__, ITEM, argv)


if __name__ == "__main__":
    main()
