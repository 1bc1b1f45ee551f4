"""Explains why a hit is at its place, in short phrases for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from engine.answers.answer import Hit
from engine.answers.cursors import Ranking

_TEXTS = {
    "code": "code matches: {}",
    "title": "title matches",
    "near": "nearly its code or title",
    "words": "has the words: {}",
    "photo": "nearest of its {} photos: number {}",
    "learned": "{}",
    "label": "what the photo shows: place {} -> {}",
    "freshness": "freshness: place {} -> {}",
    "diversity": "diversity: place {} -> {}",
}
Moves = dict[str, Mapping[int, tuple[int, int]]]


def moves_of(before: NDArray[np.int64], after: NDArray[np.int64]) -> Mapping[int, tuple[int, int]]:
    """Returns the place before and after, from 1, of each product that moved.

    Args:
        before, after: int64 (m,), the same product keys in two orders.
    """
    places = {key: place for place, key in enumerate(before.tolist(), 1)}
    return {key: (places[key], place) for place, key in enumerate(after.tolist(), 1) if places[key] != place}


@dataclass(frozen=True)
class Reason:
    """One reason for a hit's place.

    Attributes:
        kind: `code`, `title` or `near` (what was typed is its code or title, or nearly so), `words` (its texts have
            them), `photo` (how many it has, and which of them, from 1, is the nearest), `shares` (of each part of the
            question: its name, its likeness and, if it has one, its share of the score), `learned` (from what shoppers
            searched), `label` (of what the photo shows), `freshness` or `diversity` (its places before and after).
        values: what the phrase speaks of.
    """

    kind: str
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The reason as a short English phrase."""
        if self.kind != "shares":
            return _TEXTS[self.kind].format(*self.values)
        parts = zip(self.values[::3], self.values[1::3], self.values[2::3], strict=True)
        return ", ".join(f"{name} {likeness}" + (f" ({share})" if share else "") for name, likeness, share in parts)


@dataclass(frozen=True)
class Explanation:
    """A hit of an answer, and the reasons for its place one by one."""

    hit: Hit
    reasons: tuple[Reason, ...]


def reasons(
    ranking: Ranking, place: int, facts: ProductFacts, image: str, words: Sequence[str] = ()
) -> tuple[Reason, ...]:
    """Returns why a hit is at its place: what was typed of it, its nearest photo, the shares of words and photo, moves.

    Args:
        words: those of the query's words that the product's texts hold.
    """
    return tuple(_reasons(ranking, place, facts, image, words))


def _reasons(ranking: Ranking, place: int, facts: ProductFacts, image: str, words: Sequence[str]) -> Iterator[Reason]:
    if hit := ranking.typed.get(facts.product_key):
        yield Reason(hit.evidence, (hit.name,))
    elif words:
        yield Reason("words", (", ".join(words),))
    if len(facts.image_sha256) > 1 and image in facts.image_sha256:
        yield Reason("photo", (str(len(facts.image_sha256)), str(facts.image_sha256.index(image) + 1)))
    if ranking.parts:
        yield Reason("shares", _shares(ranking, place))
    if ranking.learned:
        yield Reason("learned", (ranking.learned,))
    for name, moves in ranking.moves.items():
        if facts.product_key in moves:
            before, after = moves[facts.product_key]
            yield Reason(name, (str(before), str(after)))


def _shares(ranking: Ranking, place: int) -> tuple[str, ...]:
    """Returns for each part of the question its name, its likeness, and its share of the score."""
    likeness = {name: float(scores[place]) for name, scores in ranking.parts.items()}
    given = {name: max(value * ranking.weights.get(name, 1.0), 0.0) for name, value in likeness.items()}
    total = sum(given.values())
    shares = {name: f"{given[name] / total:.0%}" if total else "" for name in likeness}
    return tuple(text for name, value in likeness.items() for text in (name, f"{value:.2f}", shares[name]))
