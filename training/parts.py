"""The trained parts of a generation, in training order."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.known_queries import LEARNED_FILE, RELATED_FILE, RIVALS_FILE, SENSES_FILE
from engine.match import MATCH_FILE
from engine.recognition import ATTRIBUTES_FILE, VOTERS_FILE
from engine.space import ADAPTER_FILE, CALIBRATION_FILE, COMBINER_FILE, PROJECTION_FILE
from engine.text import HEAD_FILE
from training import attributes, combiner, embedder, known_queries, match, space, voters
from training.context import TrainingContext
from training.measures import RECOGNITION_FILE


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a generation: trained anew by a rebuild, or taken over from the live generation.

    Attributes:
        name: the part's name in manifests, logs and reports.
        files: names of the files it may write into the generation's folder.
        train: writes the part into a folder that already holds the earlier parts; returns its metrics.
    """

    name: str
    files: tuple[str, ...]
    train: Callable[[TrainingContext, Path], dict[str, Any]]


SPACE = Part(name="space", files=(PROJECTION_FILE, HEAD_FILE), train=space.train)
QUERY_EMBEDDER = Part(
    name="query_embedder", files=(CALIBRATION_FILE, embedder.ANSWERS_FILE, ADAPTER_FILE), train=embedder.train
)
COMBINER = Part(name="combiner", files=(COMBINER_FILE,), train=combiner.train)
LEARNED_QUERIES = Part(name="learned_queries", files=(LEARNED_FILE,), train=known_queries.train_learned)
KNOWN_QUERIES = Part(
    name="known_queries", files=(RELATED_FILE, SENSES_FILE, RIVALS_FILE), train=known_queries.train_known
)
VOTERS = Part(name="voters", files=(VOTERS_FILE, RECOGNITION_FILE), train=voters.train)
ATTRIBUTES = Part(name="attributes", files=(ATTRIBUTES_FILE,), train=attributes.train)
MATCH = Part(name="match", files=(MATCH_FILE,), train=match.train)  # last: it asks what the other parts made
PARTS = (SPACE, QUERY_EMBEDDER, COMBINER, LEARNED_QUERIES, KNOWN_QUERIES, VOTERS, ATTRIBUTES, MATCH)
