"""Runs the gates on a staged generation, through the same loader and the same ranking that the server uses."""

from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import Catalogue
from data.errors import InvalidImage
from data.generations import GenerationFolder
from data.settings import Settings
from engine.answers import SearchRequest, photo_input, query_point, rank_products
from engine.generation import Generation, load_generation
from engine.live import LiveView
from engine.protocols import Backbone, Floats
from engine.space import normalise
from indexer.rebuild import canaries, gates
from indexer.rebuild.canaries import Canary
from indexer.rebuild.gates import GateResult


def verify(
    settings: Settings,
    catalogue: Catalogue,
    folder: GenerationFolder,
    vectors: Floats,
    backbone: Backbone | None,
) -> list[GateResult]:
    """Runs the gates that need the staged files; most only where the files load at all.

    Args:
        folder: the staged generation, with the manifest it is to be published with.
        vectors: float32 (n, d), the points that were put into the index, in row order.
        backbone: replaces the one that the manifest names.
    """
    loaded: list[Generation] = []

    def answer() -> int:
        loaded.append(load_generation(settings, folder, backbone))
        return len(_StagedSearch(settings, catalogue, loaded[0]).nearest(np.asarray(vectors[0]), 1))

    results = [gates.check_norms(vectors), gates.check_answers(answer)]
    if results[-1].passed:
        staged = loaded[0]
        results += [
            gates.check_counts(staged.index.count, len(vectors)),
            gates.check_self_recall(staged.index, vectors),
            gates.check_recall(staged.index, vectors),
            canaries.check_canaries(
                settings.home / canaries.FILE_NAME, _StagedSearch(settings, catalogue, staged).find
            ),
        ]
    return results


class _StagedSearch:
    """Searches one generation that is not live, without any later change of the catalogue."""

    def __init__(self, settings: Settings, catalogue: Catalogue, generation: Generation) -> None:
        self._settings, self._catalogue, self._generation = settings, catalogue, generation
        width = generation.index.dim
        self._view = LiveView(
            generation=generation,
            seq=generation.seq,
            alive=np.ones(generation.index.count, np.bool_),
            product_keys=generation.rows.product_keys,
            delta=np.zeros((0, width), np.float32),
            delta_image_keys=np.zeros(0, np.int64),
            delta_sha256=np.zeros(0, "S64"),
            pending=0,
        )

    def find(self, canary: Canary) -> list[str]:
        """Returns the product_ids that a canary finds, best first, at most k."""
        own = np.zeros(0, np.int64)
        if canary.kind == "product_id":
            own = self._view.rows_of(self._catalogue.get(canary.query).product_key)
        keys = self.nearest(self._point(canary, own), canary.k, hidden=own)
        facts = self._catalogue.facts(keys)
        return [facts[key].product.product_id for key in keys if key in facts]

    def nearest(self, point: Floats, k: int, hidden: np.ndarray[Any, np.dtype[np.int64]] | None = None) -> list[int]:
        """Returns the keys of the k products nearest to `point` float32 (d,), without the `hidden` rows."""
        allowed = self._view.mask(None)
        if hidden is not None:
            allowed[hidden] = False
        ranked = rank_products(self._view, np.ascontiguousarray(point, dtype=np.float32), k, allowed)
        return [int(key) for key in ranked.product_keys]

    def _point(self, canary: Canary, own: np.ndarray[Any, np.dtype[np.int64]]) -> Floats:
        if canary.kind == "product_id":
            if not len(own):
                raise InvalidImage(f"product {canary.query!r} must have a usable photo; it has none.")
            return normalise(self._view.vectors(own).mean(axis=0))
        if canary.kind == "image":
            request = SearchRequest(image=_read(Path(canary.query)))
            pixels = photo_input(request, self._generation.spec.input_size, self._settings)
            point: Floats = self._generation.photo_points(self._generation.backbone().embed(pixels))[0]
            return point
        request = SearchRequest(text=canary.query)
        return query_point(request, self._generation, None, lambda _, run: run()).point


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidImage(f"a canary's image must be a readable file; got {error}.") from error
