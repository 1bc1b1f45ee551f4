"""`Understanding`: turns the words of a search into conditions and words that are left to search for."""

import logging
import threading
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from data.errors import LookalikeError
from data.filters import Filter, all_of, parse_filter
from data.lexical import key_of, words_of
from data.vocabulary import Wording
from engine.understanding.languages import LANGUAGES
from engine.understanding.lexicon import Lexicon
from engine.understanding.naming import read_brands, read_colours, read_sizes
from engine.understanding.newness import read_new
from engine.understanding.prices import read_prices
from engine.understanding.reading import Reading, apart
from engine.understanding.tokens import Token, tokens_of
from engine.understanding.unwanted import read_unwanted

_log = logging.getLogger("lookalike.understanding")
MOST_LETTERS = 200  # of a text that is read; a longer one describes and does not ask
_LEAST_SHARE = 0.01  # of the products that hold the other words: fewer are too few
_AGREEING_SHARE = 0.5  # of the products that hold the words themselves must pass
_COUNTED = 200  # products
_NAME_WORDS = 8
_REREAD_S = 10.0


@dataclass(frozen=True)
class Constraint:
    """A part of a query that was understood as a condition.

    Attributes:
        text: the part, as it stands in the query.
        filter: the condition as a filter expression; "" for words that hits should not be about.
        not_text: those words; "" for a filter.
        relaxed: the condition was understood, but left too little and was dropped.
    """

    text: str
    filter: str = ""
    not_text: str = ""
    relaxed: bool = False


@dataclass(frozen=True)
class Understood:
    """What a query was understood as.

    Attributes:
        text: the words left to search for.
        not_text: words that hits should not be about; "" if there are none.
        filter: the request's own filter and all conditions that were not relaxed, as one; None if there are none.
        constraints: in the order of the query.
    """

    text: str
    not_text: str
    filter: Filter | None
    constraints: tuple[Constraint, ...] = ()


class Understanding:
    """Understands the words of searches in one catalogue. Safe to use from several threads.

    The catalogue's values are read at the first use; after changes they are read again in a thread of their own, at
    most once in ten seconds, while the values read before are used.

    Args:
        home: folder of the catalogue.
        fresh_days: age in days up to which a product is new.
    """

    def __init__(self, home: Path, fresh_days: int) -> None:
        self._wording, self._fresh_days = Wording(home), fresh_days
        self._lock = threading.Lock()
        self._lexicon: Lexicon | None = None
        self._read_at = 0.0
        self._reading: threading.Thread | None = None

    def understand(self, text: str, filter_: Filter | None, *, alone: bool) -> Understood:
        """Returns what the words of a query ask for.

        Args:
            filter_: the request's own filter, which is never relaxed.
            alone: whether nothing is asked for but the words; beside a photo, fillers are not searched for.
        """
        plain = unicodedata.normalize("NFKC", text)
        unchanged = Understood(text, "", filter_)
        if not plain.strip() or len(plain) > MOST_LETTERS:
            return unchanged
        tokens = tokens_of(plain)
        readings = self._agreeing(self._read(plain, tokens), plain, filter_)
        if not readings:
            return unchanged
        spoken = [reading for reading in readings if not reading.describes]
        rest = _without(plain, spoken) if spoken else text
        kept = self._kept(readings, plain, filter_)
        conditions = [parse_filter(reading.condition) for reading in kept if reading.condition]
        return Understood(
            text=rest if rest or not alone else text,
            not_text=" ".join(reading.unwanted for reading in readings if reading.unwanted),
            filter=all_of([*([filter_] if filter_ else []), *conditions]),
            constraints=tuple(
                Constraint(plain[each.start : each.end], each.condition, each.unwanted, relaxed=each not in kept)
                for each in readings
            ),
        )

    def refresh(self) -> None:
        """Waits until the catalogue's present values are used."""
        self._renew()

    def _read(self, text: str, tokens: Sequence[Token]) -> list[Reading]:
        lexicon, wording = self._current(), self._wording
        today = datetime.now(UTC).date()
        since = today - timedelta(days=min(self._fresh_days, today.toordinal() - 1))
        found = apart(
            [
                *read_unwanted(tokens, lexicon, wording),
                *read_prices(text, lexicon.vocabulary),
                *read_sizes(text, tokens, lexicon),
                *read_new(text, tokens, wording, lexicon.vocabulary.oldest, since),
                *read_brands(tokens, lexicon, wording),
            ]
        )
        readings = apart([*found, *read_colours(tokens, lexicon, found)])
        return self._unnamed(readings, text, tokens, lexicon) if readings else []

    def _unnamed(
        self, readings: Sequence[Reading], text: str, tokens: Sequence[Token], lexicon: Lexicon
    ) -> list[Reading]:
        """Returns the readings that are no part of a name: a title, a code, a category or a fixed phrase."""
        keys: dict[tuple[int, int], str] = {(0, len(text)): key_of(text)}
        for first in range(len(tokens)):
            for last in range(first + 1, min(first + _NAME_WORDS, len(tokens)) + 1):
                span = tokens[first].start, tokens[last - 1].end
                if any(span[0] <= reading.start and reading.end <= span[1] for reading in readings):
                    keys[span] = key_of(text[span[0] : span[1]])
        names = self._wording.names(set(keys.values())) | _fixed() | lexicon.categories.keys()
        named = [span for span, key in keys.items() if key in names]
        return [
            reading
            for reading in readings
            if not any(start <= reading.start and reading.end <= end for start, end in named)
        ]

    def _kept(self, readings: Sequence[Reading], text: str, filter_: Filter | None) -> list[Reading]:
        """Returns the readings without those that leave too little, the least certain of them dropped first."""
        kept = [reading for reading in readings if reading.condition]
        others = self._products(_content(_without(text, readings)), filter_)
        while kept and self._too_few(kept, others, filter_):
            alone = [reading for reading in kept if self._too_few([reading], others, filter_)]
            kept.remove(min(alone or kept, key=_certainty))
        return [reading for reading in readings if reading in kept or reading.unwanted]

    def _agreeing(self, readings: list[Reading], text: str, filter_: Filter | None) -> list[Reading]:
        """Returns the readings that let through most of the products whose titles hold their words as well.

        In "red onion" the colour is a part of the name, if the shop's red onions are purple.
        """
        described = [reading for reading in readings if reading.describes]
        if not described:
            return readings
        spoken = [reading for reading in readings if not reading.describes]
        products = self._products(_content(_without(text, spoken)), filter_, titles=True)
        return [
            reading
            for reading in readings
            if reading not in described
            or not products
            or len(self._wording.passing(parse_filter(reading.condition), products)) >= len(products) * _AGREEING_SHARE
        ]

    def _products(self, words: Sequence[str], filter_: Filter | None, *, titles: bool = False) -> list[int]:
        """Returns products that hold all the words and pass the request's own filter."""
        found = self._wording.holding(words, _COUNTED, titles=titles)
        return self._wording.passing(filter_, found) if filter_ and found else found

    def _too_few(self, readings: Sequence[Reading], products: Sequence[int], filter_: Filter | None) -> bool:
        conditions = all_of([parse_filter(reading.condition) for reading in readings])
        if conditions is None:
            return False
        if products:
            return len(self._wording.passing(conditions, products)) < max(1.0, len(products) * _LEAST_SHARE)
        both = all_of([conditions, filter_]) if filter_ else conditions
        return both is not None and not self._wording.any_passes(both)

    def _current(self) -> Lexicon:
        lexicon = self._lexicon
        if lexicon is None:
            return self._renew()
        stale = time.monotonic() - self._read_at > _REREAD_S and self._wording.seq() != lexicon.vocabulary.seq
        if stale and (self._reading is None or not self._reading.is_alive()):
            self._reading = threading.Thread(target=self._renew_behind, name="vocabulary", daemon=True)
            self._reading.start()
        return lexicon

    def _renew(self) -> Lexicon:
        with self._lock:
            if self._lexicon is None or self._wording.seq() != self._lexicon.vocabulary.seq:
                self._lexicon = Lexicon.of(self._wording.vocabulary())
                self._read_at = time.monotonic()
            return self._lexicon

    def _renew_behind(self) -> None:
        try:
            self._renew()
        except LookalikeError as error:
            self._read_at = time.monotonic()
            _log.warning("the catalogue's values cannot be read, the earlier ones are used: %s", error)


@cache
def _fixed() -> frozenset[str]:
    return frozenset(key_of(phrase) for language in LANGUAGES for phrase in language.fixed)


@cache
def _fillers() -> frozenset[str]:
    return frozenset(word for language in LANGUAGES for word in (*language.fillers, *language.joiners))


def _content(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in _fillers()]


def _without(text: str, readings: Sequence[Reading]) -> str:
    """Returns a text without the readings, and without fillers at its ends; "" if only fillers are left."""
    for reading in sorted(readings, key=lambda each: -each.start):
        text = f"{text[: reading.start]} {text[reading.end :]}"
    words = text.split()
    while words and not _content(words[-1]):
        words.pop()
    while words and not _content(words[0]):
        words.pop(0)
    return " ".join(words).strip(" ,.;-")


def _certainty(reading: Reading) -> tuple[bool, bool, int]:
    """Orders readings by how surely they were meant: names least, prices and dates most."""
    return not reading.describes, not reading.condition.startswith("NOT"), -reading.start
