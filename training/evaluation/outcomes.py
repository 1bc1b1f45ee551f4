"""What an evaluation of retrieval found: the answers of each space to all queries, and their figures."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from engine.protocols import Floats
from training.evaluation.queries import Query


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """The answers of one space to all queries, and their figures.

    Attributes:
        figures: METRICS and `rank`, float64 (n,); NaN where the space cannot answer (words without a text tower).
        guesses: int64 (n, 3), places of the best products in `Retrieval.product_keys`; -1: there are fewer.
        scores: float32 (n, 3), similarity of each guess.
    """

    figures: dict[str, NDArray[np.float64]]
    guesses: NDArray[np.int64]
    scores: Floats

    def joined(self, more: "Outcomes") -> "Outcomes":
        """Returns these outcomes, followed by those of more queries."""
        return Outcomes(
            figures={name: np.concatenate([column, more.figures[name]]) for name, column in self.figures.items()},
            guesses=np.concatenate([self.guesses, more.guesses]),
            scores=np.concatenate([self.scores, more.scores]),
        )


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """The retrieval evaluation of one generation.

    Attributes:
        product_keys: int64 (p,), ascending, of the products that can be found; `product_ids`, `titles`, `categories`
            and `photos` (the sha256 of the first photo) are in the same order.
        untrained: the outcomes of the untrained space on the same photos; None: not asked for.
        legs: `lexical` and `fused` -> the outcomes of words that are searched in this way; `live` is by meaning alone.
        read: returns a photo's bytes by its sha256.
    """

    title: str
    generation: str
    queries: tuple[Query, ...]
    product_keys: NDArray[np.int64]
    product_ids: tuple[str, ...]
    titles: tuple[str, ...]
    categories: tuple[str, ...]
    photos: tuple[str, ...]
    live: Outcomes
    untrained: Outcomes | None
    legs: dict[str, Outcomes]
    read: Callable[[str], bytes]
    settings: Settings
    excluded: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)

    def category_of(self, query: Query) -> str:
        """Returns the category that most of the query's right products have."""
        places = np.searchsorted(self.product_keys, list(query.gains))
        counts: Counter[str] = Counter(self.categories[at] for at in places)
        return counts.most_common(1)[0][0]
