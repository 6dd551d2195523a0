"""Hashes of rows: equal for equal rows alone, in whatever pieces they come."""

import pyarrow as pa

from training.evaluation.row_hashes import row_hashes

TABLE = pa.table(
    {
        "text": pa.array(["", None, "a", "a", "a", "a"]),
        "number": pa.array([0, 0, 0, None, 0, 1], pa.int32()),
        "share": pa.array([0.0, 0.0, 0.0, 0.0, None, 0.0]),
    }
)


def test_rows_that_differ_have_other_hashes_also_if_a_value_is_missing() -> None:
    hashes = row_hashes(TABLE).tolist()
    assert len({*hashes}) == len(TABLE)
    assert row_hashes(pa.concat_tables([TABLE, TABLE])).tolist() == 2 * hashes


def test_the_hash_of_a_row_does_not_depend_on_the_piece_that_it_is_in() -> None:
    assert [row_hashes(TABLE.slice(row, 1))[0] for row in range(len(TABLE))] == row_hashes(TABLE).tolist()
    assert len(row_hashes(TABLE.slice(0, 0))) == 0
