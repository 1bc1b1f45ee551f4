"""The rebuild's part `match`: fits how likely a hit is what was asked for, on questions with known answers."""

import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.answers import ANSWER_SIGNS
from engine.backbones import ClassifierRows, classifier_rows
from engine.errors import BackboneUnavailable
from engine.match import MatchModel, WordMap
from engine.protocols import Floats
from engine.space import space_digest
from engine.text import HEAD_FILE, TextEncoder, TextHead, encoder_of_head
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.match.asking import Answer, Answering
from training.match.fit import fit_kind
from training.match.made_up import made_up_rows
from training.match.photo_questions import (
    chosen_photos,
    kinds_of,
    made_up_photos,
    mixed_questions,
    photo_questions,
    shelf_of,
    similar_questions,
)
from training.match.questions import (
    Asked,
    absent_words,
    few_things,
    listed_words,
    logged_words,
    more_words,
    other_things,
    other_words,
    plain_words,
)
from training.match.words import ShopWords, Strangers, Thing, listed_things

_LEAST_PRODUCTS = 30
_MOST_THINGS = 150
_MOST_CLASSES = 80


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Asks questions of the staged generation, fits a model for each kind, and writes `match_model.safetensors`.

    Args:
        folder: the staged generation, with the files of all other parts.

    Returns:
        For each kind of question, the figures of `training.match.fit.figures`.

    Raises:
        NotEnoughData: there are too few products, or too few questions of every kind.
    """
    started = time.perf_counter()
    products = len(np.unique(context.snapshot.product_keys))
    if products < _LEAST_PRODUCTS:
        raise NotEnoughData(f"match models need at least {_LEAST_PRODUCTS} products with a photo; got {products}.")
    interview = Interview(context, folder)
    answers = interview.answers()
    fitted = {kind: fit_kind(kind, answers.get(kind, [])) for kind in ANSWER_SIGNS}
    kept = {kind: found for kind, found in fitted.items() if found is not None}
    if not kept:
        raise NotEnoughData("match models need 20 questions with an answer and 20 without one; got fewer of each kind.")
    words = WordMap(interview.words.points, interview.strangers.points)
    space = space_digest(interview.answering.view.generation.projection)
    MatchModel(kinds={kind: model for kind, (model, _) in kept.items()}, words=words, space=space).save(folder)
    measured = {kind: measured for kind, (_, measured) in kept.items()}
    return {**measured, "training_s": round(time.perf_counter() - started, 1)}


class Interview:
    """All questions that a staged generation is asked, and its answers.

    Attributes:
        words: the shop's words.
        strangers: words for what it does not sell.
        answering: answers questions from the staged files.
    """

    def __init__(self, context: TrainingContext, folder: Path) -> None:
        self._context = context
        self._facts = {fact.product_key: fact for fact in context.facts()}
        self._encoder = _encoder(context, folder)
        self.words = ShopWords(self._facts.values(), self._encoder)
        self._things = few_things(self.words.unsold(listed_things(), self._encoder), _MOST_THINGS)
        self._classes = few_things(self.words.unsold(_named(context), self._encoder), _MOST_CLASSES)
        self.strangers = Strangers([*self._things, *self._classes], self._encoder)
        self.answering = Answering(context, folder, self._encoder, self._near)
        self._points: dict[str, Floats] = {}

    def answers(self) -> dict[str, list[Answer]]:
        """Returns kind -> the answers to its questions."""
        questions = [*self._by_words(), *self._by_photo()]
        answerable = [asked for asked in questions if asked.right and not asked.unlettered]
        questions += [asked.without_answer() for at, asked in enumerate(answerable) if asked.kind != "text" or at % 2]
        texts = sorted({asked.text for asked in questions if asked.text})
        self._points = dict(zip(texts, self._encoder.embed(texts), strict=True))
        self.answering.read_words(texts)
        found: dict[str, list[Answer]] = {}
        for asked in questions:
            if (answer := self.answering.answer(asked)) is not None:
                found.setdefault(asked.kind, []).append(answer)
        return found

    def _by_words(self) -> list[Asked]:
        if self.answering.view.generation.text_tower() is None:
            return []
        plain = plain_words(list(self._facts.values()), self.words)
        listed = listed_words(listed_things(), self.words, len(self._facts))
        logged = logged_words(self._context.behaviour.words, self._keys)
        return [
            *plain,
            *more_words(plain[::2]),
            *other_words(plain[1::2]),
            *listed,
            *logged,
            *absent_words([*self._things, *self._classes]),
            *other_things([*self._things, *self._classes], plain),
        ]

    def _by_photo(self) -> list[Asked]:
        view = self.answering.view
        shelf = shelf_of(self._context, view.vectors(np.arange(view.count)), self._facts)
        kinds = kinds_of(self._facts)
        self.answering.made_up = self._made_up()
        photos = [*photo_questions(shelf), *made_up_photos(len(self.answering.made_up))]
        photos += chosen_photos(self._context.behaviour.photos, self._context, self._keys)
        absent = [thing.names[0] for thing in self._things]
        mixed = mixed_questions(photos, shelf, kinds, absent) if view.generation.text_tower() is not None else []
        return [*photos, *similar_questions(shelf, kinds), *mixed]

    def _made_up(self) -> Floats:
        calibration = self.answering.view.generation.calibration
        classes = _classes(self._context)
        if calibration is None or classes is None:
            return np.zeros((0, self._context.spec.dim), np.float32)
        chosen = [classes.names.index(thing.names[0]) for thing in self._classes]
        return made_up_rows(calibration.region.mean, classes.rows, chosen)

    def _near(self, asked: Asked, text: str) -> tuple[float, float]:
        """Returns how near words of a question are to words of the shop and to words for what it does not sell."""
        if text not in self._points:
            self._points[text] = self._encoder.embed([text])[0]
        point = self._points[text]
        other = asked.text if asked.unlettered else ""
        return self.words.near(point, asked.gone, other), self.strangers.near(asked.group, point)

    @cached_property
    def _keys(self) -> dict[str, int]:
        return {fact.product.product_id: key for key, fact in self._facts.items()}


def _encoder(context: TrainingContext, folder: Path) -> TextEncoder:
    """Returns the encoder of the text head, which may have been tuned; without a head, that of the settings."""
    path = folder / HEAD_FILE
    settings = context.settings
    if path.exists():
        return encoder_of_head(TextHead.load(path), settings.home, settings.cores)
    return TextEncoder(settings.text_encoder, settings.cores, settings.home)


def _classes(context: TrainingContext) -> ClassifierRows | None:
    try:
        return classifier_rows(context.spec)
    except BackboneUnavailable:
        return None


def _named(context: TrainingContext) -> list[Thing]:
    """Returns the classes of the backbone's own classifier; none if it cannot be had."""
    classes = _classes(context)
    return [] if classes is None else [Thing((name,)) for name in dict.fromkeys(classes.names)]
