"""Measures a generation from its files, for the gate of a rebuild that compares the new one with the live one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.generations import GenerationFolder
from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.space import PROJECTION_FILE, Projection, spread
from engine.text import HEAD_FILE, EncoderTextTower, TextHead, encoder_of_head
from training.context import TrainingContext
from training.measures.held_out import held_out, name_retrieval, photo_retrieval
from training.texts import name_of

_MEASURED_ROWS = 200_000
_MEASURED_NAMES = 2_000
_BLOCK_ROWS = 8_192


def measure_generation(context: TrainingContext, folder: GenerationFolder) -> dict[str, Any] | None:
    """Returns the held-out quality of a generation's product space on the catalogue's photos.

    A larger catalogue is harder to search, so a figure from an earlier night says little. This figure is measured on
    the catalogue as it is now.

    Args:
        context: `features` and `spec` must be those of the generation.
        folder: a published or a staged generation.

    Returns:
        `measure` (`photo_r1`: share of held-out photos that find their product first; `name_r1`: the same for product
        names, if no product has enough photos), `value` (0..1) and `queries`, how many there were. None: there are no
        photos or queries, or the generation's text encoder is missing or has changed.

    Raises:
        CorruptGeneration, InvalidModel: a file is not what it must be.
        FingerprintMismatch: the generation belongs to other features.
    """
    count = len(context.snapshot.image_sha256)
    if not count:
        return None
    space = Projection.load(folder.path(PROJECTION_FILE))
    rows = spread(count, _MEASURED_ROWS)
    photos = [context.snapshot.image_sha256[row] for row in rows]
    keys = context.snapshot.product_keys[rows]
    points = np.concatenate([space.apply(context.features.read(block)) for block in _blocks(photos)])
    figures = photo_retrieval(points, keys, held_out(keys, photos))
    if "photo_r1" in figures:
        return {"measure": "photo_r1", "value": figures["photo_r1"], "queries": int(figures["photo_queries"])}
    return _measure_names(context, folder, points, keys) if folder.has(HEAD_FILE) else None


def _measure_names(
    context: TrainingContext, folder: GenerationFolder, points: Floats, keys: NDArray[np.int64]
) -> dict[str, Any] | None:
    names: dict[str, list[int]] = {}
    placed = set(keys.tolist())
    for facts in context.catalogue.iter_facts():
        if facts.product_key in placed and (name := name_of(facts.product)):
            names.setdefault(name, []).append(facts.product_key)
    asked = sorted(names)[:: max(1, -(-len(names) // _MEASURED_NAMES))]
    if not asked:
        return None
    head = TextHead.load(folder.path(HEAD_FILE))
    try:
        encoder = encoder_of_head(head, context.settings.home, context.settings.cores)
    except InvalidModel:
        return None  # a live generation whose encoder is gone must not keep the next one from being published
    if encoder.digest != head.encoder_digest:
        return None
    wanted = [np.array(names[name]) for name in asked]
    figures = name_retrieval(EncoderTextTower(encoder, head).embed(asked), wanted, points, keys)
    return {"measure": "name_r1", "value": figures["name_r1"], "queries": int(figures["name_queries"])}


def _blocks(photos: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(photos), _BLOCK_ROWS):
        yield photos[start : start + _BLOCK_ROWS]
