"""Measures the live generation on photos, queries and events that training did not see: one `evaluate` per module."""

from training.evaluation import cold_start, labels, recognition, retrieval
from training.evaluation.cold_start import MOST_LOSS, ColdStart, Figures, compare, joint_scores, products_of
from training.evaluation.label_decisions import COLUMNS, decisions_about, doubt_rows, read_decisions
from training.evaluation.labels import CheckedLabels
from training.evaluation.outcomes import Outcomes, Retrieval
from training.evaluation.queries import Query, read_queries
from training.evaluation.recognition import Evaluation

__all__ = [
    "COLUMNS",
    "MOST_LOSS",
    "CheckedLabels",
    "ColdStart",
    "Evaluation",
    "Figures",
    "Outcomes",
    "Query",
    "Retrieval",
    "cold_start",
    "compare",
    "decisions_about",
    "doubt_rows",
    "joint_scores",
    "labels",
    "products_of",
    "read_decisions",
    "read_queries",
    "recognition",
    "retrieval",
]
