"""The rebuild's part `known_queries`: finds queries to propose, those with several senses, and rivals of words."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from engine.known_queries import (
    LEARNED_FILE,
    MOST_RIVALS,
    MOST_TEXTS,
    LearnedQueries,
    LearnedTextTower,
    RelatedQueries,
    Rivals,
    Senses,
    query_key,
)
from engine.protocols import TextTower
from engine.space import PROJECTION_FILE, Projection, space_digest
from engine.text import HEAD_FILE, EncoderTextTower, TextHead, encoder_of_head
from training.behaviour import Behaviour
from training.context import TrainingContext
from training.known_queries.senses import find_senses
from training.texts import name_of, tidy, words_of

_MOST_NAMES = 20_000
_BLOCK = 1024
_LEAST_SEARCHES = 3  # rarer searches may be private, so they are not proposed to others


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Writes `related_queries.safetensors` and, where there are any, `senses.safetensors` and `rivals.safetensors`.

    It runs after the parts that write projection and text head, and does nothing without a text head.

    Returns:
        The numbers of `texts`, of those that shoppers searched (`logged`), of queries with `several_senses`, and of
        `rivals`.
    """
    if not (folder / HEAD_FILE).exists():
        return {"texts": 0, "skipped": "no product has words to learn from; nothing can be searched by words"}
    behaviour = context.behaviour.words
    texts = known_texts(context, behaviour)
    head = TextHead.load(folder / HEAD_FILE)
    encoder = encoder_of_head(head, context.settings.home, context.settings.cores)
    tower: TextTower = EncoderTextTower(encoder, head)
    if (folder / LEARNED_FILE).exists():
        tower = LearnedTextTower(tower, LearnedQueries.load(folder / LEARNED_FILE))
    names = list(texts)
    vectors = [tower.embed(names[at : at + _BLOCK]) for at in range(0, len(names), _BLOCK)]
    points = np.concatenate([np.zeros((0, head.space_dim), np.float32), *vectors])
    space = Projection.load(folder / PROJECTION_FILE)
    RelatedQueries(names, np.array(list(texts.values()), np.int64), points, space_digest(space)).save(folder)
    senses = find_senses(context, behaviour, space)
    if senses:
        Senses(senses, space_digest(space)).save(folder)
    rivals = find_rivals(context)
    if len(rivals) > 1:
        Rivals(rivals, EncoderTextTower(encoder, head).embed(rivals), space_digest(space)).save(folder)
    logged = sum(count > 0 for count in texts.values())
    return {"texts": len(names), "logged": logged, "several_senses": len(senses), "rivals": len(rivals)}


def find_rivals(context: TrainingContext) -> list[str]:
    """Returns the names of the categories whose products have photos; of more than 512, the largest."""
    counts = Counter(tidy(words_of(facts.product.category)) for facts in context.facts() if facts.product.category)
    return [name for name, _ in counts.most_common(MOST_RIVALS)]


def known_texts(context: TrainingContext, behaviour: Behaviour) -> dict[str, int]:
    """Returns the query texts to remember, each with how often it was searched: logged ones first, then names."""
    found: dict[str, tuple[str, int]] = {}
    for text, count in behaviour.query_frequencies(MOST_TEXTS):
        if tidy(text) and count >= _LEAST_SEARCHES:
            found.setdefault(query_key(tidy(text)), (tidy(text), count))
    room = min(_MOST_NAMES, MOST_TEXTS - len(found)) + len(found)
    for facts in context.catalogue.iter_facts():
        if len(found) >= room:
            break
        for text in (tidy(words_of(facts.product.category)), name_of(facts.product)):
            if text and len(found) < room:
                found.setdefault(query_key(text), (text, 0))
    return dict(found.values())
