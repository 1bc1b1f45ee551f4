"""Explains why a hit is at its place, in short phrases for people."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from data.catalogue import ProductFacts
from engine.answers.cursors import Ranking

_TYPED = {"code": "code matches: {}", "title": "title matches", "near": "nearly its code or title"}
Moves = dict[str, Mapping[int, tuple[int, int]]]


def moves_of(before: NDArray[np.int64], after: NDArray[np.int64]) -> Mapping[int, tuple[int, int]]:
    """Returns the place before and after, from 1, of each product that moved.

    Args:
        before, after: int64 (m,), the same product keys in two orders.
    """
    places = {key: place for place, key in enumerate(before.tolist(), 1)}
    return {key: (places[key], place) for place, key in enumerate(after.tolist(), 1) if places[key] != place}


def reasons(
    ranking: Ranking, place: int, facts: ProductFacts, image: str, words: Sequence[str] = ()
) -> tuple[str, ...]:
    """Returns why a hit is at its place: what was typed of it, its nearest photo, the shares of words and photo, moves.

    Args:
        words: those of the query's words that the product's texts hold.
    """
    found = []
    if hit := ranking.typed.get(facts.product_key):
        found.append(_TYPED[hit.evidence].format(hit.name))
    elif words:
        found.append(f"has the words: {', '.join(words)}")
    if len(facts.image_sha256) > 1 and image in facts.image_sha256:
        found.append(f"nearest of its {len(facts.image_sha256)} photos: number {facts.image_sha256.index(image) + 1}")
    if ranking.parts:
        found.append(_shares(ranking, place))
    if ranking.learned:
        found.append(ranking.learned)
    for name, moves in ranking.moves.items():
        if facts.product_key in moves:
            before, after = moves[facts.product_key]
            found.append(f"{name}: place {before} -> {after}")
    return tuple(found)


def _shares(ranking: Ranking, place: int) -> str:
    """Returns each part's likeness, and its share of the score."""
    likeness = {name: float(scores[place]) for name, scores in ranking.parts.items()}
    given = {name: max(value * ranking.weights.get(name, 1.0), 0.0) for name, value in likeness.items()}
    total = sum(given.values())
    return ", ".join(
        f"{name} {value:.2f}" + (f" ({given[name] / total:.0%})" if total else "") for name, value in likeness.items()
    )
