"""The edges of the ranges that numbers are counted in: round, and around all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.columns.ranges import round_edges

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    numbers=st.lists(finite | st.floats(0, 1000) | st.sampled_from([0.1, 0.3, 5e-324, 1e15, 1e15 + 0.125]), min_size=1)
)
def test_round_edges_hold_all_numbers(numbers: list[float]) -> None:
    edges = round_edges(np.array(numbers))
    assert edges == sorted(set(edges))
    assert np.isfinite(edges).all()
    assert edges[0] <= min(numbers)
    assert max(numbers) < edges[-1] or max(numbers) > 1.7e308


@pytest.mark.parametrize(
    ("numbers", "edges"),
    [
        ([], []),
        ([19900.0], [19000.0, 20000.0]),
        ([0.0], [0.0, 1.0]),
        ([9900, 12000, 19900, 25000, 39000, 59000, 129000], [8000, 12000, 20000, 25000, 40000, 60000, 150000]),
        ([0.1, 0.2, 0.3], [0.1, 0.2, 0.4]),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1000000.0], [0.0, 1500000.0]),
    ],
)
def test_edges_are_round(numbers: list[float], edges: list[float]) -> None:
    assert round_edges(np.array(numbers, np.float64)) == edges
