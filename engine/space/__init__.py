"""The product space as a search uses it: projection of features, query adapter, match probability, near-duplicates."""

from engine.space.combiner import COMBINER_FILE, Combiner, fit_combiner, mean_of
from engine.space.duplicates import DEFAULT_BOUND, Order, duplicate_bound, duplicates
from engine.space.match_calibration import (
    CALIBRATION_FILE,
    Curve,
    MatchCalibration,
    Region,
    Verdict,
    judge,
)
from engine.space.projection import (
    PROJECTION_FILE,
    Projection,
    explained_variance,
    fit_pca,
    normalise,
    plain,
    read_tensors,
    signed_sqrt,
    space_digest,
    spread,
)
from engine.space.query_adapter import ADAPTER_FILE, QueryAdapter

__all__ = [
    "ADAPTER_FILE",
    "CALIBRATION_FILE",
    "COMBINER_FILE",
    "DEFAULT_BOUND",
    "PROJECTION_FILE",
    "Combiner",
    "Curve",
    "MatchCalibration",
    "Order",
    "Projection",
    "QueryAdapter",
    "Region",
    "Verdict",
    "duplicate_bound",
    "duplicates",
    "explained_variance",
    "fit_combiner",
    "fit_pca",
    "judge",
    "mean_of",
    "normalise",
    "plain",
    "read_tensors",
    "signed_sqrt",
    "space_digest",
    "spread",
]
