"""Asks questions of a staged generation, as its server would be asked, and returns the signs of each answer."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.generations import GenerationFolder, Manifest
from data.lexical import LexicalAnswer
from engine.answers import Evidence, Finder, QueryPoint, Question, SearchRequest, evidence
from engine.generation import Generation, Models, RowTable
from engine.index import build_index
from engine.live import LiveView
from engine.protocols import Floats, Mask
from engine.space import PROJECTION_FILE, Projection, normalise
from engine.text import TextEncoder, is_word
from engine.understanding import Understanding, Understood
from training.context import TrainingContext
from training.match.questions import Asked

_DEPTH = 100  # hits that are judged


@dataclass(frozen=True)
class Answer:
    """The answer to a question.

    Attributes:
        asked: the question.
        seen: the evidence.
        right: bool (m,), which hits are right.
    """

    asked: Asked
    seen: Evidence
    right: Mask


class Answering:
    """Answers questions from the files of a staged generation.

    Attributes:
        view: what the generation will search.
        made_up: pool_3 rows float32 (n, dim) of the made-up photos, which questions name by number.

    Args:
        encoder: the sentence encoder of the generation's text head.
        near: highest cosine of words of a question to words of the shop and to words for what it does not sell.
    """

    def __init__(
        self,
        context: TrainingContext,
        folder: Path,
        encoder: TextEncoder,
        near: Callable[[Asked, str], tuple[float, float]],
    ) -> None:
        self.view = _view(context, folder, encoder)
        self._context, self._near = context, near
        self._drawn = frozenset(context.snapshot.product_keys.tolist())
        self._finder = Finder(context.settings, context.catalogue)
        self._understanding = Understanding(context.catalogue, context.settings.fresh_days)
        self._words: dict[str, Floats] = {}
        self.made_up = np.zeros((0, context.spec.dim), np.float32)

    def read_words(self, texts: Sequence[str]) -> None:
        """Puts texts into the product space, all at once, which is much quicker than one by one."""
        tower = self.view.generation.text_tower()
        wanted = sorted(set(texts))
        self._words = dict(zip(wanted, tower.embed(wanted), strict=True)) if tower is not None and wanted else {}

    def answer(self, asked: Asked) -> Answer | None:
        """Returns the answer to one question; None if nothing is found."""
        read = self._read(asked)
        request = SearchRequest(
            text=read.text, image=None if asked.kind == "text" else b"", freshness=0.0, unjudged=read.unjudged,
        )  # fmt: skip
        question = self._question(asked, read.text)
        hidden = self._hidden(asked)
        found = self._finder.find(
            self.view, request, question, filter_=read.filter, passing=read.passing, hidden=hidden, depth=_DEPTH
        )
        if not len(found.ranked.product_keys):
            return None
        answered = found.answered(self.view, question)
        seen = evidence(self.view, self._context.catalogue, request, answered, partial(self._near, asked), hidden)
        return Answer(asked, seen, np.isin(found.ranked.product_keys, list(asked.right)))

    def _read(self, asked: Asked) -> Understood:
        """Returns what the words are understood as.

        Of products that were taken out, conditions would still know: in a shop without them they are relaxed.
        """
        if asked.kind != "text" or asked.gone:
            return Understood(asked.text, "", None)
        return self._understanding.understand(asked.text, None, self._finder.matching, alone=True)

    def _question(self, asked: Asked, text: str) -> Question:
        generation = self.view.generation
        features: Floats | None = None
        parts: dict[str, Floats] = {}
        if asked.photo:
            features = self._context.features.read([asked.photo])[0]
        elif asked.made_up >= 0:
            features = self.made_up[asked.made_up]
        if features is not None:
            parts["photo"] = generation.photo_points(features[None])[0]
        elif asked.product >= 0:
            parts["photo"] = normalise(self.view.vectors(self.view.rows_of(asked.product)).mean(axis=0))
        if text:
            parts["words"] = self._point(text)
        lettered = asked.kind == "text" and not asked.unlettered
        letters = self._letters(text) if lettered else None
        return Question(QueryPoint(normalise(np.sum(list(parts.values()), axis=0)), parts), features, letters)

    def _point(self, text: str) -> Floats:
        if text not in self._words and (tower := self.view.generation.text_tower()) is not None:
            self._words[text] = tower.embed([text])[0]
        return self._words[text]

    def _letters(self, text: str) -> LexicalAnswer:
        """Returns what letters find among the products that are asked about: of a large catalogue, those drawn."""
        found = self._context.catalogue.by_letters(text, is_word)
        if self._context.whole:
            return found
        fits = {key: fit for key, fit in zip(found.ranked, found.fits, strict=True) if key in self._drawn}
        first = tuple(hit for hit in found.first if hit.product_key in self._drawn)
        return replace(found, first=first, ranked=tuple(fits), fits=tuple(fits.values()))

    def _hidden(self, asked: Asked) -> NDArray[np.int64]:
        rows = self.view.rows_of_any(np.array([*asked.gone, asked.product], np.int64))
        return np.concatenate([rows, np.array(asked.hidden, np.int64)])


def _view(context: TrainingContext, folder: Path, encoder: TextEncoder) -> LiveView:
    """Returns the view that the staged generation will have; its index is built in memory."""
    snapshot = context.snapshot
    space = Projection.load(folder / PROJECTION_FILE)
    rows = RowTable(
        product_keys=np.asarray(snapshot.product_keys, np.int64),
        image_keys=np.asarray(snapshot.image_keys, np.int64),
        image_sha256=np.array(snapshot.image_sha256, "S64"),
    )
    index = build_index(context.points(space, snapshot.image_sha256), context.settings)
    models = Models(context.settings, encoder=encoder)
    return LiveView.of(Generation(_staged(context, folder, index.dim), space, index, rows, models))


def _staged(context: TrainingContext, folder: Path, dim: int) -> GenerationFolder:
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest = Manifest(
        format_version=1, generation="00000000T000000000Z", fingerprint=context.spec.fingerprint,
        created_at=datetime.now(UTC).isoformat(), dim=dim, metric="inner_product", counts={},
        seq=context.snapshot.seq, backbone=context.spec.to_json(), versions={}, metrics={}, gates=(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        sizes={name: len(content) for name, content in contents.items()},
    )  # fmt: skip
    return GenerationFolder(folder, manifest)
