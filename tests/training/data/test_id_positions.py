"""Ids found among many."""

import pyarrow as pa
import pytest

from training.data import id_positions
from training.data.id_positions import ABSENT, IdPositions
from training.errors import TrainingError

KNOWN = ["u7", "用户", "", "u" * 40, "u07", " u7"]
ASKED = ["用户", "u7 ", "", "u7", "nobody", "u" * 40, "u7", " u7", "u07"]


@pytest.mark.parametrize("known", [KNOWN, KNOWN[:1], []])
@pytest.mark.parametrize("alike", [False, True])
def test_an_id_is_found_where_it_is_even_if_hashes_are_alike(
    known: list[str], alike: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if alike:  # at first
        hashes = id_positions._hashes
        monkeypatch.setattr(id_positions, "_hashes", lambda ids, salt: hashes(ids, salt) % (2 if salt < 2 else 2**61))
    positions = IdPositions(pa.array(known, pa.string()))
    expected = [known.index(text) if text in known else ABSENT for text in ASKED]
    assert positions.of(ASKED).tolist() == expected
    assert positions.of([]).tolist() == []


def test_an_id_that_occurs_twice_is_named() -> None:
    with pytest.raises(TrainingError, match="the id 'u07' occurs more than once"):
        IdPositions(pa.array([*KNOWN, "u07"]))
