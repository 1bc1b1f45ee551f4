"""The indexing step: projects the photos that the live generation has not projected, and writes the index."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import LookalikeError
from data.generations import StagedGeneration
from data.progress import track
from engine.generation import ROWS_FILE, RowTable, write_generation_files
from engine.index import load_index
from engine.protocols import Floats
from engine.space import PROJECTION_FILE, Projection, space_digest
from indexer.rebuild.job import Job

_BLOCK_ROWS = 16_384
Places = NDArray[np.int64]


def build_index(job: Job, staged: StagedGeneration) -> tuple[Floats, dict[str, Any]]:
    """Writes the index and the row table of every usable photo.

    Where the space is the live generation's, its points are taken over, and only photos that are new are projected.

    Returns:
        the points, float32 (n, d), in row order, and what was measured of the index.
    """
    space = Projection.load(staged.folder / PROJECTION_FILE)
    photos = np.array(job.snapshot.image_sha256, "S64")
    vectors = np.empty((len(photos), space.space_dim), dtype=np.float32)
    new = _take_over(job, space, photos, vectors)
    for start in track(range(0, len(new), _BLOCK_ROWS), "project", unit="blocks"):
        rows = new[start : start + _BLOCK_ROWS]
        vectors[rows] = space.apply(job.features.read([job.snapshot.image_sha256[row] for row in rows.tolist()]))
    index = write_generation_files(
        staged.folder,
        space,
        vectors,
        job.snapshot.product_keys,
        job.snapshot.image_keys,
        job.snapshot.image_sha256,
        job.settings,
        job.catalogue,
        None if job.full else job.live,
    )
    job.journal.counts |= {"indexed": len(vectors), "projected": len(new)}
    return vectors, {"kind": index.kind, **index.measured}


def _take_over(job: Job, space: Projection, photos: NDArray[np.bytes_], vectors: Floats) -> Places:
    """Fills in the points that the live generation has of the same photos; returns the other rows, int64 (m,)."""
    everything = np.arange(len(photos))
    if job.live is None or job.full or not len(photos):
        return everything
    try:
        if space_digest(Projection.load(job.live.path(PROJECTION_FILE))) != space_digest(space):
            return everything
        table = RowTable.load(job.live.path(ROWS_FILE))
        job.live.verify()
        index = load_index(job.live.folder, job.settings.replace(device="cpu"))
    except LookalikeError:  # what cannot be read is made anew
        return everything
    if not len(table.image_keys) or index.dim != space.space_dim:
        return everything
    order = np.argsort(table.image_keys)
    places = np.searchsorted(table.image_keys, job.snapshot.image_keys, sorter=order)
    old = order[np.minimum(places, len(order) - 1)]
    same = (table.image_keys[old] == job.snapshot.image_keys) & (table.image_sha256[old] == photos)
    for start in range(0, len(photos), _BLOCK_ROWS):
        rows = start + np.flatnonzero(same[start : start + _BLOCK_ROWS])
        vectors[rows] = index.vectors(old[rows])
    return np.flatnonzero(~same)
