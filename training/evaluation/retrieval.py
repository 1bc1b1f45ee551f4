"""`lookalike evaluate retrieval`: measures the live and the untrained space on queries whose answers are known."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, Snapshot
from data.errors import LookalikeError
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import Settings
from engine.answers import Finder, QueryPoint, Question, SearchRequest
from engine.backbones import load_input
from engine.live import LiveIndex, LiveView
from engine.protocols import Floats, TextTower
from engine.space import PROJECTION_FILE, Projection, normalise
from engine.text import HEAD_FILE, EncoderTextTower, TextHead, encoder_of_head
from training import space as space_part
from training.context import TrainingContext
from training.embedder import ANSWERS_FILE, GUESSES, HeldAnswer, read_answers
from training.errors import NotEnoughData
from training.evaluation.outcomes import Outcomes, Retrieval
from training.evaluation.queries import Asked, Query, built_at, own_queries, read_queries
from training.measures import METRICS, retrieval_metrics
from training.photos import PhotoReader

_FEATURE_ROWS = 8192
_EMBED_BATCH = 32


@dataclass(frozen=True)
class _Answer:
    """A ranking of products: their places in `Retrieval.product_keys` int64 (m,), best first, and their scores."""

    places: NDArray[np.int64]
    scores: Floats


@dataclass(frozen=True)
class _Measured:
    """The outcomes of all queries, as of `Retrieval`."""

    live: Outcomes
    legs: dict[str, Outcomes]
    untrained: Outcomes | None


@dataclass(frozen=True)
class _Findable:
    """The photos that are searched, one row per photo, by ascending product.

    Attributes:
        rows: int64 (m,), the rows of the live view.
        keys: int64 (p,), the products; `firsts` the first row of each.
        photos: the photos' sha256, str (m,).
        held: bool (m,), held out from training.
    """

    rows: NDArray[np.int64]
    keys: NDArray[np.int64]
    firsts: NDArray[np.int64]
    photos: NDArray[np.str_]
    held: NDArray[np.bool_]

    def hidden(self, query: Query) -> NDArray[np.bool_]:
        """Returns the rows that a query must not find, bool (rows,).

        They are its own photo and, unless its photo is a file of its own, all held-out photos.
        """
        if not query.photo:
            return np.zeros(len(self.photos), np.bool_)
        same: NDArray[np.bool_] = self.photos == query.photo
        return same | self.held if query.file is None else same

    def judge(self, answers: Iterable[_Answer | None], queries: Sequence[Query]) -> Outcomes:
        """Returns the outcomes of queries, measured on their rankings of all products.

        Args:
            answers: one per query; None: the space cannot answer it.
        """
        figures = {name: np.full(len(queries), np.nan) for name in (*METRICS, "rank")}
        guesses = np.full((len(queries), GUESSES), -1, np.int64)
        best = np.zeros((len(queries), GUESSES), np.float32)
        for row, (query, answer) in enumerate(zip(queries, answers, strict=True)):
            if answer is None:
                continue
            order = np.full((1, len(self.keys)), -np.inf, np.float32)
            order[0, answer.places] = -np.arange(len(answer.places), dtype=np.float32)
            for name, column in retrieval_metrics(order, self._gains(query)).items():
                figures[name][row] = column[0]
            top = answer.places[:GUESSES]
            guesses[row, : len(top)], best[row, : len(top)] = top, answer.scores[:GUESSES]
        return Outcomes(figures=figures, guesses=guesses, scores=best)

    def kept(self, answers: Sequence[HeldAnswer]) -> list[tuple[Query, HeldAnswer]]:
        """Returns the recorded answers whose right products can still be found, each with its query."""
        return [
            (Query(text=answer.text, source=answer.source, learned=False, gains=gains), answer)
            for answer in answers
            if (gains := {key: 1.0 for key in answer.right if key in self.keys})
        ]

    def recorded(self, answers: Sequence[HeldAnswer], space: str) -> Outcomes:
        """Returns the outcomes of answers that were recorded in training."""
        figures = {
            name: np.array([getattr(answer, space)[name] for answer in answers], np.float64)
            for name in (*METRICS, "rank")
        }
        guesses = np.full((len(answers), GUESSES), -1, np.int64)
        scores = np.zeros((len(answers), GUESSES), np.float32)
        for row, answer in enumerate(answers):
            found = [pair for pair in zip(answer.guesses, answer.scores, strict=True) if pair[0] in self.keys]
            for place, (key, score) in enumerate(found):
                guesses[row, place], scores[row, place] = np.searchsorted(self.keys, key), score
        return Outcomes(figures=figures, guesses=guesses, scores=scores)

    def _gains(self, query: Query) -> Floats:
        gains = np.zeros((1, len(self.keys)), np.float32)
        gains[0, np.searchsorted(self.keys, list(query.gains))] = list(query.gains.values())
        return gains


def evaluate(settings: Settings, queries: Sequence[Path] = (), *, untrained: bool = True) -> Retrieval:
    """Returns the evaluation of the live generation.

    Args:
        queries: CSV files, see `read_queries`; none: the shop's own queries, see `own_queries`.
        untrained: whether to fit the untrained space on the same photos and texts and measure it too.

    Raises:
        NoGeneration: nothing has been published.
        InvalidFeed, NotEnoughData: a file of queries cannot be read, or no query can be used.
    """
    catalogue = Catalogue(settings.home)
    view = LiveIndex(settings, catalogue).view()
    context, rows = _findable_photos(settings, catalogue, view)
    keys, firsts = np.unique(context.snapshot.product_keys, return_index=True)
    facts = [fact for key, fact in sorted(catalogue.facts(keys.tolist()).items())]
    if len(facts) != len(keys):
        raise NotEnoughData("the catalogue must not change while it is measured; products went meanwhile. Run again.")
    held = np.zeros(len(rows), np.bool_)
    if queries:
        asked = read_queries(queries, facts, settings)
    else:
        asked, held = own_queries(context, built_at(view.generation.id))
    findable = _Findable(rows, keys, firsts, np.array(context.snapshot.image_sha256), held)
    photos = _photo_features(context, view, asked)
    measured = _measure(context, view, findable, asked.queries, photos, untrained=untrained)
    if not queries:
        measured = _with_recorded(measured, context, findable, asked)
    return Retrieval(
        title="Retrieval on queries of your own" if queries else "Retrieval on what the shop knows",
        generation=view.generation.id,
        queries=tuple(asked.queries),
        product_keys=keys,
        product_ids=tuple(fact.product.product_id for fact in facts),
        titles=tuple(fact.product.title or fact.product.product_id for fact in facts),
        categories=tuple(fact.product.category or "none" for fact in facts),
        photos=tuple(fact.image_sha256[0] if fact.image_sha256 else "" for fact in facts),
        live=measured.live,
        untrained=measured.untrained,
        legs=measured.legs,
        read=_reader(settings, asked.queries).read,
        settings=settings,
        excluded=asked.excluded,
        facts={
            "generation": view.generation.id,
            "products": len(keys),
            "photos": len(rows),
            "queries": [str(path) for path in queries],
            "photos_held_out": int(held.sum()),
            "match": context.live.measured("match") if context.live else {},
            "query_embedder": context.live.measured("query_embedder") if context.live else {},
        },
    )


def _measure(
    context: TrainingContext,
    view: LiveView,
    findable: _Findable,
    queries: Sequence[Query],
    photos: dict[str, Floats],
    *,
    untrained: bool,
) -> _Measured:
    """Returns the outcomes of queries whose photos' features are known by sha256."""
    finder = Finder(context.settings, context.catalogue)
    return _Measured(
        live=findable.judge(_live_answers(finder, view, findable, queries, photos), queries),
        legs={
            name: findable.judge(_by_legs(finder, view, findable, queries, name), queries)
            for name in ("lexical", "fused")
        },
        untrained=_untrained(context, findable, queries, photos) if untrained else None,
    )


def _with_recorded(measured: _Measured, context: TrainingContext, findable: _Findable, asked: Asked) -> _Measured:
    """Adds the answers that were recorded in training, and their queries to those `asked`."""
    if context.live is None or not context.live.has(ANSWERS_FILE):
        return measured
    recorded = findable.kept(read_answers(context.live.path(ANSWERS_FILE)))
    queries, answers = [query for query, _ in recorded], [answer for _, answer in recorded]
    asked.queries += queries
    unknown = findable.judge([None] * len(queries), queries)
    return _Measured(
        live=measured.live.joined(findable.recorded(answers, "live")),
        legs={name: outcomes.joined(unknown) for name, outcomes in measured.legs.items()},
        untrained=measured.untrained and measured.untrained.joined(findable.recorded(answers, "untrained")),
    )


def _reader(settings: Settings, queries: Sequence[Query]) -> PhotoReader:
    """Returns a reader of the catalogue's photos and of the files that the queries name."""
    files = {query.photo: query.file for query in queries if query.file}
    return PhotoReader(settings, files)


def _live_answers(
    finder: Finder, view: LiveView, findable: _Findable, queries: Sequence[Query], photos: Mapping[str, Floats]
) -> Iterator[_Answer | None]:
    """Answers each query as the server would, with all products, but by what the space has learned alone.

    So freshness and the words' letters do not count: newer is not more alike, and a title finds itself by its letters.
    """
    points = _points(queries, photos, view.generation.photo_points, view.generation.text_tower())
    for query, point in zip(queries, points, strict=True):
        if point is None:
            yield None
            continue
        # The photo's features are known already, so its bytes are not needed.
        request = SearchRequest(text=query.text, image=b"" if query.photo else None, freshness=0.0, legs="dense")
        question = Question(QueryPoint(normalise(point), {}), photos.get(query.photo))
        hidden = findable.rows[findable.hidden(query)]
        ranked = finder.find(view, request, question, hidden=hidden, depth=len(findable.keys)).ranked
        yield _Answer(np.searchsorted(findable.keys, ranked.product_keys), ranked.scores)


def _by_legs(
    finder: Finder, view: LiveView, findable: _Findable, queries: Sequence[Query], legs: str
) -> Iterator[_Answer | None]:
    """Answers the queries of words alone by their letters, or by these and their meaning, as the server would."""
    for query in queries:
        if query.photo or not query.text:
            yield None
            continue
        request = SearchRequest(text=query.text, freshness=0.0, legs=legs)
        ranked = finder.find(view, request, finder.ask(view, request), depth=len(findable.keys)).ranked
        kept = ranked.take(np.flatnonzero(np.isin(ranked.product_keys, findable.keys)))
        yield _Answer(np.searchsorted(findable.keys, kept.product_keys), kept.scores)


def _untrained_answers(
    findable: _Findable, points: Floats, queries: Sequence[Query], asked: Iterable[Floats | None]
) -> Iterator[_Answer | None]:
    """Ranks all products by their best photo.

    Args:
        points: float32 (rows, d).
        asked: each query's point float32 (d,); None: it has none.
    """
    for query, point in zip(queries, asked, strict=True):
        if point is None:
            yield None
            continue
        likeness = points @ point
        likeness[findable.hidden(query)] = -np.inf
        scores = np.maximum.reduceat(likeness, findable.firsts)
        order = np.argsort(-scores, kind="stable")[: np.count_nonzero(np.isfinite(scores))]
        yield _Answer(order, scores[order])


def _points(
    queries: Sequence[Query],
    photos: Mapping[str, Floats],
    photo_points: Callable[[Floats], Floats],
    tower: TextTower | None,
) -> list[Floats | None]:
    """Returns each query's point float32 (d,); None for words where there is no text tower."""
    points: list[Floats | None] = [None] * len(queries)
    by_photo = [at for at, query in enumerate(queries) if query.photo in photos]
    by_words = [at for at, query in enumerate(queries) if query.text and tower is not None]
    found = list(photo_points(np.stack([photos[queries[at].photo] for at in by_photo]))) if by_photo else []
    if by_words and tower is not None:
        found += list(tower.embed([queries[at].text for at in by_words]))
    for at, point in zip([*by_photo, *by_words], found, strict=True):
        points[at] = point
    return points


def _findable_photos(
    settings: Settings, catalogue: Catalogue, view: LiveView
) -> tuple[TrainingContext, NDArray[np.int64]]:  # fmt: skip
    """Returns the photos that can be found now, as a training would see them, and their rows in the view int64 (m,)."""
    rows = view.rows_by_product
    spec = view.generation.spec
    context = TrainingContext(
        settings=settings,
        catalogue=catalogue,
        snapshot=Snapshot(
            seq=view.seq,
            product_keys=view.products_of(rows),
            image_keys=view.image_keys(rows),
            image_sha256=view.image_sha256(rows).astype(str).tolist(),
        ),
        features=FeatureStore(settings.home, spec.fingerprint, spec.dim),
        spec=spec,
        live=GenerationStore(settings.home).open(view.generation.id),
    )
    return context, rows


def _photo_features(context: TrainingContext, view: LiveView, asked: Asked) -> dict[str, Floats]:
    """Returns pool_3 rows of the query photos by sha256; those that cannot be decoded are left out of the queries."""
    wanted = {query.photo: query.file for query in asked.queries if query.photo}
    missing = context.features.missing(list(wanted))
    stored = [sha256 for sha256 in wanted if sha256 not in set(missing)]
    found = dict(zip(stored, context.features.read(stored), strict=True)) if stored else {}
    spec = context.spec
    inputs: dict[str, NDArray[np.uint8]] = {}
    for sha256 in missing:
        file = wanted[sha256]
        try:
            content = file.read_bytes() if file else b""
            inputs[sha256] = load_input(content, spec.input_size, context.settings, spec.preprocessing)
        except (LookalikeError, OSError):
            asked.excluded["its photo cannot be decoded"] += 1
        if len(inputs) == _EMBED_BATCH or (inputs and sha256 == missing[-1]):
            rows = view.generation.backbone().embed(np.stack(list(inputs.values())))
            found |= dict(zip(inputs, rows, strict=True))
            inputs = {}
    asked.queries = [query for query in asked.queries if not query.photo or query.photo in found]
    return found


def _untrained(
    context: TrainingContext, findable: _Findable, queries: Sequence[Query], photos: dict[str, Floats]
) -> Outcomes:
    """Fits the part `space` alone on the same photos and texts, and measures it."""
    folder = Path(tempfile.mkdtemp(prefix="lookalike-retrieval-"))
    try:
        space_part.train(context, folder)
        space = Projection.load(folder / PROJECTION_FILE)
        tower: TextTower | None = None
        if (folder / HEAD_FILE).exists():
            head = TextHead.load(folder / HEAD_FILE)
            encoder = encoder_of_head(head, context.settings.home, context.settings.cores)
            tower = EncoderTextTower(encoder, head)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    names = context.snapshot.image_sha256
    starts = range(0, len(names), _FEATURE_ROWS)
    points = np.concatenate([space.apply(context.features.read(names[at : at + _FEATURE_ROWS])) for at in starts])
    asked = _points(queries, photos, space.apply, tower)
    return findable.judge(_untrained_answers(findable, points, queries, asked), queries)
