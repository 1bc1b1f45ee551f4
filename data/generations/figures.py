"""The main figures of a generation: the few numbers that say how good its answers are, in the order they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One main figure, 0..1.

    Attributes:
        name: short, stable name, as in `/metrics`.
        title: what it is, in words.
        paths: where it is among what the parts measured, with dots; the first that is there counts.
        more_is_better: whether a larger value is the better one.
    """

    name: str
    title: str
    paths: tuple[str, ...]
    more_is_better: bool = True


FIGURES = (
    Figure(
        "photo_first",
        "Photos that find their product first",
        ("query_embedder.trained.photo_r1", "query_embedder.untrained.photo_r1", "space.photo_r1"),
    ),
    Figure(
        "word_rank",
        "Words: 1 / place of the first right product, on average",
        ("query_embedder.trained.query_mrr", "query_embedder.untrained.query_mrr"),
    ),
    Figure("label_right", "Photos whose category is recognised", ("voters.held_out.vote.top1",)),
    Figure("text_refused", "Searches by words that have an answer, but are told there is none",
           ("match.text.refused", "query_embedder.calibration.text.false_refusal"), False),
    Figure("text_accepted", "Searches by words for what is not in the catalogue, but get an answer",
           ("match.text.accepted", "query_embedder.calibration.text.false_accept"), False),
    Figure("photo_refused", "Searches by photo that have an answer, but are told there is none",
           ("match.photo.refused", "query_embedder.calibration.photo.false_refusal"), False),
    Figure("photo_accepted", "Searches by photo of what is not in the catalogue, but get an answer",
           ("match.photo.accepted", "query_embedder.calibration.photo.false_accept"), False),
)  # fmt: skip


def main_figures(parts: Mapping[str, Any]) -> dict[str, float]:
    """Returns name -> value of the main figures that were measured.

    >>> main_figures({"space": {"photo_r1": 0.9}, "voters": {"skipped": "no labels"}})
    {'photo_first': 0.9}

    Args:
        parts: part name -> what it measured, as in a manifest or in a rebuild's summary.
    """
    found = {}
    for figure in FIGURES:
        values = [value for path in figure.paths if (value := _at(parts, path)) is not None]
        if values:
            found[figure.name] = values[0]
    return found


def _at(parts: Mapping[str, Any], path: str) -> float | None:
    value: Any = parts
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
