"""Measures the live generation on photos, queries and events that training did not see: one `evaluate` per module."""

from training.evaluation import cold_start, recognition, retrieval
from training.evaluation.cold_start import MOST_LOSS, ColdStart, Figures, compare, joint_scores, products_of
from training.evaluation.outcomes import Outcomes, Retrieval
from training.evaluation.queries import Query, read_queries
from training.evaluation.recognition import Evaluation

__all__ = [
    "MOST_LOSS",
    "ColdStart",
    "Evaluation",
    "Figures",
    "Outcomes",
    "Query",
    "Retrieval",
    "cold_start",
    "compare",
    "joint_scores",
    "products_of",
    "read_queries",
    "recognition",
    "retrieval",
]
