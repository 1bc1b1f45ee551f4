"""Runs the gates on a staged generation, with the same loader and the same ranking as the server."""

from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.errors import InvalidImage
from data.generations import GenerationFolder
from data.settings import Settings
from engine.answers import Finder, SearchRequest, check_request
from engine.generation import Generation, load_generation
from engine.index import MilvusIndex
from engine.live import LiveView
from engine.protocols import Backbone, Floats
from indexer.rebuild import canaries, gates
from indexer.rebuild.canaries import Canary
from indexer.rebuild.gates import GateResult
from indexer.rebuild.milvus_gates import check_collection


def verify(
    settings: Settings,
    catalogue: Catalogue,
    folder: GenerationFolder,
    vectors: Floats,
    backbone: Backbone | None,
) -> list[GateResult]:
    """Returns the results of the gates that need the staged files; most run only if the files can be loaded.

    Args:
        folder: the staged generation, with the manifest that it will be published with.
        vectors: float32 (n, d), the points that were put into the index, in row order.
        backbone: replaces the one that the manifest names.
    """
    loaded: list[Generation] = []

    def answer() -> int:
        loaded.append(load_generation(settings, folder, backbone))
        view = LiveView.of(loaded[0])
        query = np.zeros(vectors.shape[1], np.float32) if not len(vectors) else np.asarray(vectors[0], np.float32)
        return len(view.search(np.ascontiguousarray(query), 1, view.allowed()).rows)

    results = [gates.check_norms(vectors), gates.check_answers(answer, len(vectors))]
    if results[-1].passed:
        staged = loaded[0]
        exact = staged.index.is_exact
        search = _StagedSearch(settings, catalogue, LiveView.of(staged))
        results += [
            gates.check_counts(staged.index.count, len(vectors)),
            gates.check_self_recall(staged.index, vectors, least=1.0 if exact else settings.index_recall),
            gates.check_recall(staged.index, vectors, least=gates.MIN_RECALL if exact else settings.index_recall),
            canaries.check_canaries(settings.home / canaries.FILE_NAME, search.find),
        ]
        if isinstance(staged.index, MilvusIndex):
            results += check_collection(staged.index, staged.rows.product_keys, vectors, catalogue, staged.seq)
    return results


class _StagedSearch:
    """Answers canaries from a staged generation, as the server would if it were live."""

    def __init__(self, settings: Settings, catalogue: Catalogue, view: LiveView) -> None:
        self._catalogue, self._view = catalogue, view
        self._finder = Finder(settings, catalogue)

    def find(self, canary: Canary) -> list[str]:
        """Returns the product_ids that a canary finds, best first, at most k."""
        request = _request(canary)
        check_request(request)
        ranking = self._finder.rank(self._view, request, self._finder.ask(self._view, request))
        keys = ranking.product_keys[: canary.k].tolist()
        facts = self._catalogue.facts(keys)
        return [facts[key].product.product_id for key in keys if key in facts]


def _request(canary: Canary) -> SearchRequest:
    """Returns the request that a shopper would send for a canary; other fields have the server's defaults."""
    if canary.kind == "product_id":
        return SearchRequest(product_id=canary.query, k=canary.k)
    if canary.kind == "image":
        return SearchRequest(image=_read(Path(canary.query)), k=canary.k)
    return SearchRequest(text=canary.query, k=canary.k)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidImage(f"a canary's image must be a readable file; got {error}.") from error
