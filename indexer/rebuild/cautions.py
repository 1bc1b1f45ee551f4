"""What a person should look at after a rebuild, in sentences with the number."""

from collections.abc import Iterator, Mapping
from typing import Any

from data.generations import FIGURES

_ACCEPTED = 0.3  # share of questions without an answer that get one; above it, a person is told
_REFUSED = 0.1  # share of questions with an answer that are told there is none
_WORSE = 0.02
_ASKED = {"text": "by words", "photo": "by photo", "mixed": "by photo and words", "similar": "by product"}


def cautions_of(
    parts: Mapping[str, Any], counts: Mapping[str, int], now: Mapping[str, float], before: Mapping[str, float]
) -> list[str]:
    """Returns the sentences, the gravest first.

    Args:
        parts: part name -> what it measured.
        counts: the rebuild's counts.
        now, before: the main figures of this generation and of the one that was live before it.
    """
    return [*_worse(now, before), *_probabilities(parts), *_vote(parts), *_photos(counts), *_left_out(parts)]


def _worse(now: Mapping[str, float], before: Mapping[str, float]) -> Iterator[str]:
    for figure in FIGURES:
        if figure.name in now and figure.name in before:
            change = now[figure.name] - before[figure.name]
            if (-change if figure.more_is_better else change) > _WORSE:
                yield (
                    f"Worse than last night: {figure.title[:1].lower()}{figure.title[1:]}: "
                    f"{_percent(now[figure.name])}, last night {_percent(before[figure.name])}."
                )


def _probabilities(parts: Mapping[str, Any]) -> Iterator[str]:
    curves = parts.get("query_embedder", {}).get("calibration", {})
    for kind, asked in _ASKED.items():
        found = parts.get("match", {}).get(kind) or {}
        accepted = found.get("accepted", curves.get(kind, {}).get("false_accept"))
        refused = found.get("refused", curves.get(kind, {}).get("false_refusal"))
        if accepted is not None and accepted >= _ACCEPTED:
            yield (
                f"{_of_hundred(accepted)} questions {asked} about things that are not in the catalogue are accepted: "
                "shoppers then see products that are not what they asked for."
            )
        if refused is not None and refused >= _REFUSED:
            yield (
                f"{_of_hundred(refused)} questions {asked} that have an answer are told that nothing matches well, "
                "though the products are shown."
            )


def _vote(parts: Mapping[str, Any]) -> Iterator[str]:
    voters = parts.get("voters", {})
    behind, alone = voters.get("held_out", {}).get("vote_minus_best_voter", 0), voters.get("choices", {}).get("alone")
    if behind < 0 and not alone:
        yield f"The vote of the three voters is {-100 * behind:.1f} points behind the best of them alone."


def _photos(counts: Mapping[str, int]) -> Iterator[str]:
    if unreadable := counts.get("unreadable", 0):
        yield f"{unreadable:,} of {counts.get('images', 0):,} photos could not be used; see “Photos left out”."
    if without := counts.get("products_without_photo", 0):
        yield f"{without:,} products have no photo: they are found by words only."


def _left_out(parts: Mapping[str, Any]) -> Iterator[str]:
    for name, found in parts.items():
        if found.get("skipped"):
            yield f"Not trained: {name.replace('_', ' ')}: {found['skipped']}"
        elif found.get("published") is False and found.get("reason"):
            yield f"Trained, but not used: {name.replace('_', ' ')}: {found['reason']}"


def _of_hundred(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
