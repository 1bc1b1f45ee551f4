"""`Finder`: embeds a request, searches a view, and makes the ranking that the answer's pages are cut from."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.columns import WORDLESS, ColumnStore
from data.errors import UnknownProduct
from data.filters import Filter, parse_filter, quoted
from data.lexical import LexicalAnswer, words_of
from data.photos import COLOUR_NAMES, Pixels, decode_within_borders
from data.settings import Settings
from engine.answers.arrangement import arranged
from engine.answers.counting import matched_counts
from engine.answers.cursors import Ranking
from engine.answers.feedback import moved
from engine.answers.found import Found, Question, in_turn
from engine.answers.fusion import NO_LETTERS, Letters, fuse
from engine.answers.judging import SIMILAR, likely, verdict, weighs_letters
from engine.answers.labelled import VOTED
from engine.answers.legs import by_letters, by_meaning, letters_share
from engine.answers.ranking import Ranked
from engine.answers.reordering import reordered, voters_of
from engine.answers.request import QueryPoint, SearchRequest, photo_input, query_point, shows, words_alone
from engine.backbones import decode_target
from engine.errors import InvalidQuery
from engine.generation import Generation
from engine.live import LiveView
from engine.protocols import BackboneSpec, Decoding, Floats, Mask
from engine.space import Verdict, normalise
from engine.text import is_word
from engine.understanding import is_listed, is_measure

DEPTH = 1000  # products that one query can page through
_FIRST_DEPTHS = (10, 20, 50)  # of them, if that may be enough
_MANY_PRODUCTS = 50_000  # from here on an index searches less to find fewer
Result = TypeVar("Result")
OnStage = Callable[[str, float], None]


class Finder:
    """Ranks products of any view, live or staged. Safe to use from several threads.

    Args:
        on_stage: called with the name and milliseconds of each stage: decode, embed, text, letters, filter, search,
            rank, judge, facets.
        decoding: context that is held while a photo is decoded.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        on_stage: OnStage | None = None,
        decoding: Decoding = nullcontext,
    ) -> None:
        self._settings, self._catalogue, self._on_stage, self._decoding = settings, catalogue, on_stage, decoding
        self.columns = ColumnStore(catalogue)

    def ask(
        self,
        view: LiveView,
        request: SearchRequest,
        letters: LexicalAnswer | None = None,
        features: Floats | None = None,
    ) -> Question:
        """Returns the request as a point of the product space.

        Args:
            letters: what `letters_of` returned for the request's words, if that is known already.
            features: float32 (dim,), those of the request's photo, if they are known already.

        Raises:
            InvalidImage: the photo cannot be decoded; UnknownProduct: no product has this product_id.
            InvalidQuery: the box lies outside the photo, the product has no embedded photo, or there are words but the
                generation has no text tower.
        """
        photo: Floats | None = None
        if request.image is not None:
            rows = self._embed_photos(request, view.generation) if features is None else features[None]
            features = rows.mean(axis=0)
            photo = normalise(view.generation.photo_points(rows).mean(axis=0))
        elif request.product_id:
            photo = self._embed_product(request.product_id, view)
        if not request.text.strip() or request.legs == "dense":
            letters = None
        else:
            letters = letters or self.letters_of(request.text)
            if letters.corrected:  # so that the meaning is looked for in the words that were meant
                request = replace(request, text=letters.corrected)
        query = query_point(request, view.generation, photo, self.timed)
        if request.like or request.unlike:
            query = self._moved(request, query, view)
        things = tuple(self.ask(view, thing) for thing in _each_thing(request))
        return Question(query, features, letters, things)

    def rank(
        self,
        view: LiveView,
        request: SearchRequest,
        question: Question,
        *,
        filter_: Filter | None = None,
        query_id: str = "",
        passing: Mask | None = None,
        depth: int = DEPTH,
    ) -> Ranking:
        """Returns the ranking that the answer's pages are cut from.

        Args:
            question: what `ask` returned for the same view and request.
            filter_: the request's filters, parsed, as one.
            query_id: the answer's query id.
            passing: what `matching` returned for the filter, if that is known already.
            depth: products wanted.

        Raises:
            UnknownProduct: the request's product was deleted meanwhile.
            InvalidQuery: there is a `min_probability`, but nothing that tells probabilities.
        """
        found, judged = self._judged(view, request, question, filter_, passing, depth)
        parts = found.answered(view, question).parts
        chances = judged["probabilities"]
        sure = chances if weighs_letters(view, request) else None
        order, moves = self.timed("rank", lambda: reordered(view, request, question, found, self.columns, sure))
        of_order = None if chances is None else chances[order]
        order = order[likely(of_order, request.min_probability, request.less_likely, len(order))]
        if request.closest and not request.by_relevance:
            order = order[: request.closest]
        keys, typed = found.ranked.product_keys[order], int(np.count_nonzero(order < found.typed))
        count = partial(matched_counts, view, request, question, found, self.columns, filter_=filter_, kept=keys)
        total, facets = self.timed("facets", count)
        order = order[self.timed("rank", lambda: arranged(self.columns, keys, request.sort, request.max_per, typed))]
        if request.likely_first and chances is not None:
            order = order[np.argsort(chances[order] < SIMILAR, kind="stable")]
        ranked = found.ranked.take(order)
        return Ranking(
            query_id=query_id,
            digest=request.digest,
            generation=view.generation.id,
            pending=view.pending,
            filter=filter_,
            product_keys=ranked.product_keys,
            scores=ranked.scores,
            image_sha256=view.image_sha256(ranked.rows),
            parts={name: likeness[order] for name, likeness in parts.items()},
            weights={"photo": 1 - request.text_weight, "words": request.text_weight},
            moves=moves,
            learned=_learned(request, view.generation),
            typed=found.letters.evidence if found.letters else {},
            words=tuple(words_of(question.corrected or request.text)) if found.letters else (),
            did_you_mean=question.corrected,
            probabilities=None if chances is None else chances[order],
            no_match=judged["no_match"],
            total=total,
            facets=facets,
        )

    def _judged(
        self, view: LiveView, request: SearchRequest, question: Question, filter_: Filter | None,
        passing: Mask | None, depth: int,
    ) -> tuple[Found, Verdict]:  # fmt: skip
        """Returns the products found, and how likely they are what was asked for."""
        if question.things:
            asked = zip(_each_thing(request), question.things, strict=True)
            return in_turn([self._judged(view, *one, filter_, passing, depth) for one in asked], depth)
        found = self.find(view, request, question, filter_=filter_, passing=passing, depth=depth)
        answered = found.answered(view, question)
        return found, self.timed("judge", lambda: verdict(view, self._catalogue, request, answered))

    def find(
        self,
        view: LiveView,
        request: SearchRequest,
        question: Question,
        *,
        filter_: Filter | None = None,
        passing: Mask | None = None,
        hidden: NDArray[np.int64] | None = None,
        depth: int = DEPTH,
    ) -> Found:
        """Returns the products found, by how well they fit.

        Args:
            passing: what `matching` returned for the filter, if that is known already.
            hidden: int64, rows of the view that must not be found.
            depth: products wanted.
        """
        if passing is None and filter_ is not None:
            passing = self.matching(filter_)
        left_out = self._left_out(request)
        allowed = view.allowed(passing, left_out, filter_)
        if hidden is not None:
            allowed = allowed.without(hidden)
        ranked = self.timed("search", lambda: by_meaning(request, view, question.query, allowed, depth))
        best = float(ranked.scores.max(initial=-1.0))
        letters = None
        if question.letters is not None:
            letters = by_letters(view, request, question.letters, question.query.point, allowed, passing, left_out)
            # a feed may give thousands of products one title
            letters = replace(letters, first=letters.first[:depth])
        ranked, relevance, letters = self._with_letters(request, view, ranked, letters, depth)
        return Found(ranked, relevance, best, left_out, letters, passing)

    def _with_letters(
        self, request: SearchRequest, view: LiveView, ranked: Ranked, letters: Letters | None, depth: int
    ) -> tuple[Ranked, NDArray[np.floating[Any]], Letters | None]:
        """Returns the products with those that the letters found among them, and unwanted ones behind.

        Beside them it returns how well each fits, from high to low, and the letters.

        Args:
            letters: None: they were not looked at.
        """
        if letters is None and (request.legs == "dense" or not request.not_text.strip()):
            return ranked, -np.sort(-ranked.scores), None  # by place, so that senses still take turns
        unwanted = self.timed("letters", lambda: self._unwanted(request.not_text))
        letters = letters and letters.behind(unwanted)
        wordless = None
        if not shows(request):
            wordless = self.columns.columns([WORDLESS], view.seq).is_wordless(ranked.product_keys)
        fused, relevance = fuse(ranked, letters or NO_LETTERS, depth, wordless, letters_share(request), unwanted)
        return fused, relevance, letters

    def letters_of(self, text: str) -> LexicalAnswer:
        """Returns what the letters of a text find."""
        return self.timed("letters", lambda: self._catalogue.by_letters(text, _is_meant))

    def matching(self, filter_: Filter) -> Mask:
        """Returns which products pass a filter, bool by product_key."""
        return self.timed("filter", lambda: self.columns.passing(filter_))

    def timed(self, stage: str, run: Callable[[], Result]) -> Result:
        """Returns what `run` returns, and reports how long it took to `on_stage`."""
        started = time.perf_counter()
        try:
            return run()
        finally:
            if self._on_stage is not None:
                self._on_stage(stage, (time.perf_counter() - started) * 1000)

    def read_photos(self, request: SearchRequest, spec: BackboneSpec, look: str = "photo") -> NDArray[np.uint8]:
        """Returns the request's photos, each as `photo_input` does, uint8 (n, size, size, 3)."""
        read = partial(
            photo_input,
            box=request.box,
            size=spec.input_size,
            settings=self._settings,
            preprocessing=spec.preprocessing,
            look=look,
        )
        pixels = []
        for content in request.photos:  # one at a time, so that several photos take no more decoders than one
            with self._decoding():
                pixels.append(self.timed("decode", partial(read, content)))
        return np.concatenate(pixels)

    def decoded(self, image: bytes, spec: BackboneSpec) -> Pixels:
        """Returns a photo within its borders, large enough for the input of this network, uint8 (h, w, 3)."""
        target = decode_target(spec.input_size, spec.preprocessing)
        decode = partial(decode_within_borders, image, self._settings, target=target)
        with self._decoding():
            return self.timed("decode", decode)

    def embedded(self, inputs: Pixels, generation: Generation) -> Floats:
        """Returns the features of network inputs uint8 (n, size, size, 3), float32 (n, dim)."""
        return self.timed("embed", lambda: generation.backbone().embed(inputs))

    def _embed_photos(self, request: SearchRequest, generation: Generation) -> Floats:
        return self.embedded(self.read_photos(request, generation.spec), generation)

    def _embed_product(self, product_id: str, view: LiveView) -> Floats:
        rows = view.rows_of(self._key_of(product_id))
        if not len(rows):
            raise InvalidQuery(f"product_id must have embedded photos; {product_id!r} has none yet. Rebuild.")
        return normalise(view.vectors(rows).mean(axis=0))

    def _moved(self, request: SearchRequest, query: QueryPoint, view: LiveView) -> QueryPoint:
        """Returns the question moved by liked and unliked products; those without an embedded photo count for nothing.

        Raises:
            InvalidQuery: nothing but liked products is asked for, and none of them has an embedded photo.
        """
        liked, unliked = (view.centroids(self._catalogue.keys_of(ids)) for ids in (request.like, request.unlike))
        if not len(liked) and request.likes_alone:
            raise InvalidQuery(
                "like must name a product of the catalogue that has embedded photos; got none.", field="like"
            )
        parts = {**query.parts, "likes": normalise(liked.mean(axis=0))} if len(liked) else query.parts
        return QueryPoint(moved(query.point, liked, unliked), parts)

    def _left_out(self, request: SearchRequest) -> NDArray[np.int64]:
        """Returns the keys of products that are no hits because the request names them.

        Raises:
            UnknownProduct: the request's product was deleted.
        """
        shown = [self._key_of(request.product_id)] if request.product_id else []
        named = (*request.unlike, *(request.like if request.likes_alone else ()))
        return np.array([*shown, *(self._catalogue.keys_of(named) if named else ())], np.int64)

    def _key_of(self, product_id: str) -> int:
        keys = self._catalogue.keys_of([product_id])
        if not len(keys):
            raise UnknownProduct(product_id)
        return int(keys[0])

    def _unwanted(self, words: str) -> dict[int, float]:
        """Returns product key -> how well unwanted words fit it, 0..1: by its texts, or by a colour in its photos."""
        if not words.strip():
            return {}
        found = self._catalogue.by_letters(words, _is_meant)
        most = max(found.fits, default=1.0)
        fits = {key: fit / most for key, fit in zip(found.ranked, found.fits, strict=True)}
        colours = set(words_of(words)) & set(COLOUR_NAMES)
        for colour in colours:
            fits |= dict.fromkeys(
                np.flatnonzero(self.matching(parse_filter(f"colour = {quoted(colour)}"))).tolist(), 1.0
            )
        return fits


def first_depth(view: LiveView, request: SearchRequest) -> int:
    """Returns how many products are ranked at first: few where only looks count, and there are very many."""
    words = request.text.strip() or request.not_text.strip()
    reordered = request.diversity or request.freshness or not request.by_relevance or request.max_per
    few = not (words or reordered or request.like or request.unlike or request.min_probability)
    if not few or view.findable_count <= _MANY_PRODUCTS:
        return DEPTH
    least = max(request.k, VOTED if voters_of(view, request) is not None else 0)
    return next((depth for depth in _FIRST_DEPTHS if least <= depth), DEPTH)


def _is_meant(word: str) -> bool:
    """Tells whether a word that no product has is surely no typing error."""
    return is_word(word) or is_measure(word) or is_listed(word)


def _each_thing(request: SearchRequest) -> list[SearchRequest]:
    """Returns a request for each of the things that are asked for, where there are several."""
    return [replace(request, text=thing, meaning="", things=()) for thing in request.things]


def _learned(request: SearchRequest, generation: Generation) -> str:
    """Returns how often shoppers searched these words, for people to read; "" if never."""
    if generation.related is None or not request.text.strip():
        return ""
    searches = generation.related.searches(request.means)
    learned = f"learned query: shoppers searched these words {searches:,} times" if searches else ""
    several = generation.senses.of(request.means) if generation.senses and words_alone(request) else None
    return f"{learned}, in {len(several)} senses" if learned and several is not None else learned
