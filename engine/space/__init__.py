"""The product space: projection of features, query adapter, match probability, near-duplicates."""

from engine.space.duplicates import DEFAULT_BOUND, Order, duplicate_bound, duplicates
from engine.space.match_calibration import Curve, MatchCalibration, Region, judge, kind_of
from engine.space.projection import (
    Projection,
    explained_variance,
    fit_pca,
    normalise,
    plain,
    read_tensors,
    space_digest,
)
from engine.space.query_adapter import QueryAdapter

__all__ = [
    "DEFAULT_BOUND",
    "Curve",
    "MatchCalibration",
    "Order",
    "Projection",
    "QueryAdapter",
    "Region",
    "duplicate_bound",
    "duplicates",
    "explained_variance",
    "fit_pca",
    "judge",
    "kind_of",
    "normalise",
    "plain",
    "read_tensors",
    "space_digest",
]
