"""Rows of recent texts: what is remembered, what is computed, and how much is kept."""

import numpy as np

from engine.protocols import Floats
from engine.text.recent import RecentRows


class Lengths:
    """Computes the length of each text, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: list[str]) -> Floats:
        self.asked.append(texts)
        return np.array([[len(text)] for text in texts], np.float32)


def test_only_what_is_not_remembered_is_computed() -> None:
    lengths = Lengths()
    recent = RecentRows(lengths)
    assert recent.of(["a", "bb", "a"])[:, 0].tolist() == [1, 2, 1]
    assert recent.of(["bb", "ccc"])[:, 0].tolist() == [2, 3]
    assert recent.of(["a", "ccc"])[:, 0].tolist() == [1, 3]
    assert lengths.asked == [["a", "bb"], ["ccc"]]


def test_the_texts_asked_for_longest_ago_are_forgotten_first() -> None:
    lengths = Lengths()
    recent = RecentRows(lengths)
    for number in range(1, 1024):
        recent.of([f"text {number}"])
    recent.of(["text 0"])
    recent.of(["text 1"])  # so that number 2 is now the oldest
    recent.of(["one more"])
    lengths.asked.clear()
    recent.of(["text 1"])
    recent.of(["text 2"])
    assert lengths.asked == [["text 2"]]


def test_more_texts_than_are_kept_come_back_whole() -> None:
    texts = ["x" * length for length in range(3000)]
    assert RecentRows(Lengths()).of([*texts, *texts])[:, 0].tolist() == [*range(3000), *range(3000)]
