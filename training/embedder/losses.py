"""Losses that pull queries and right answers together, in `keras.ops`: they run on TensorFlow, JAX and PyTorch.

InfoNCE (van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018) with several positives
per row (Khosla et al., "Supervised Contrastive Learning", 2020, its "out" form), false negatives left out, and the logQ
correction for candidates that are drawn by popularity (Yi et al., "Sampling-Bias-Corrected Neural Modeling", RecSys
2019). `margin_loss` is the plain baseline: a positive and a random negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LEAST = 1e-30
Tensor = Any


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to read a table of cosines.

    Attributes:
        axis: axis of the candidates; 1: the rows are queries, 0: the columns are.
        inverse_q: one per candidate: 1 / how often it is drawn, at most 1e12; 0: it is no candidate. None: all are
            drawn equally often.
        weights: one per query: how much it counts. None: all count the same.
    """

    axis: int = 1
    inverse_q: Tensor | None = None
    weights: Tensor | None = None


def info_nce(
    cosines: Tensor,
    positives: Tensor,
    *,
    scale: Tensor,
    compared: Tensor | None = None,
    sides: Sequence[Side] = (Side(),),
) -> Tensor:
    """Returns the mean negative log share of queries' positives among their candidates, summed over the sides.

    The exponentials are computed once for all sides, without subtracting the largest first: within the bounds below
    nothing overflows, and every saved pass over the table counts.

    Args:
        cosines: (n, m), of queries and candidates.
        positives: (n, m), bool or 0 and 1, whether the candidate is right for the query. A query without any does not
            count.
        scale: what the cosines are multiplied with: 1 / temperature, at most 50.
        compared: (n, m), bool or 0 and 1; 0 where a candidate is neither right nor wrong, such as a copy of the right
            photo.
        sides: the ways to read the table.

    Returns:
        A scalar.
    """
    from keras import ops

    shares = ops.exp(cosines * scale)
    positives = ops.cast(positives, shares.dtype)
    if compared is not None:
        compared = ops.cast(compared, shares.dtype)
        shares, positives = shares * compared, positives * compared
    hits = positives * cosines
    return sum(_info_nce_of(side, shares, positives, hits, scale) for side in sides)


def _info_nce_of(side: Side, shares: Tensor, positives: Tensor, hits: Tensor, scale: Tensor) -> Tensor:
    from keras import ops

    count = ops.sum(positives, axis=side.axis)
    logits = scale * ops.sum(hits, axis=side.axis)
    if side.inverse_q is None:
        totals = ops.sum(shares, axis=side.axis)
    else:
        totals = _along(shares, side.inverse_q, side.axis)
        logits = logits + _along(positives, ops.log(ops.maximum(side.inverse_q, _LEAST)), side.axis)
    losses = ops.log(ops.maximum(totals, _LEAST)) - logits / ops.maximum(count, 1.0)
    counted = ops.cast(count > 0, losses.dtype)
    if side.weights is not None:
        counted = counted * side.weights
    return ops.sum(losses * counted) / ops.maximum(ops.sum(counted), 1e-9)


def _along(table: Tensor, factors: Tensor, axis: int) -> Tensor:
    """Returns the sums of `table` along an axis, each entry times the factor of its place there."""
    from keras import ops

    return ops.matmul(table, factors) if axis == 1 else ops.matmul(factors, table)


def margin_loss(cosines: Tensor, positives: Tensor, *, margin: float = 0.2, weights: Tensor | None = None) -> Tensor:
    """Returns the mean over rows of max(0, margin - cosine to the own item + cosine to a random other item).

    The other item is the next row's, because a batch is drawn at random; if that item happens to be right as well, the
    row does not count.

    Args:
        cosines: (n, n) or wider, row i's own item being column i.
        positives: the same shape, whether the item is right for the row.
        weights: (n,), how much each row counts.
    """
    from keras import ops

    n = ops.shape(cosines)[0]
    places = ops.arange(n)
    others = ops.expand_dims((places + 1) % n, 1)
    own = ops.squeeze(ops.take_along_axis(cosines, ops.expand_dims(places, 1), axis=1), 1)
    other = ops.squeeze(ops.take_along_axis(cosines, others, axis=1), 1)
    counted = 1.0 - ops.squeeze(ops.take_along_axis(ops.cast(positives, cosines.dtype), others, axis=1), 1)
    if weights is not None:
        counted = counted * weights
    return ops.sum(ops.relu(margin - own + other) * counted) / ops.maximum(ops.sum(counted), 1e-9)


def unit(rows: Tensor) -> Tensor:
    """Divides each row by its L2 norm; a zero row stays zero."""
    from keras import ops

    return rows * ops.rsqrt(ops.maximum(ops.sum(ops.square(rows), axis=-1, keepdims=True), 1e-12))
