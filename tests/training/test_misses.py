"""Photos that miss their product, products that look the same, and the confusion matrix of a page."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import normalise
from training.measures import Measured, held_out, lookalikes, photo_misses, photo_retrieval
from training.reports.confusion import confusion_of, shortened


def shop(seed: int, products: int, noise: float) -> tuple[Floats, NDArray[np.int64], list[str]]:
    """Returns four photos of each product as points, their products, and their names."""
    random = np.random.default_rng(seed)
    keys = np.repeat(np.arange(10, 10 + products), 4)
    points = np.repeat(random.normal(size=(products, 8)), 4, axis=0) + noise * random.normal(size=(4 * products, 8))
    names = [hashlib.sha256(f"{seed} {row}".encode()).hexdigest() for row in range(len(keys))]
    return normalise(points.astype(np.float32)), keys, names


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), noise=st.sampled_from([0.1, 0.8, 2.0]))
def test_the_misses_are_those_that_the_measure_counts(seed: int, noise: float) -> None:
    points, keys, names = shop(seed, 40, noise)
    queries = held_out(keys, names)
    figures = photo_retrieval(points, keys, queries)
    misses = photo_misses(points, keys, names, most=1000, guesses=3)
    assert len(misses) == round((1 - figures.get("photo_r1", 1)) * figures["photo_queries"])
    assert [miss.place for miss in misses] == sorted((miss.place for miss in misses), reverse=True)
    for miss in misses:
        assert keys[names.index(miss.sha256)] == miss.product_key
        assert miss.guesses[0] != miss.product_key
        assert (miss.product_key in miss.guesses) == (miss.place <= 3)


def test_products_with_nearly_the_same_photo_are_found_once() -> None:
    points, keys, names = shop(1, 12, 0.4)
    points[4 * 3] = points[4 * 7 + 2]
    [pair] = [pair for pair in lookalikes(points, keys, names, most=20) if pair.cosine > 0.9999]
    assert pair.product_keys == (13, 17)
    assert pair.photos == (names[12], names[30])
    assert lookalikes(points[:4], keys[:4], names[:4], most=5) == []


@pytest.mark.parametrize("labels", [3, 100])
def test_the_matrix_names_labels_and_what_they_are_taken_for(labels: int) -> None:
    names = tuple(f"아주 긴 이름의 운동화와 구두 {number}" for number in range(labels))
    y = np.arange(labels).repeat(2)
    best = y.copy()
    best[:2] = 1
    measured = Measured(
        labels=names, keys=("0" * 64,) * len(y), y=y, best=np.tile(best[None, :, None], (4, 1, 1)),
        scores=np.ones((4, len(y), 1), np.float32), threshold=0.0,
    )  # fmt: skip
    found = confusion_of(measured)
    assert found["pairs"] == [{"label": names[0], "taken_for": names[1], "count": 2, "photos": 2}]
    assert len(found["names"]) == min(labels, 80)
    assert found["left_out"] == max(labels - 80, 0)
    assert [cell for cell in found["cells"] if cell["row"] != cell["column"]] == [
        {"row": 0, "column": 1, "count": 2, "share": 1.0}
    ]


def test_a_short_name_stays_as_it_is() -> None:
    assert shortened("가방", 4) == "가방"
    assert shortened("가방들", 4) == "가…"
