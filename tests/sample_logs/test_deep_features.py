"""Deep features: the first 14 tell of the user's tastes, the other 13 of the item's topics, noise included."""

from dataclasses import replace

import numpy as np
import pytest

from sample_logs.logs import SampleLogs
from tests.sample_logs.conftest import SMALL

OF_USERS = 14


@pytest.fixture(scope="module")
def logs() -> SampleLogs:
    return SampleLogs(replace(SMALL, users=2_000, items=2_000, deep_features=True))


def features(logs: SampleLogs) -> np.ndarray:
    """Of user n and item n: [N, 27]."""
    everybody = np.arange(logs.settings.users)
    return np.stack(list(logs.deep_features.columns(everybody, everybody).values()), axis=1)


def explained(by: np.ndarray, values: np.ndarray) -> float:
    """The share of the values' variance that a linear fit explains."""
    by = np.column_stack([by, np.ones(len(by))])
    left = values - by @ np.linalg.lstsq(by, values, rcond=None)[0]
    return 1 - left.var() / values.var()


def test_the_users_features_follow_tastes_with_noise(logs: SampleLogs) -> None:
    assert 0.5 < explained(logs.users.taste, features(logs)[:, :OF_USERS]) < 0.95


def test_the_items_features_follow_topics_with_noise(logs: SampleLogs) -> None:
    shown = np.zeros((logs.settings.items, logs.users.taste.shape[1]))
    share = logs.items.first_share
    np.add.at(shown, (np.arange(len(shown)), logs.items.topics[:, 0]), share)
    np.add.at(shown, (np.arange(len(shown)), logs.items.topics[:, 1]), 1 - share)
    assert 0.5 < explained(shown, features(logs)[:, OF_USERS:]) < 0.95
