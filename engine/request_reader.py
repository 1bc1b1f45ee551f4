"""Reads requests: what their words ask for, which words were meant, and what the thing costs that they show."""

import hashlib
import re
from dataclasses import dataclass, replace

from data.catalogue import Catalogue
from data.filters import Filter
from data.lexical import LexicalAnswer, with_words_meant
from data.photos import Pixels
from engine.answers import Finder, Question, SearchRequest, WordsAhead, new_query_id, words_alone
from engine.backbones import to_input
from engine.live import LiveView
from engine.photos import StoredPhotos
from engine.text import is_word
from engine.understanding import ShownPrice, Understanding, Understood

_NUMBER = re.compile(r"\d")


@dataclass(frozen=True)
class ReadRequest:
    """A request whose words were read.

    Attributes:
        understood: what they ask for.
        asked: the request with the words that are left to search for.
        letters: what the letters of these words find; None if they were not looked up yet.
        meant: the words with typing errors mended, typed on the right keyboard layout, or in words of the shop, if they
            were read in place of those typed; "" otherwise.
    """

    understood: Understood
    asked: SearchRequest
    letters: LexicalAnswer | None = None
    meant: str = ""


class RequestReader:
    """Reads requests and makes points of them. Safe to use from several threads."""

    def __init__(
        self, catalogue: Catalogue, understanding: Understanding, finder: Finder, photos: StoredPhotos
    ) -> None:
        self._catalogue, self._understanding, self._finder, self._photos = catalogue, understanding, finder, photos
        self._ahead = WordsAhead()

    def read(
        self,
        view: LiveView,
        request: SearchRequest,
        filter_: Filter | None,
        query_id: str,
        *,
        keep_colours: bool = True,
    ) -> ReadRequest:
        """Returns what a request asks for.

        Words that are nearly a product's name ask for that product alone. A misspelt word is read as the word that was
        meant where only one can be, and where the condition that this gives leaves enough. Words that were typed on the
        other keyboard layout are read as they were meant, and things that the shop calls differently in its words.

        Args:
            filter_: the request's own filter.
            query_id: the answer's query id.
            keep_colours: whether colours in the words stay conditions; otherwise they are relaxed.
        """
        if not request.understand:
            return ReadRequest(Understood(request.text, request.not_text, filter_), request)
        typed = self._understanding.retyped(request.text, is_word)
        words = self._understanding.in_shop_words(typed, is_word)
        read = self._read(view, replace(request, text=words.text), filter_, query_id, keep_colours)
        if words.typed:
            left, related = read.asked.text, view.generation.related
            taught = related is not None and related.searches(typed)  # by shoppers, what is meant by it
            meaning = words.as_typed(left) if taught else self._understanding.meaning_of(left, words)
            read = replace(read, asked=replace(read.asked, meaning=meaning))
        return read if words.text == request.text else replace(read, meant=read.meant or words.text)

    def _read(
        self, view: LiveView, request: SearchRequest, filter_: Filter | None, query_id: str, keep_colours: bool
    ) -> ReadRequest:
        if request.text.strip() and request.image is not None:
            self._ahead.compute(view.generation, request.text.strip())
        found = self._understood(view, request, filter_, query_id, keep_colours)
        dense = request.legs == "dense" and not found.constraints
        letters = None if dense or not request.text.strip() else self._finder.letters_of(request.text)
        if letters is not None and any(map(_NUMBER.search, (each.text for each in found.constraints))):
            # the number is a price or a size, and no part of a misspelt code
            letters = replace(letters, first=tuple(hit for hit in letters.first if not hit.is_near_code))
        if letters is not None and any(hit.evidence == "near" for hit in letters.first):
            return ReadRequest(Understood(request.text, request.not_text, filter_), request, letters)
        if letters is not None and letters.meant:
            meant = with_words_meant(request.text, letters.meant)
            again = self._understood(view, replace(request, text=meant), filter_, query_id, keep_colours)
            more = len(again.constraints) > len(found.constraints)
            if more and not any(each.relaxed and not each.needless for each in again.constraints):
                return ReadRequest(again, _left(request, again), meant=meant)
        return ReadRequest(found, _left(request, found), letters if found.text == request.text else None)

    def ask(self, view: LiveView, read: ReadRequest, query_id: str) -> Question:
        """Returns a request as a point of the product space; see `Finder.ask`."""
        return self._ask(view, read.asked, read.letters, query_id)

    def look_at(self, view: LiveView, image: bytes) -> Pixels:
        """Returns the pixels of a photo within its borders, and remembers its features for a search that follows."""
        sha256, spec = hashlib.sha256(image).hexdigest(), view.generation.spec
        pixels = self._finder.decoded(image, spec)
        if self._photos.features_of(sha256, spec) is None:
            inputs = to_input(pixels, spec.input_size, spec.preprocessing)[None]
            features = self._finder.embedded(inputs, view.generation)
            self._photos.searched(new_query_id(), sha256, features[0], spec)
        return pixels

    def _understood(
        self, view: LiveView, request: SearchRequest, filter_: Filter | None, query_id: str, keep_colours: bool
    ) -> Understood:  # fmt: skip
        alone = request.image is None and not request.product_id
        found = self._finder.timed(
            "understand",
            lambda: self._understanding.understand(
                request.text,
                filter_,
                self._finder.matching,
                alone=alone,
                # a combiner has learned what a brand's name changes; in a mean, it only pulls away from what is shown
                keep_names=alone or view.generation.combiner is not None,
                keep_colours=keep_colours,
                shown=lambda: None if alone else self._price_shown(view, request, query_id),
            ),
        )
        return replace(found, not_text=f"{request.not_text} {found.not_text}".strip())

    def _price_shown(self, view: LiveView, request: SearchRequest, query_id: str) -> ShownPrice | None:
        """Returns what the product costs that is shown, or the one that looks most like the photo."""
        if request.product_id:
            product = self._catalogue.get(request.product_id).product
            return None if product.price is None else ShownPrice(product.price, product.currency)
        alone = SearchRequest(image=request.image, more_images=request.more_images, box=request.box)
        nearest = self._finder.find(view, alone, self._ask(view, alone, None, query_id), depth=1)
        facts = list(self._catalogue.facts(nearest.ranked.product_keys.tolist()).values())
        if not facts or facts[0].product.price is None:
            return None
        return ShownPrice(facts[0].product.price, facts[0].product.currency)

    def _ask(self, view: LiveView, asked: SearchRequest, letters: LexicalAnswer | None, query_id: str) -> Question:
        """Returns the request as a point; the features of a photo that was searched lately are not computed again."""
        if asked.image is None or asked.box is not None or asked.more_images:
            return self._finder.ask(view, asked, letters)
        sha256, spec = hashlib.sha256(asked.image).hexdigest(), view.generation.spec
        question = self._finder.ask(view, asked, letters, self._photos.features_of(sha256, spec))
        if question.features is not None:
            self._photos.searched(query_id, sha256, question.features, spec)
        return question


def _left(request: SearchRequest, understood: Understood) -> SearchRequest:
    alone = words_alone(request)
    left = replace(
        request, text=understood.text, not_text=understood.not_text, unjudged=understood.unjudged,
        things=understood.things if alone else (), fulfilled=understood.fulfilled and alone,
    )  # fmt: skip
    if understood.sort and not request.sort:
        return replace(left, sort=understood.sort, likely_first=True)
    return left
