"""Paging: keeps recent rankings, and makes the cursors that say where the next page starts."""

import base64
import binascii
import hashlib
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from data.columns import FacetCounts
from data.filters import Filter
from data.lexical import LexicalHit
from engine.errors import InvalidQuery
from engine.live import LiveView
from engine.protocols import Floats
from engine.understanding import Constraint

_KEPT_RANKINGS = 512
_FORM = re.compile(r"([0-9a-f]{16})\.(\d{1,4})\.([0-9a-f]{16})\.([0-9a-f]{8})")


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The answer to one query, as deep as it can be paged.

    Attributes:
        query_id: names the query in answers, cursors and events.
        digest: digest of the question; a cursor is valid for this question only.
        generation: id of the generation that was searched.
        pending: number of products that could not be found yet.
        filter: the request's filters, parsed, as one; None: it had none.
        product_keys: int64 (m,), best first.
        scores: float32 (m,), similarity of each product.
        image_sha256: bytes (m,), ASCII hex, the photo of each product; empty where none can be searched.
        parts: similarity to each part of the question (`photo`, `words`), float32 (m,) each; empty if there is one.
        weights: how much each part counts.
        moves: for `label`, `freshness` and `diversity`, product key -> place before and after, from 1, of those that
            moved.
        learned: how the shop's log knows the words, for people to read; "" if it does not.
        typed: product key -> which code or title was typed, for the products that stand first because of it.
        words: the words that were looked for by their letters; empty if they were not.
        did_you_mean: the words with typing errors mended; "" if there were none.
        understood: the parts of the words that were understood as conditions.
        probabilities: float64 (m,), match probability of each product; None if the generation has no calibration for
            this question.
        no_match: whether none of the products is what was asked for.
        total: how many products match; more than there are here, if they are too many to be paged through.
        facets: for each fact asked for, how many of the products that match have each value.
        deeper: ranks all products that can be paged through, in the view given; None: they are here.
    """

    query_id: str
    digest: str
    generation: str
    pending: int
    filter: Filter | None
    product_keys: NDArray[np.int64]
    scores: Floats
    image_sha256: NDArray[np.bytes_]
    parts: dict[str, Floats]
    weights: Mapping[str, float] = field(default_factory=dict)
    moves: Mapping[str, Mapping[int, tuple[int, int]]] = field(default_factory=dict)
    learned: str = ""
    typed: Mapping[int, LexicalHit] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    did_you_mean: str = ""
    understood: tuple[Constraint, ...] = ()
    probabilities: NDArray[np.float64] | None = None
    no_match: bool = False
    total: int = 0
    facets: Mapping[str, FacetCounts] = field(default_factory=dict)
    deeper: Callable[[LiveView], "Ranking"] | None = None

    def then(self, whole: "Ranking") -> "Ranking":
        """Returns these products, and behind them those of `whole`, the same ranking made deeper, that are not here."""
        rest = np.flatnonzero(~np.isin(whole.product_keys, self.product_keys))
        chances = None
        if self.probabilities is not None and whole.probabilities is not None:
            chances = np.concatenate([self.probabilities, whole.probabilities[rest]])
        return replace(
            self,
            product_keys=np.concatenate([self.product_keys, whole.product_keys[rest]]),
            scores=np.concatenate([self.scores, whole.scores[rest]]),
            image_sha256=np.concatenate([self.image_sha256, whole.image_sha256[rest]]),
            parts={name: np.concatenate([part, whole.parts[name][rest]]) for name, part in self.parts.items()},
            probabilities=chances,
            deeper=None,
        )


@dataclass(frozen=True)
class Cursor:
    """Where the next page starts: `offset` products into the ranking `query_id`; `digest` is the question's."""

    query_id: str
    offset: int
    digest: str

    def encode(self) -> str:
        """Returns the url-safe text."""
        body = f"{self.query_id}.{self.offset}.{self.digest}"
        return base64.urlsafe_b64encode(f"{body}.{_check(body)}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Reads a cursor.

        Raises:
            InvalidQuery: the text is no cursor.
        """
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            plain = ""
        match = _FORM.fullmatch(plain)
        if match is None or _check(plain[: match.end(3)]) != match[4]:
            raise InvalidQuery(
                f"cursor must be the next_cursor of an earlier answer; got {text[:60]!r}.", field="cursor"
            )
        return cls(match[1], int(match[2]), match[3])


class RankingStore:
    """Keeps up to `size` rankings and drops the least recently used first. Safe to use from several threads."""

    def __init__(self, size: int = _KEPT_RANKINGS) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._rankings: OrderedDict[str, Ranking] = OrderedDict()

    def put(self, ranking: Ranking) -> None:
        with self._lock:
            self._rankings[ranking.query_id] = ranking
            self._rankings.move_to_end(ranking.query_id)
            while len(self._rankings) > self._size:
                self._rankings.popitem(last=False)

    def get(self, query_id: str) -> Ranking | None:
        with self._lock:
            ranking = self._rankings.get(query_id)
            if ranking is not None:
                self._rankings.move_to_end(query_id)
            return ranking


def new_query_id() -> str:
    """Returns a fresh query id: 16 hex digits."""
    return secrets.token_hex(8)


def _check(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:8]
