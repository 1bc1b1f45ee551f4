"""Measures quality: retrieval, recognition, calibration, and the comparison with the live generation."""

from training.measures.calibration import (
    coverage_curve,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    threshold_for,
)
from training.measures.comparison import measure_generation
from training.measures.held_out import held_out, may_be_held_out, name_retrieval, photo_retrieval
from training.measures.label_errors import confident_labels, doubtful
from training.measures.misses import Lookalikes, Miss, lookalikes, photo_misses
from training.measures.recognition import MODELS, RECOGNITION_FILE, Measured, from_tables, join, measure_recogniser
from training.measures.retrieval import METRICS, intra_list_similarity, retrieval_metrics

__all__ = [
    "METRICS",
    "MODELS",
    "RECOGNITION_FILE",
    "Lookalikes",
    "Measured",
    "Miss",
    "confident_labels",
    "coverage_curve",
    "doubtful",
    "fit_temperature",
    "from_tables",
    "held_out",
    "intra_list_similarity",
    "join",
    "lookalikes",
    "may_be_held_out",
    "measure_generation",
    "measure_recogniser",
    "name_retrieval",
    "negative_log_likelihood",
    "photo_misses",
    "photo_retrieval",
    "reliability",
    "retrieval_metrics",
    "threshold_for",
]
