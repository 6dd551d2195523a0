"""Count each user's impressions and clicks of the date, of the last seven days, and of all days up to the date."""

from collections.abc import Sequence

from spark_jobs.common.entity_features import Entity, entity_stage
from warehouse.tables import DAILY_USER, FEATURES_USER

USER = Entity(key="user_id", prefix="u_", daily=DAILY_USER, features=FEATURES_USER, stage="user_features")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    entity_stage(__doc__, USER, argv)


if __name__ == "__main__":
    main()
