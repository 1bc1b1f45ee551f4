"""Rows that may be found, against sets of Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.live import Allowed

SIZE, ADDED = 9, 4
rows_of = st.lists(st.integers(0, SIZE + ADDED - 1), max_size=8)


@given(st.none() | st.lists(st.booleans(), min_size=SIZE, max_size=SIZE), rows_of, rows_of, rows_of)
def test_allowed_rows_are_as_sets_of_python(
    passing: list[bool] | None, first: list[int], second: list[int], asked: list[int]
) -> None:
    mask = None if passing is None else np.array(passing)
    every = Allowed(SIZE, np.zeros(0, np.int64), mask, np.ones(ADDED, np.bool_))
    allowed = every.without(np.array(first, np.int64)).without(np.array(second, np.int64))
    left = {row for row in range(SIZE) if passing is None or passing[row]} | set(range(SIZE, SIZE + ADDED))
    assert every.rows.tolist() == sorted(left)
    left -= {*first, *second}
    assert allowed.rows.tolist() == sorted(left)
    assert allowed.count == len(left)
    assert allowed.has(np.array(asked, np.int64)).tolist() == [row in left for row in asked]
    assert allowed.dead.tolist() == sorted(row for row in {*first, *second} if row < SIZE)
