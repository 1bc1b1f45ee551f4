"""Rows of recent texts: what is remembered, what is computed, ahead and by whom, and how much is kept."""

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
import pytest

from engine.answers import WordsAhead
from engine.generation import Generation
from engine.protocols import Floats
from engine.text import TextEncoder
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
    assert lengths.asked == [["a"], ["bb"], ["ccc"]]


def test_what_a_search_asks_for_beside_a_text_does_not_change_its_row() -> None:
    encoder = TextEncoder()
    beside = encoder.embed(["in blue", "disc", "파란 컵"])
    alone = TextEncoder().embed(["in blue"])
    assert (beside[0] == alone[0]).all()
    many = Lengths()
    RecentRows(many).of([str(number) for number in range(100)])
    assert len(many.asked) == 1


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


def test_what_is_forgotten_is_not_kept_in_memory_by_what_is_remembered() -> None:
    tracemalloc.start()
    recent = RecentRows(lambda texts: np.ones((len(texts), 64), np.float32))
    recent.of([str(number) for number in range(20_000)])
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 2_000_000  # all rows are 5 MB
    assert len(recent._rows) == 1024


class Slow(Lengths):
    """Computes when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, texts: list[str]) -> Floats:
        self.begun.set()
        assert self.may_end.wait(60)
        if "wrong" in texts:
            raise ValueError("wrong")
        return super().__call__(texts)


def test_what_another_thread_computes_is_waited_for() -> None:
    slow = Slow()
    recent = RecentRows(slow)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(recent.of, ["a", "bb"])
        assert slow.begun.wait(60)
        slow.begun.clear()
        second = threads.submit(recent.of, ["bb", "ccc", "ccc"])
        assert slow.begun.wait(60)  # it computes only what nobody else does
        slow.may_end.set()
        assert first.result()[:, 0].tolist() == [1, 2]
        assert second.result()[:, 0].tolist() == [2, 3, 3]
    assert sorted(slow.asked) == [["a"], ["bb"], ["ccc"]]


def test_an_error_comes_to_all_who_wait_and_is_not_remembered() -> None:
    slow = Slow()
    recent = RecentRows(slow)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(recent.of, ["wrong"])
        assert slow.begun.wait(60)
        second = threads.submit(recent.of, ["wrong", "a"])
        slow.may_end.set()
        for waiting in (first, second):
            with pytest.raises(ValueError, match="wrong"):
                waiting.result()
        with pytest.raises(ValueError, match="wrong"):
            recent.of(["wrong"])
        assert recent.of(["a"])[:, 0].tolist() == [1]


class OneTower:
    """Stands for a generation whose text tower computes when it is told to."""

    def __init__(self) -> None:
        self.slow = Slow()
        self.embed = RecentRows(self.slow).of
        self.near: list[str] = []
        self.nearness = self.near.append

    def text_tower(self) -> "OneTower":
        return self


def finish(ahead: WordsAhead) -> None:
    """Waits until its thread has nothing to do."""
    ahead._thread.submit(int).result()


def test_words_are_computed_ahead_one_at_a_time() -> None:
    tower, ahead = OneTower(), WordsAhead()
    generation = cast(Generation, tower)
    ahead.compute(generation, "red")
    assert tower.slow.begun.wait(60)
    ahead.compute(generation, "blue")  # the thread is busy
    tower.slow.may_end.set()
    assert tower.embed(["red"])[:, 0].tolist() == [3]
    finish(ahead)
    ahead.compute(generation, "wrong")  # the search meets this error itself
    finish(ahead)
    ahead.compute(generation, "green")
    finish(ahead)
    assert tower.slow.asked == [["red"], ["green"]]
    assert tower.near == ["red", "green"]
