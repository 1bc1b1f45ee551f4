"""Boxes around what stands out in a map of responses."""

import time

import numpy as np
import pytest

from engine.objects import MOST_OBJECTS, proposals
from engine.protocols import Floats


def responses(*boxes: tuple[int, int, int, int], side: int = 17, noise: float = 0.1) -> Floats:
    """A map that responds within boxes x0, y0, x1, y1 in places, and is a little noisy everywhere."""
    strength: Floats = np.random.default_rng(0).normal(0, noise, (side, side)).astype(np.float32)
    for x0, y0, x1, y1 in boxes:
        strength[y0:y1, x0:x1] += 1
    return strength


def found(strength: Floats) -> set[tuple[int, ...]]:
    return {tuple(box) for box in (proposals(strength) * len(strength)).round().astype(int).tolist()}


@pytest.mark.parametrize(
    "boxes",
    [
        [(4, 5, 12, 11)],
        [(1, 2, 7, 8), (9, 9, 15, 16)],
        [(1, 3, 7, 12), (8, 3, 14, 12)],  # one place between them
        [(0, 0, 5, 5), (8, 0, 13, 4), (0, 10, 4, 15), (9, 9, 17, 17)],  # at the photo's edges too
    ],
)
def test_each_thing_has_a_box_and_nothing_else_has(boxes: list[tuple[int, int, int, int]]) -> None:
    assert found(responses(*boxes)) == set(boxes)


def test_what_lies_beyond_the_photo_is_in_no_box() -> None:
    strength = responses((2, 5, 8, 10), (9, 6, 15, 11))
    strength[:4] = strength[13:] = np.nan
    assert found(strength) == {(2, 5, 8, 10), (9, 6, 15, 11)}
    strength[:, :9] = np.nan
    assert found(strength) == {(9, 6, 15, 11)}


@pytest.mark.parametrize("strength", [np.zeros((17, 17)), np.full((17, 17), np.nan), np.eye(2)])
def test_where_nothing_stands_out_there_is_no_box(strength: Floats) -> None:
    assert proposals(strength.astype(np.float32)).shape == (0, 4)


def test_there_are_at_most_five() -> None:
    things = [(x, y, x + 3, y + 3) for x in (0, 5, 10, 14) for y in (0, 5, 10, 14)]
    assert len(proposals(responses(*things))) == MOST_OBJECTS


@pytest.mark.parametrize("side", [25, 64, 85])
def test_a_large_map_is_looked_at_coarsely_and_costs_no_more(side: int) -> None:
    thing = (side // 4, side // 4, side // 2, side // 2)
    started = time.process_time()
    boxes = proposals(responses(thing, side=side))
    assert time.process_time() - started < 0.5
    assert len(boxes) == 1
    assert np.abs(boxes[0] * side - thing).max() <= side / 12
