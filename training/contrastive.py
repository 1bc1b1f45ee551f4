"""Losses that bring a query and what was meant together. Only `keras.ops`: they run on TensorFlow, JAX and PyTorch.

InfoNCE (van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018) with several positives
a row (Khosla et al., "Supervised Contrastive Learning", 2020, its "out" form), false negatives left out, and the logQ
correction for candidates that are drawn by popularity (Yi et al., "Sampling-Bias-Corrected Neural Modeling", RecSys
2019). `margin_loss` is the plain baseline: a positive and a random negative.
"""

from typing import Any

_NEVER = -1e9
Tensor = Any


def info_nce(
    similarities: Tensor,
    positives: Tensor,
    *,
    scale: Tensor,
    ignored: Tensor | None = None,
    log_q: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean over rows of the negative log share of a row's positives among its candidates.

    Args:
        similarities: (n, m), cosines of queries and candidates.
        positives: (n, m), 1 where the candidate is right for the query, else 0. A row without any does not count.
        scale: what the cosines are multiplied with: 1 / temperature.
        ignored: (n, m), 1 where a candidate is neither right nor wrong, such as a copy of the right photo.
        log_q: (m,), log of how often each candidate is drawn; taken off the logits.
        weights: (n,), how much each row counts.

    Returns:
        A scalar.
    """
    from keras import ops

    logits = similarities * scale
    if log_q is not None:
        logits = logits - log_q[None, :]
    if ignored is not None:
        positives = positives * (1 - ignored)
        logits = ops.where(ignored > 0, _NEVER, logits)
    count = ops.sum(positives, axis=1)
    rows = ops.logsumexp(logits, axis=1) - ops.sum(positives * logits, axis=1) / ops.maximum(count, 1.0)
    counted = ops.cast(count > 0, rows.dtype)
    if weights is not None:
        counted = counted * weights
    return ops.sum(rows * counted) / ops.maximum(ops.sum(counted), 1e-9)


def margin_loss(
    similarities: Tensor, positives: Tensor, *, margin: float = 0.2, weights: Tensor | None = None
) -> Tensor:
    """Mean over rows of max(0, margin - cosine to the own item + cosine to a random other item).

    The random other is the next row's item, for a batch is drawn at random; where that one happens to be right as well,
    the row does not count.

    Args:
        similarities: (n, n) or wider, row i's own item being column i.
        positives: the same shape.
        weights: (n,).
    """
    from keras import ops

    n = ops.shape(similarities)[0]
    places = ops.arange(n)
    others = ops.expand_dims((places + 1) % n, 1)
    own = ops.squeeze(ops.take_along_axis(similarities, ops.expand_dims(places, 1), axis=1), 1)
    other = ops.squeeze(ops.take_along_axis(similarities, others, axis=1), 1)
    counted = 1.0 - ops.squeeze(ops.take_along_axis(positives, others, axis=1), 1)
    if weights is not None:
        counted = counted * weights
    return ops.sum(ops.relu(margin - own + other) * counted) / ops.maximum(ops.sum(counted), 1e-9)


def unit(rows: Tensor) -> Tensor:
    """Divides each row by its L2 norm; a zero row stays zero."""
    from keras import ops

    return rows * ops.rsqrt(ops.maximum(ops.sum(ops.square(rows), axis=-1, keepdims=True), 1e-12))
