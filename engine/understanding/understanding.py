"""`Understanding`: turns the words of a search into conditions and words that are left to search for."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from data.catalogue import Catalogue
from data.filters import Filter, all_of
from data.lexical import words_of
from data.vocabulary import NAMES, Wording
from engine.protocols import Mask
from engine.understanding.comparing import Shown
from engine.understanding.current import CurrentLexicon
from engine.understanding.goods import ShopWords, in_shop_words
from engine.understanding.languages import FILLERS, JOINERS
from engine.understanding.layouts import retyped
from engine.understanding.needless import described_alone
from engine.understanding.parsing import content_of, read, without
from engine.understanding.parting import parted
from engine.understanding.reading import Reading
from engine.understanding.relaxing import Matching, agreeing_readings, kept_readings
from engine.understanding.things import things_in
from engine.understanding.unwanted import unmentioned
from engine.understanding.worded import worded_readings

MOST_LETTERS = 200  # of a text that is read; a longer one describes and does not ask


@dataclass(frozen=True)
class Constraint:
    """A part of a query that was understood as a condition.

    Attributes:
        text: the part, as it stands in the query.
        filter: the condition as a filter expression; "" for words that hits should not be about, for an order, and for
            words that are only left out.
        not_text: those words; "" otherwise.
        sort: the order, as a search takes it; "" otherwise.
        relaxed: the condition was understood, but left too little and was dropped. Where there is neither a condition
            nor an order, the words were left out: no product has them.
    """

    text: str
    filter: str = ""
    not_text: str = ""
    sort: str = ""
    relaxed: bool = False

    @property
    def needless(self) -> bool:
        """Whether it is no condition: words that no product has, and that were left out."""
        return self.relaxed and not self.filter


@dataclass(frozen=True)
class Understood:
    """What a query was understood as.

    Attributes:
        text: the words left to search for.
        not_text: words that hits should not be about; "" if there are none.
        filter: the request's own filter and all conditions that were not relaxed, as one; None if there are none.
        passing: which products pass it, bool by product_key; None if nothing was understood.
        constraints: in the order of the query.
        unjudged: words of `text` by which no answer is judged: conditions that every hit fulfils, fillers, and words
            that descriptions hold at most and that say nothing of what a thing is, or only for whom it is.
        things: the things that `text` asks for, where it asks for several.
        fulfilled: whether the query asks for nothing but conditions, which every hit fulfils, and an order.
        by_colour: whether a colour is among the conditions that were not relaxed.
    """

    text: str
    not_text: str
    filter: Filter | None
    passing: Mask | None = None
    constraints: tuple[Constraint, ...] = ()
    unjudged: frozenset[str] = frozenset()
    things: tuple[str, ...] = ()
    fulfilled: bool = False
    by_colour: bool = False

    @property
    def sort(self) -> str:
        """The order of the hits that the words ask for; "" if they ask for none."""
        return next((each.sort for each in self.constraints if each.sort), "")


class Understanding:
    """Understands the words of searches in one catalogue. Safe to use from several threads.

    Args:
        fresh_days: age in days up to which a product is new.
    """

    def __init__(self, catalogue: Catalogue, fresh_days: int) -> None:
        self._wording, self._fresh_days = Wording(catalogue.connections), fresh_days
        self._lexicon = CurrentLexicon(catalogue, self._wording)

    def understand(
        self,
        text: str,
        filter_: Filter | None,
        matching: Matching,
        *,
        alone: bool,
        keep_names: bool = True,
        keep_colours: bool = True,
        shown: Shown = lambda: None,
    ) -> Understood:
        """Returns what the words of a query ask for.

        Args:
            filter_: the request's own filter, which is never relaxed.
            matching: returns which products pass a filter, bool by product_key.
            alone: whether nothing is asked for but the words; beside a photo, fillers are not searched for.
            keep_names: whether the words of a brand or a size that became a filter are searched for all the same.
            keep_colours: whether colours stay conditions; otherwise they are relaxed.
            shown: returns the price of what is shown beside the words; asked only where they want something cheaper.
        """
        plain = unicodedata.normalize("NFKC", text)
        if not plain.strip() or len(plain) > MOST_LETTERS:
            return Understood(text, "", filter_)
        if (apart := parted(plain, self._wording)) != plain:
            text = plain = apart
        readings = self._read(plain, matching, shown)
        found = self._told(
            text, plain, readings, filter_, matching, alone=alone, keep_names=keep_names, keep_colours=keep_colours
        )
        words = frozenset(words_of(found.text))
        fillers = FILLERS - JOINERS  # of a mug or a vase, each hit holds a half
        unsaid = described_alone(found.text, self._wording) | unmentioned(found.text, self._wording)
        idle = words & (found.unjudged | fillers | unsaid)
        things = things_in(found.text, self._wording, found.unjudged)
        return replace(found, unjudged=idle if idle < words else frozenset(), things=things)

    def retyped(self, text: str, is_word: Callable[[str], bool]) -> str:
        """Returns a text with the words that were typed on the other keyboard layout as they were meant.

        Args:
            is_word: tells whether a text is a frequent word of some language.
        """
        return text if len(text) > MOST_LETTERS else retyped(text, self._wording, is_word)

    def in_shop_words(self, text: str, is_word: Callable[[str], bool]) -> ShopWords:
        """Returns a text with things that no product is named by as the shop calls them: hat for 모자.

        Args:
            is_word: tells whether a text is a frequent word of some language.
        """
        return ShopWords(text, {}) if len(text) > MOST_LETTERS else in_shop_words(text, self._wording, is_word)

    def meaning_of(self, left: str, words: ShopWords) -> str:
        """Returns the words by whose meaning to search, for those that are left of a text in the shop's words.

        Half in one language and half in another they mean little, so beside words that no product has, names are as
        they were typed.
        """
        known = all(word in FILLERS or self._wording.holding([word], 1) for word in words.beside(left))
        return left if known else words.as_typed(left)

    def refresh(self) -> None:
        """Reads the catalogue's present values, and makes what the first query would otherwise wait for."""
        read("20 to 40", self._lexicon.refresh(), self._wording, self._fresh_days, lambda: None)

    def _told(
        self, text: str, plain: str, readings: list[Reading], filter_: Filter | None, matching: Matching, *,
        alone: bool, keep_names: bool, keep_colours: bool,
    ) -> Understood:  # fmt: skip
        """Returns what readings of a text ask for.

        Args:
            plain: the text in the form in which it was read.
        """
        if alone and not without(plain, [reading for reading in readings if not reading.describes]):
            readings = [reading for reading in readings if not reading.needless]  # they are all there is to search for
        if not readings:
            return Understood(text, "", filter_)
        conditions = [reading for reading in readings if reading.condition]
        others = content_of(without(plain, readings))
        kept, passing = kept_readings(
            [each for each in conditions if keep_colours or not each.visible],
            filter_,
            lambda most: np.array(self._holding(others, most), np.int64),
            matching,
        )
        names = [] if keep_names else [reading for reading in kept if not reading.visible]
        dropped = [each for each in conditions if each not in kept and (each.measures or each.visible)]
        spoken = [reading for reading in readings if not reading.describes or reading in (*names, *dropped)]
        foreign = [each for each in kept if each.value and self._is_foreign(plain[each.start : each.end])]
        rest = without(plain, spoken, foreign) if spoken or foreign else text
        return Understood(
            text=rest if rest or not alone else text,
            not_text=" ".join(reading.unwanted for reading in readings if reading.unwanted),
            filter=all_of([*([filter_] if filter_ else []), *(each.filter for each in kept)]),
            passing=passing,
            unjudged=frozenset(
                word for each in kept for word in words_of(f"{plain[each.start : each.end]} {each.value}")
            ),
            by_colour=any(each.visible for each in kept),
            fulfilled=any(each in kept or each.sort for each in readings)
            and len(kept) == len(conditions)
            and not others,
            constraints=tuple(
                Constraint(
                    plain[each.start : each.end],
                    each.condition,
                    each.unwanted,
                    each.sort,
                    relaxed=each.needless or (each in conditions and each not in kept),
                )
                for each in readings
            ),
        )

    def _holding(self, words: list[str], most: int) -> list[int]:
        """Returns products that hold all the words; where none does, all of those that products are named by."""
        found = self._wording.holding(words, most)
        if found or len(words) < 2:
            return found
        named = [word for word in words if self._wording.holding([word], 1, within=NAMES)]
        return self._wording.holding(named, most)

    def _is_foreign(self, words: str) -> bool:
        """Tells whether no product has the words, as in a shop of another language."""
        return not self._wording.holding([words], 1)

    def _read(self, text: str, matching: Matching, shown: Shown) -> list[Reading]:
        readings = read(text, self._lexicon.get(), self._wording, self._fresh_days, shown)
        readings = agreeing_readings(readings, text, self._wording, matching)
        return worded_readings(readings, text, self._wording, matching)
