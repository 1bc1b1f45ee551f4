"""Trains the query embedder, which maps words and photos into one product space, by gradient descent."""

from training.embedder.batches import Photos, Sampler, TextBank
from training.embedder.fit import fit, plan_of
from training.embedder.heads import trained_head, untrained_head
from training.embedder.held_out import ANSWERS_FILE, GUESSES, HeldAnswer, read_answers
from training.embedder.material import Material, gather_material
from training.embedder.network import Weights
from training.embedder.options import EmbedderOptions
from training.embedder.pairs import SOURCES, collect_pairs
from training.embedder.part import EmbedderTraining, embed_views, live_options, train, trained_points
from training.embedder.query_adapter import (
    PhotoQueries,
    catalogue_points,
    describe,
    gather_queries,
    learn_adapter,
    recall,
)

__all__ = [
    "ANSWERS_FILE",
    "GUESSES",
    "SOURCES",
    "EmbedderOptions",
    "EmbedderTraining",
    "HeldAnswer",
    "Material",
    "PhotoQueries",
    "Photos",
    "Sampler",
    "TextBank",
    "Weights",
    "catalogue_points",
    "collect_pairs",
    "describe",
    "embed_views",
    "fit",
    "gather_material",
    "gather_queries",
    "learn_adapter",
    "live_options",
    "plan_of",
    "read_answers",
    "recall",
    "train",
    "trained_head",
    "trained_points",
    "untrained_head",
]
