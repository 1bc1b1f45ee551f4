"""The rebuild's part `space`: fits the projection of pool_3, and the text head that maps words into its space."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.own_backbones import OF_BACKBONE
from engine.protocols import Floats
from engine.space import Projection, explained_variance, fit_pca, normalise, plain, spread
from engine.text import EncoderTextTower, TextEncoder, TextHead, joint_name
from training.context import TrainingContext
from training.measures import held_out, name_retrieval, photo_retrieval
from training.space.text_head import TextPairs, collect_pairs, fit_head

_BLOCK_ROWS = 8192
# With fewer, photos that come later are found better by the plain features (docs/performance.md).
_LEAST_PHOTOS = 100


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Fits the projection and, where products have texts, the text head; writes both into the staged generation.

    Returns:
        The metrics: `dim`, `explained_variance`, the figures of `training.measures.held_out`, and `quality`, the one
        figure that a rebuild compares with the live generation's. With too few photos to learn directions from, the
        space is the plain features, and `skipped` says so.
    """
    projection = _fit_projection(context)
    projection.save(folder)
    if not context.snapshot.image_sha256:
        return {"dim": projection.space_dim, "skipped": "the catalogue has no photo yet", "quality": None}
    keys, vectors = context.snapshot.product_keys, context.points(projection, context.snapshot.image_sha256)
    metrics: dict[str, Any] = {"dim": projection.space_dim}
    if few := _too_few(context):
        metrics["skipped"] = few
    metrics["explained_variance"] = explained_variance(projection, next(_blocks(context, spread(len(keys), 4096))))
    queries = held_out(keys, context.snapshot.image_sha256)
    metrics |= photo_retrieval(vectors, keys, queries)
    metrics |= _train_head(context, folder, keys, vectors)
    return {**metrics, "quality": _quality(metrics)}


def _fit_projection(context: TrainingContext) -> Projection:
    if _plain_asked(context) or _too_few(context):
        return plain(context.spec.dim)
    return fit_pca(_blocks(context, np.arange(len(context.snapshot.image_sha256))), context.settings.space_dim)


def _plain_asked(context: TrainingContext) -> bool:
    """Returns whether the space is the features themselves, which a joint model's words need: they lie among them."""
    return context.settings.space == "pool3" or context.settings.text_encoder == OF_BACKBONE


def _too_few(context: TrainingContext) -> str:
    """Returns why no directions are learned from this catalogue, or "" if they are."""
    photos, least = len(set(context.snapshot.image_sha256)), min(_LEAST_PHOTOS, context.spec.dim)
    if photos >= least or _plain_asked(context):
        return ""
    return f"at least {least} different photos are needed; got {photos}. The plain features are searched"


def _train_head(context: TrainingContext, folder: Path, keys: NDArray[np.int64], vectors: Floats) -> dict[str, Any]:
    products, firsts = np.unique(keys, return_index=True)
    centroids = normalise(np.add.reduceat(vectors, firsts, axis=0))
    pairs = collect_pairs(context.facts(), products, centroids)
    settings, joint = context.settings, context.settings.text_encoder == OF_BACKBONE
    if not pairs.texts and not joint:
        return {"text_pairs": 0}
    name = joint_name(context.spec.name) if joint else settings.text_encoder
    encoder = TextEncoder(name, settings.cores, settings.home)
    head, measured = (_joint_head(encoder), {}) if joint else fit_head(encoder, pairs)
    head.save(folder)
    used = {"text_encoder": encoder.name, "text_encoder_digest": encoder.digest}
    return {"text_pairs": len(pairs.texts), **used, **measured, **_measure_names(encoder, head, pairs, keys, vectors)}


def _joint_head(encoder: TextEncoder) -> TextHead:
    return TextHead.of_joint(encoder.name, encoder.digest, encoder.dim)


def _measure_names(
    encoder: TextEncoder, head: TextHead, pairs: TextPairs, keys: NDArray[np.int64], vectors: Floats
) -> dict[str, float]:
    if not pairs.names:
        return {}
    names = list(pairs.names)[:: max(1, -(-len(pairs.names) // 2000))]
    points = EncoderTextTower(encoder, head).embed(names)
    return name_retrieval(points, [np.array(pairs.names[name]) for name in names], vectors, keys)


def _quality(metrics: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the figure of held-out photos if there are any, else the figure of the products' own names."""
    for measure in ("photo_r1", "name_r1"):
        if measure in metrics:
            return {"measure": measure, "value": metrics[measure]}
    return None


def _blocks(context: TrainingContext, rows: NDArray[np.int64]) -> Iterator[Floats]:
    for start in range(0, len(rows), _BLOCK_ROWS):
        yield context.features.read([context.snapshot.image_sha256[row] for row in rows[start : start + _BLOCK_ROWS]])
