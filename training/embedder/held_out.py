"""Keeps the query embedder's answers to held-out words in the generation, for the retrieval report.

The published space has learned all words in the end, so it cannot be measured on them. The answers come from the space
that was trained without these words, and are written while that space is in memory.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.storage import parse_json, read_small, write_text
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.text import TextHead
from training.embedder.material import Material
from training.embedder.measure import Held
from training.measures import METRICS, retrieval_metrics

ANSWERS_FILE = "held_out_retrieval.json"
GUESSES = 3
_BLOCK = 64
Space = tuple[Floats, TextHead]

MOST_BYTES = 100_000_000


@dataclass(frozen=True, kw_only=True)
class HeldAnswer:
    """The answer to one held-out query, in the live and in the untrained space.

    Attributes:
        source: the group in which the query is reported.
        right: keys of the right products.
        live, untrained: METRICS and `rank` in either space.
        guesses: keys of the best products in the live space.
        scores: cosines of the guesses.
    """

    text: str
    source: str
    right: tuple[int, ...]
    live: dict[str, float]
    untrained: dict[str, float]
    guesses: tuple[int, ...]
    scores: tuple[float, ...]


def write_answers(folder: Path, live: Space, untrained: Space, material: Material, held: Held) -> None:
    """Searches both spaces for the held-out words and writes the answers.

    Args:
        live, untrained: the catalogue's photos float32 (real, d), and the head fitted without the held-out words.
    """
    groups = (("held-out words", held.queries), ("words of held-out products", held.product_queries))
    answers = [
        answer
        for source, queries in groups
        for start in range(0, len(queries), _BLOCK)
        for answer in _ask(source, queries[start : start + _BLOCK].tolist(), live, untrained, material)
    ]
    write_text(folder / ANSWERS_FILE, json.dumps([asdict(answer) for answer in answers]))


def read_answers(path: Path) -> list[HeldAnswer]:
    """Returns the answers that `write_answers` wrote.

    Raises:
        InvalidModel: the file does not hold such answers.
    """
    try:
        return [_answer(fields) for fields in parse_json(read_small(path, MOST_BYTES))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidModel(f"{path.name} must hold held-out answers; got {error}. Rebuild.") from error


def _answer(fields: dict[str, Any]) -> HeldAnswer:
    return HeldAnswer(
        text=str(fields["text"]),
        source=str(fields["source"]),
        right=tuple(int(key) for key in fields["right"]),
        live=_figures(fields["live"]),
        untrained=_figures(fields["untrained"]),
        guesses=tuple(int(key) for key in fields["guesses"]),
        scores=tuple(float(score) for score in fields["scores"]),
    )


def _figures(fields: dict[str, Any]) -> dict[str, float]:
    return {name: float(fields[name]) for name in (*METRICS, "rank")}


def _ask(source: str, queries: Sequence[int], live: Space, untrained: Space, material: Material) -> list[HeldAnswer]:
    bank, keys = material.bank, material.keys
    firsts = np.flatnonzero(np.r_[True, np.diff(material.products) > 0])
    rights = [bank.products[bank.texts == query] for query in queries]
    gains = np.zeros((len(queries), len(keys)), np.float32)
    for row, right in zip(gains, rights, strict=True):
        row[right[right < len(keys)]] = 1
    figures, scored = [], []
    for points, head in (live, untrained):
        asked = head.apply(bank.features[list(queries)].astype(np.float32))
        scores = np.maximum.reduceat(asked @ points.T, firsts, axis=1)
        figures.append(retrieval_metrics(scores, gains))
        scored.append(scores)
    best = np.argsort(-scored[0], axis=1, kind="stable")[:, :GUESSES]
    return [
        HeldAnswer(
            text=material.texts[query],
            source=source,
            right=tuple(keys[np.flatnonzero(gains[at])].tolist()),
            live={name: float(column[at]) for name, column in figures[0].items()},
            untrained={name: float(column[at]) for name, column in figures[1].items()},
            guesses=tuple(keys[best[at]].tolist()),
            scores=tuple(scored[0][at, best[at]].tolist()),
        )
        for at, query in enumerate(queries)
    ]
