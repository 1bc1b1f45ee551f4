"""The indexing step: projects the photos that the live generation has not projected, and writes the index."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import LookalikeError
from data.generations import GenerationFolder, StagedGeneration
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
    before = _before(job, space)
    new = _take_over(job, before, photos, vectors)
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
        before,
    )
    job.journal.counts |= {"indexed": len(vectors), "projected": len(new)}
    return vectors, {"kind": index.kind, **index.measured}


def _before(job: Job, space: Projection) -> GenerationFolder | None:
    """Returns the live generation, if its points are of this space and need not be made anew."""
    if job.live is None or job.full or job.live.manifest.fingerprint != job.spec.fingerprint:
        return None
    try:
        job.live.verify()
        same = space_digest(Projection.load(job.live.path(PROJECTION_FILE))) == space_digest(space)
    except LookalikeError:  # what cannot be read is made anew
        return None
    return job.live if same else None


def _take_over(job: Job, before: GenerationFolder | None, photos: NDArray[np.bytes_], vectors: Floats) -> Places:
    """Fills in the points that a generation of the same space has of the photos; returns the other rows, int64 (m,)."""
    everything = np.arange(len(photos))
    if before is None:
        return everything
    try:
        table = RowTable.load(before.path(ROWS_FILE))
        index = load_index(before.folder, job.settings.replace(device="cpu"))
    except LookalikeError:  # what cannot be read is made anew
        return everything
    if not len(table.image_keys) or (index.count, index.dim) != (len(table.image_keys), vectors.shape[1]):
        return everything
    order = np.argsort(table.image_keys)
    places = np.searchsorted(table.image_keys, job.snapshot.image_keys, sorter=order)
    old = order[np.minimum(places, len(order) - 1)]
    same = (table.image_keys[old] == job.snapshot.image_keys) & (table.image_sha256[old] == photos)
    for start in range(0, len(photos), _BLOCK_ROWS):
        rows = start + np.flatnonzero(same[start : start + _BLOCK_ROWS])
        vectors[rows] = index.vectors(old[rows])
    return np.flatnonzero(~same)
