"""What tells spaces apart where no product has several photos."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.space import normalise
from training.embedder.photo_checks import copied_rows, falls_below, photo_figures, photo_outcomes


def shop(products: list[int], held: list[bool], kinds: list[int], *, copies: bool = True) -> Any:
    """What the measures need of a `Material`."""
    return SimpleNamespace(
        products=np.array(products), real=len(products), kinds=np.array(kinds), copies=("x",) * len(products) * copies,
        photos=SimpleNamespace(held=np.array(held)),
    )  # fmt: skip


def test_each_measure_counts_its_own_queries() -> None:
    # products 0 and 1 are of one category, 2 and 3 of another; product 3 was left out of training
    material = shop([0, 0, 1, 2, 3], [False, True, False, False, False], [7, 7, 9, 9])
    left = np.array([False, False, False, True])
    points = normalise(np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.5, 0.4]]))
    copies = normalise(np.array([[0.1, 0.1, 0.9]]))  # nearest to product 2, although it shows product 3
    assert copied_rows(material, left).tolist() == [4]
    outcomes = photo_outcomes(points, copies, material, left)
    # the held photo's nearest photo of another product is that of product 3, of the other category
    assert {name: right.tolist() for name, right in outcomes.items()} == {
        "photo_r1": [True], "copy_r1": [False], "category_r1": [False, False],
    }  # fmt: skip
    figures = photo_figures(outcomes)
    assert (figures["copy_r1"], figures["category_queries"], figures["photo_queries"]) == (0.0, 2, 1)


def test_copies_only_stand_in_for_held_out_photos() -> None:
    count = 50
    products, held = np.repeat(np.arange(count + 1), 2).tolist(), [False, True] * count + [False, False]
    material = shop(products, held, [-1] * (count + 1))
    left = np.arange(count + 1) == count
    points = np.repeat(np.eye(count + 1, dtype=np.float32), 2, axis=0)
    outcomes = photo_outcomes(points, points[copied_rows(material, left)], material, left)
    assert {name: len(right) for name, right in outcomes.items()} == {"photo_r1": count}
    held[1] = False
    fewer = shop(products, held, [-1] * (count + 1))
    outcomes = photo_outcomes(points, points[copied_rows(fewer, left)], fewer, left)
    assert {name: len(right) for name, right in outcomes.items()} == {"photo_r1": count - 1, "copy_r1": 2}


def test_measures_without_queries_are_left_out() -> None:
    material = shop([0, 1], [False, False], [-1, -1], copies=False)
    nothing = photo_outcomes(np.eye(2, dtype=np.float32), np.zeros((0, 2), np.float32), material, np.ones(2, np.bool_))
    assert nothing == {}
    assert falls_below({"copy_r1": np.zeros(9, np.bool_)}, nothing, "the other") == ""


def test_only_a_fall_by_more_than_chance_counts() -> None:
    old = np.arange(100) < 80
    slightly, clearly = old.copy(), old.copy()
    slightly[:3] = False
    clearly[:9] = False
    assert falls_below({"copy_r1": slightly}, {"copy_r1": old}, "the plain features'") == ""
    assert "copy_r1 0.7100 is below the plain features' 0.8000" in falls_below(
        {"copy_r1": clearly}, {"copy_r1": old}, "the plain features'"
    )
    assert falls_below({"copy_r1": old}, {"copy_r1": clearly}, "the plain features'") == ""
