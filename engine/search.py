"""`SearchEngine`: what the server, the commands and scripts call to search, recognise photos and embed them."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from data.catalogue import Catalogue, PhotoRecord
from data.columns import FACTS, WORDLESS
from data.completion import DEFAULT_K, MOST_COMPLETIONS, MOST_TYPED, Completion
from data.errors import LookalikeError, NoGeneration
from data.filters import Filter
from data.lexical import key_of
from data.photos import Intake, PhotoInput, dominant_colours
from data.settings import Settings
from engine.answers import (
    BEST,
    DEPTH,
    Cursor,
    Explanation,
    Finder,
    Hit,
    HitPages,
    OnStage,
    Ranking,
    RankingStore,
    SearchAnswer,
    SearchRequest,
    check_k,
    check_request,
    check_words,
    first_depth,
    new_query_id,
    words_alone,
)
from engine.changes import ChangeQueue
from engine.errors import CursorExpired, InvalidQuery
from engine.extras import require_extras
from engine.generation import Models
from engine.known_queries import RelatedQuery
from engine.likeness import LikenessMapper
from engine.live import LiveIndex, LiveView, live_facts
from engine.objects import ObjectFinder
from engine.photos import StoredPhotos, photo_vectors
from engine.protocols import Backbone, Decoding, Floats
from engine.recognition import Recognition
from engine.request_reader import ReadRequest, RequestReader
from engine.suggesting import PhotoReader, Suggestions
from engine.understanding import Understanding

__all__ = ["Hit", "SearchAnswer", "SearchEngine", "SearchRequest"]
MOST_LABELS = MOST_RELATED = 100
Box = tuple[float, float, float, float]


class SearchEngine:
    """Searches the live generation of `settings.home`. Safe to use from several threads.

    Args:
        backbone: used instead of the one that the generation names (for tests).
        on_stage: called with the name and milliseconds of each stage: understand, decode, embed, text, filter, search,
            rank, facets, facts, propose, recognise.
        on_hits: called with the number of hits of each answer, and with how many of them are of products that were put
            since the live generation was built.
        decoding: context that is held while a photo is decoded.
        models: networks that the engines of a searcher share; None: this engine is of the home where changes are made.

    Attributes:
        changes: hands changes of products on to Milvus, once a server has started it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        backbone: Backbone | None = None,
        on_stage: OnStage | None = None,
        on_hits: Callable[[int, int], None] = lambda _all, _new: None,
        decoding: Decoding = nullcontext,
        models: Models | None = None,
    ) -> None:
        require_extras("serve")
        self._settings = settings
        self._catalogue = Catalogue(settings.home)
        intake = Intake(settings, self._catalogue)
        self._photos = StoredPhotos(settings, intake, decoding)
        self._live = LiveIndex(settings, self._catalogue, backbone, models)
        self.changes = ChangeQueue(settings, lambda: self._live.view().generation)
        self._understanding = Understanding(self._catalogue, settings.fresh_days)
        self._rankings = RankingStore()
        self._on_hits = on_hits
        self._finder = Finder(settings, self._catalogue, on_stage, decoding)
        self._requests = RequestReader(self._catalogue, self._understanding, self._finder, self._photos)
        self._hits = HitPages(self._catalogue, self._finder.columns, settings.fresh_days)
        self._objects = ObjectFinder(settings, self._finder, self._hits, self._photos, decoding)
        self._likeness = LikenessMapper(settings, self._catalogue, self._finder, intake, decoding)
        self._reader = PhotoReader(settings, self._catalogue, self._finder, decoding)

    def warm(self) -> None:
        """Loads everything a query needs and runs each network once, several at a time.

        Raises:
            NoGeneration: nothing has been published.
        """
        generation = self._live.view().generation
        size = generation.spec.input_size

        def warm_photos() -> None:
            generation.photo_points(generation.backbone().embed(np.zeros((1, size, size, 3), np.uint8)))

        def warm_words() -> None:
            if (tower := generation.text_tower()) is not None:
                tower.embed(["warm"])

        def warm_detector() -> None:
            if self._settings.detector:
                generation.detector(self._settings.detector).find(np.zeros((size, size, 3), np.uint8))

        def warm_facts() -> None:
            self._understanding.refresh()
            self._finder.columns.columns((*FACTS, WORDLESS))
            self._catalogue.read_lengths()

        with ThreadPoolExecutor() as threads:
            for part in [threads.submit(run) for run in (warm_photos, warm_words, warm_detector, warm_facts)]:
                part.result()

    def refresh(self) -> None:
        """Waits until the newest generation is served or has been refused; `status` says why.

        Raises:
            NoGeneration: nothing has been published.
        """
        self._live.view()
        self._live.wait()
        self._understanding.refresh()

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Answers one request.

        Raises:
            InvalidQuery: a field breaks a rule; CursorExpired: the cursor's ranking is no longer kept.
            InvalidFilter, InvalidImage, UnknownProduct: the filter, the image or the product_id cannot be used.
            NoGeneration: nothing has been published.
        """
        started = time.perf_counter()
        filter_ = check_request(request)
        view = self._live.view()
        cursor = Cursor.decode(request.cursor) if request.cursor else None
        query_id = cursor.query_id if cursor else new_query_id()
        strength = self._objects.look(view, request, query_id) if request.objects else None
        ranking = self._kept_ranking(request, cursor) if cursor else None
        if ranking is not None and cursor is not None and cursor.offset + request.k > len(ranking.product_keys):
            ranking = self._whole(ranking)
        if ranking is None:
            ranking = self._rank(view, request, filter_, query_id)
            self._rankings.put(ranking)
        offset = cursor.offset if cursor else 0
        hits, end = self._finder.timed(
            "facts", lambda: self._hits.page(ranking, offset, request.k, refilter=cursor is not None)
        )
        if request.why:
            hits = self._likeness.explained(view, request, hits)
        objects = self._objects.find(view, request, ranking.filter, strength) if request.objects else None
        shown = ranking.product_keys[offset:end]
        self._on_hits(len(shown), int(view.is_new(shown).sum()))
        pageable = len(ranking.product_keys) if ranking.deeper is None else min(ranking.total, DEPTH)
        return SearchAnswer(
            query_id=ranking.query_id,
            generation=ranking.generation,
            pending=ranking.pending,
            took_ms=round((time.perf_counter() - started) * 1000, 2),
            hits=hits,
            next_cursor=Cursor(ranking.query_id, end, ranking.digest).encode() if end < pageable else None,
            no_match=ranking.no_match,
            did_you_mean=ranking.did_you_mean or None,
            understood=ranking.understood,
            total=ranking.total,
            facets=ranking.facets,
            objects=objects,
        )

    def explain(self, query_id: str, product_id: str) -> Explanation | None:
        """Returns why a product is where it is in a recent answer; None if it is not in it, or the answer is forgotten.

        Args:
            query_id: the answer's.
        """
        ranking = self._rankings.get(query_id)
        return self._hits.explain(ranking, product_id) if ranking else None

    def likely(self, query_id: str, least: float) -> int | None:
        """Returns how many products of a recent answer have at least this match probability, on all its pages.

        Args:
            query_id: the answer's; None is returned if it is forgotten, or tells no probabilities.
            least: 0..1.
        """
        ranking = self._rankings.get(query_id)
        if ranking is None or ranking.probabilities is None:
            return None
        ranking = self._whole(ranking)
        if ranking.probabilities is None:
            return None
        return int(np.count_nonzero(ranking.probabilities >= least))

    def recognise(
        self,
        image: bytes,
        *,
        k: int = 5,
        within: Sequence[str] = (),
        box: Box | None = None,
    ) -> Recognition:
        """Says what a photo shows: the vote of the live generation's voters, with its evidence.

        Args:
            image: an image file's bytes.
            k: labels wanted, 1..100.
            within: the only labels that may be named; empty: all.
            box: the part of the photo that counts, in pixels of the photo as shown.

        Raises:
            NoVoters: the live generation has no voters.
            InvalidQuery: an argument breaks a rule; InvalidImage: the image cannot be decoded.
            NoGeneration: nothing has been published.
        """
        request = SearchRequest(image=image, box=box)
        check_request(request)
        check_k(k, MOST_LABELS)
        return self._reader.recognise(self._live.view().generation, request, k, within)

    def suggest(
        self, image: bytes, *, k: int = 5, within: Sequence[str] = (), box: Box | None = None, category: str = ""
    ) -> Suggestions:
        """Says what a photo shows, as `recognise` does, and suggests facts, a title and a price range for it.

        Where there are no voters, there are no labels, and the vote abstains.

        Args:
            image, k, within, box: as of `recognise`.
            category: the category of the product; "": the one that is recognised, unless the vote abstains.

        Raises:
            InvalidQuery: an argument breaks a rule; InvalidImage: the image cannot be decoded.
            NoGeneration: nothing has been published.
        """
        request = SearchRequest(image=image, box=box)
        check_request(request)
        check_k(k, MOST_LABELS)
        check_words("category", category)
        return self._reader.suggest(self._live.view(), request, k, within, category)

    def embed(self, photos: Iterable[PhotoInput], *, space: str = "product") -> Floats:
        """Returns one vector per photo, float32 (n, d), computed by the live generation; see `photo_vectors`.

        Raises:
            InvalidQuery: the space is unknown; InvalidImage: a photo cannot be decoded.
            NoGeneration: nothing has been published.
        """
        return photo_vectors(self._live.view().generation, photos, space, self._settings)

    def related_queries(self, text: str, *, k: int = 10) -> tuple[RelatedQuery, ...]:
        """Returns the known queries nearest to a text, best first; none if the live generation has none.

        Raises:
            InvalidQuery: the text is empty or too long, or k is not from 1 to 100.
            NoGeneration: nothing has been published.
        """
        if not text.strip():
            raise InvalidQuery("q must hold the words to find related queries of; got nothing.", field="q")
        check_words("q", text)
        check_k(k, MOST_RELATED)
        generation = self._live.view().generation
        tower = generation.text_tower()
        if generation.related is None or tower is None:
            return ()
        point = self._finder.timed("text", lambda: tower.embed([text]))[0]
        return tuple(generation.related.nearest(text, point, k))

    def complete(self, text: str, *, k: int = DEFAULT_K) -> tuple[Completion, ...]:
        """Returns texts that go on like what was typed, best first; needs no generation.

        Raises:
            InvalidQuery: the text is empty or longer than 200 characters, or k is not from 1 to 20.
        """
        if not text.strip():
            raise InvalidQuery("q must hold what was typed so far; got nothing.", field="q")
        check_words("q", text, MOST_TYPED)
        check_k(k, MOST_COMPLETIONS)
        return tuple(self._catalogue.completions(text, k))

    def colours_of(self, image: bytes) -> tuple[str, ...]:
        """Returns the names of a photo's main colours, the most frequent first.

        Its features are remembered, so a search with it that follows does not decode it again.

        Raises:
            InvalidImage: the photo cannot be decoded.
            NoGeneration: nothing has been published.
        """
        return dominant_colours(self._requests.look_at(self._live.view(), image))

    def embed_new(self, photos: Sequence[PhotoRecord]) -> None:
        """Embeds the photos that have no stored features and stores the result, so that their products can be found.

        Does nothing if no generation is live: the first rebuild embeds them.

        Raises:
            InvalidImage: a photo cannot be read or decoded.
        """
        try:
            generation = self._live.view().generation
        except NoGeneration:
            return
        self._photos.embed(generation, photos)

    def keep_photos(self, names: Collection[str]) -> None:
        """Stores the features of recent query photos, so that the next training can learn what was chosen for them.

        Args:
            names: query ids of searches, or sha256 of photos; unknown ones are skipped.

        Raises:
            FeatureStoreError: the disk is full.
        """
        self._photos.keep(names)

    def status(self) -> dict[str, Any]:
        """Returns facts about the live generation and the catalogue, as plain JSON values, also if none is live."""
        facts: dict[str, Any] = {"generation": None, "counts": self._catalogue.counts(), "problem": ""}
        facts |= {"fallback": self._settings.backbone_notice, "detector": self._settings.detector}
        try:
            view = self._live.view()
        except LookalikeError as error:
            return {**facts, "problem": str(error)}
        waiting = {"changes_waiting": self.changes.lag, "changes_problem": self.changes.problem}
        return {**facts, **live_facts(view), **waiting, "problem": self._live.swap_error}

    def _kept_ranking(self, request: SearchRequest, cursor: Cursor) -> Ranking | None:
        if request.asks and request.digest != cursor.digest:
            raise InvalidQuery(
                "cursor must go with the question it came from, or alone; this is another question.", field="cursor"
            )
        ranking = self._rankings.get(cursor.query_id)
        if ranking is not None and ranking.digest == cursor.digest:
            return ranking
        if not request.asks:
            raise CursorExpired("cursor must be of a recent answer; its ranking is gone. Send the question again.")
        return None

    def _whole(self, ranking: Ranking) -> Ranking:
        """Returns the ranking as deep as it can be paged; as it is where that can no longer be asked."""
        if ranking.deeper is None:
            return ranking
        try:
            whole = ranking.then(ranking.deeper(self._live.view()))
        except LookalikeError:  # the product shown is gone, or another backbone is live
            whole = replace(ranking, deeper=None)
        self._rankings.put(whole)
        return whole

    def _rank(self, view: LiveView, request: SearchRequest, filter_: Filter | None, query_id: str) -> Ranking:
        # a photo is decoded and embedded, where words want something cheaper
        with self._catalogue.one_state() if request.image is None else nullcontext():
            read = self._requests.read(view, request, filter_, query_id)
        ranking = self._ranked(view, request, read, query_id)
        if not ranking.no_match or not read.understood.by_colour or not words_alone(request):
            return ranking
        # the colour may belong to the name of what is sold without it, as in 노란 양파 for a brown yellow onion
        with self._catalogue.one_state():
            read = self._requests.read(view, request, filter_, query_id, keep_colours=False)
        again = self._ranked(view, request, read, query_id)
        fits = again.probabilities is not None and again.probabilities.max(initial=0.0) >= BEST
        return again if fits else ranking

    def _ranked(self, view: LiveView, request: SearchRequest, read: ReadRequest, query_id: str) -> Ranking:
        asked, understood = read.asked, read.understood
        question = self._requests.ask(view, read, query_id)
        rank = partial(self._finder.rank, filter_=understood.filter, query_id=query_id)
        depth = first_depth(view, asked)
        ranking = rank(view, asked, question, passing=understood.passing, depth=depth)
        if depth < DEPTH and len(ranking.product_keys) == depth:
            again = replace(asked, image=None if asked.image is None else b"", more_images=())

            def deeper(newer: LiveView) -> Ranking:
                same = newer.generation.id == ranking.generation
                return rank(newer, again, question if same else self._finder.ask(newer, again, None, question.features))

            ranking = replace(ranking, deeper=deeper)
        # the words taken out come back, so that the mended query is understood in the same way
        spoken = [part.text for part in understood.constraints if not part.needless]
        mended = [ranking.did_you_mean, *(text for text in spoken if key_of(text) not in key_of(asked.text))]
        return replace(
            ranking,
            digest=request.digest,
            understood=understood.constraints,
            did_you_mean=" ".join(mended) if ranking.did_you_mean else read.meant,
        )
