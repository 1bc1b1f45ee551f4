"""The signs by which a match is judged: what the whole answer looks like, and how each hit stands beside the best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats, Mask

Doubles = NDArray[np.float64]
_WHOLE = 0.99  # share of the words that counts as all of them
FIRST = 10  # hits that are looked at together

ANSWER_SIGNS = {
    "text": (
        "best", "gap", "lead", "unheld", "unheld_shop", "unheld_strangers", "held", "whole", "partly", "more",
        "no_thing", "no_thing_shop", "no_thing_strangers", "no_thing_best",
    ),
    "photo": ("best", "gap", "lead", "middle", "middle_gap"),
    "mixed": ("best", "gap", "lead", "shop", "strangers", "like_photo", "like_words"),
    "similar": ("best", "gap", "lead"),
}  # fmt: skip
HIT_SIGNS = {
    "text": ("score", "below", "share", "lacking", "chance"),
    "photo": ("score", "below", "ahead", "middle_below", "middle_ahead", "chance"),
    "mixed": ("score", "below", "photo_below", "words_below", "chance"),
    "similar": ("score", "below", "chance"),
}


@dataclass(frozen=True)
class Evidence:
    """What is known of one answer beside its scores; what does not apply is left out.

    Attributes:
        scores: float32 (m,), similarity of each hit, in the order of the answer.
        shares: float (m,), share of the query's words that each hit's title and facts hold.
        by_letters: bool (m,), whether the letters found it as well.
        near: highest cosine of the words to words of the shop, and to words for what it does not sell.
        others: whether no product has some of the words, while the first hits hold some of the rest; `near` is of the
            former.
        no_thing: whether one of these words is the one that names the thing, as "laptop" in "striped laptop".
        outside: distance of the photo from what the shop's photos fill; above 1: outside.
        middles: similarity of the mean photo of each of the first ten hits, float32 (<= 10,).
        parts: similarity of each hit to the `photo` and to the `words` of the question, float32 (m,) each.
    """

    scores: Floats
    shares: Floats | None = None
    by_letters: Mask | None = None
    near: tuple[float, float] | None = None
    others: bool = False
    no_thing: bool = False
    outside: float | None = None
    middles: Floats | None = None
    parts: dict[str, Floats] = field(default_factory=dict)


def answer_signs(seen: Evidence) -> dict[str, float]:
    """Returns the signs of the whole answer; NaN where one does not apply."""
    order = np.argsort(-seen.scores, kind="stable")[:FIRST]
    best = seen.scores[order].astype(np.float64)
    rest = best[1:]
    held = _of_first(seen.shares)
    shop, strangers = seen.near or (np.nan, np.nan)
    unheld = held == 0
    return {
        "best": float(best[0]),
        "gap": float(best[0] - rest[0]) if len(rest) else np.nan,
        "lead": float(best[0] - rest.mean()) if len(rest) else np.nan,
        "shop": shop,
        "strangers": strangers,
        # What the words are near to matters where their letters say nothing, as those of another language do.
        "unheld": float(unheld),
        "unheld_shop": shop if unheld else 0.0,
        "unheld_strangers": strangers if unheld else 0.0,
        "held": held,
        "whole": float(held > _WHOLE),
        "partly": 1.0 - held if seen.by_letters is not None and seen.by_letters[:FIRST].any() else 0.0,
        # Words that no product has beside some that hits hold: more about a thing that is sold, or another thing.
        "more": float(seen.others and not seen.no_thing),
        "no_thing": float(seen.no_thing),
        "no_thing_shop": shop if seen.no_thing else 0.0,
        "no_thing_strangers": strangers if seen.no_thing else 0.0,
        "no_thing_best": float(best[0]) if seen.no_thing else 0.0,  # carrots are like a carrot cake
        # of models that were fitted before both were told apart
        "others": float(seen.others),
        "others_shop": shop if seen.others else 0.0,
        "others_strangers": strangers if seen.others else 0.0,
        **_middle_signs(seen),
        "like_photo": _of_first(seen.parts.get("photo")),
        "like_words": _of_first(seen.parts.get("words")),
    }


def hit_signs(seen: Evidence, chance: float, names: Sequence[str]) -> dict[str, Any]:
    """Returns signs of each hit, float (m,) or one number for all.

    Args:
        chance: that any hit is right.
        names: of the signs wanted.
    """
    shares = seen.shares if seen.shares is not None else np.zeros(len(seen.scores), np.float32)
    signs: dict[str, Callable[[], Any]] = {
        "score": lambda: seen.scores,
        "below": lambda: seen.scores.max() - seen.scores,
        "ahead": lambda: _ahead(seen.scores),
        "share": lambda: shares,
        "lacking": lambda: shares[:FIRST].max(initial=0.0) - shares,
        "middle_below": lambda: _of_middles(seen, lambda middles: middles.max() - middles),
        "middle_ahead": lambda: _of_middles(seen, _ahead),
        "photo_below": lambda: _below_first(seen.parts["photo"]),
        "words_below": lambda: _below_first(seen.parts["words"]),
        "chance": lambda: np.log(chance / max(1 - chance, 1e-9)),
    }
    return {name: signs[name]() for name in names}


def _middle_signs(seen: Evidence) -> dict[str, float]:
    if seen.middles is None or not len(seen.middles):
        return {"middle": np.nan, "middle_gap": np.nan}
    best = int(seen.scores[:FIRST].argmax())
    others = np.delete(seen.middles, best)
    gap = float(seen.middles[best] - others.max()) if len(others) else np.nan
    return {"middle": float(seen.middles[best]), "middle_gap": gap}


def _of_middles(seen: Evidence, sign: Callable[[Doubles], Doubles]) -> Doubles:
    found = np.full(len(seen.scores), np.nan)
    if seen.middles is not None and len(seen.middles):
        found[: len(seen.middles)] = sign(seen.middles.astype(np.float64))
    return found


def _below_first(likeness: Floats) -> Floats:
    below: Floats = likeness[:FIRST].max() - likeness
    return below


def _ahead(values: Floats | Doubles) -> Doubles:
    """Returns by how much each of n values exceeds the highest of the others, float64 (n,); NaN for one alone."""
    if len(values) < 2:
        return np.full(len(values), np.nan)
    second, first = np.partition(values, -2)[-2:].astype(np.float64)
    others = np.full(len(values), first)
    others[int(np.argmax(values))] = second
    return np.asarray(values - others, np.float64)


def _of_first(values: Floats | Sequence[float] | None) -> float:
    return float(np.max(values[:FIRST])) if values is not None and len(values) else 0.0
