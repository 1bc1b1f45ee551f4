"""Exact search with FAISS on a GPU: the GPU proposes rows; the CPU filters, scores and orders them.

Only one thread at a time may use FAISS's GPU resources, and its GPU indexes silently ignore row selectors. So one owner
thread does all GPU work, joining queries that wait at the same moment, and a filter is applied to the rows that the GPU
proposes. Where those rows cannot be shown to hold the right answer, the query is answered in main memory instead.
"""

import logging
import queue
import threading
import weakref
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.index.checks import Asked, CheckedIndex, Rows, without
from engine.index.flat import FlatIndex, best_hits
from engine.protocols import Floats, Hits

_MOST_PROPOSALS = 2048  # the largest k that FAISS's GPU kernels take
_QUERIES_AT_ONCE = 256
_ROUNDING = 1e-4  # GPU and CPU add in different orders; scores of unit vectors differ by less than this
_SMOKE_ROWS, _SMOKE_DIM, _SMOKE_K = 512, 16, 10
_log = logging.getLogger("lookalike.index")


class GpuUnavailable(Exception):
    """No GPU can be used; the message says why."""


@dataclass(frozen=True)
class _Job:
    queries: Floats
    k: int
    answer: "Future[tuple[Floats, NDArray[np.int64]]]" = field(default_factory=Future)


class GpuIndex(CheckedIndex):
    """Exact search with the rows on a GPU and a copy in main memory.

    Args:
        host: the rows in main memory.
        library: the `faiss` module, or a replacement in a test.

    Raises:
        GpuUnavailable: this FAISS has no GPU code, there is no GPU, or it gives wrong answers.

    Attributes:
        reason: why searches are answered in main memory: the last error of the GPU; "": it had none.
    """

    kind = "faiss flat gpu"
    is_exact = True

    def __init__(self, host: FlatIndex, *, library: Any = None) -> None:
        if library is None:
            import faiss as library
        if not hasattr(library, "StandardGpuResources"):
            raise GpuUnavailable("the installed FAISS has no GPU code")
        if not library.get_num_gpus():
            raise GpuUnavailable("FAISS sees no GPU")
        _smoke_test(library)
        self._host, self.measured, self.reason = host, host.measured, ""
        self._owner = _Owner(library, host.native)

    @property
    def count(self) -> int:
        return self._host.count

    @property
    def dim(self) -> int:
        return self._host.dim

    @property
    def memory_bytes(self) -> int:
        return self._host.memory_bytes

    def vectors(self, rows: NDArray[np.int64]) -> Floats:
        """Returns the stored rows, float32 (m, dim)."""
        return self._host.vectors(rows)

    def found(self, asked: Asked) -> list[Hits]:
        proposals = min(self.count, int(1.5 * asked.k * self.count / asked.limit) + 32)
        if not len(asked.queries) or proposals > _MOST_PROPOSALS:
            return self._host.found(asked)
        try:
            scores, rows = self._owner.search(asked.queries, proposals)
        except Exception as error:  # FAISS has no error of its own for a GPU that fails; the rows are here too
            self._tell(error)
            return self._host.found(asked)
        found = []
        for query, own_scores, own_rows in zip(asked.queries, scores, rows, strict=True):
            hits = self._settle(query, own_scores, own_rows, asked)
            found.append(hits or self._host.found(replace(asked, queries=query[None]))[0])
        return found

    def _tell(self, error: Exception) -> None:
        if not self.reason:
            _log.error("the GPU failed, and searches go on in main memory: %s", error)
        self.reason = f"cpu because the GPU failed: {error}"

    def _settle(self, query: Floats, scores: Floats, rows: Rows, asked: Asked) -> Hits | None:
        real = rows[rows >= 0]
        kept = without(real, asked.dead) if asked.allowed is None else real[asked.allowed[real]]
        if len(kept) < asked.k:
            return None
        hits = best_hits(kept, self._host.scores(query, kept), asked.k)
        complete = len(real) == self.count
        return hits if complete or hits.scores[-1] > scores[len(real) - 1] + _ROUNDING else None

    def save(self, folder: Path) -> None:
        self._host.save(folder)


class _Owner:
    """The one thread that touches the GPU."""

    def __init__(self, library: Any, native: Any) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        ready: Future[None] = Future()
        thread = threading.Thread(
            target=_serve, args=(library, native, self._jobs, ready), name="gpu-index", daemon=True
        )
        thread.start()
        ready.result()
        weakref.finalize(self, self._jobs.put, None)

    def search(self, queries: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        job = _Job(queries, k)
        self._jobs.put(job)
        return job.answer.result()


def _serve(library: Any, native: Any, jobs: "queue.SimpleQueue[_Job | None]", ready: "Future[None]") -> None:
    try:
        index = library.index_cpu_to_gpu(library.StandardGpuResources(), 0, native)
    except Exception as error:
        ready.set_exception(GpuUnavailable(f"the rows do not fit on the GPU: {error}"))
        return
    ready.set_result(None)
    stopped = False
    while not stopped:
        first = jobs.get()
        if first is None:
            return
        batch, stopped = _drain(jobs, first)
        _answer(index, batch)


def _drain(jobs: "queue.SimpleQueue[_Job | None]", first: _Job) -> tuple[list[_Job], bool]:
    batch, count = [first], len(first.queries)
    while count < _QUERIES_AT_ONCE:
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return batch, False
        if job is None:
            return batch, True
        batch.append(job)
        count += len(job.queries)
    return batch, False


def _answer(index: Any, batch: list[_Job]) -> None:
    try:
        scores, rows = index.search(np.concatenate([job.queries for job in batch]), max(job.k for job in batch))
    except Exception as error:
        for job in batch:
            job.answer.set_exception(error)
        return
    start = 0
    for job in batch:
        stop = start + len(job.queries)
        job.answer.set_result((scores[start:stop, : job.k], rows[start:stop, : job.k]))
        start = stop


def _smoke_test(library: Any) -> None:
    """Compares a small GPU search with the exact scores that numpy computes."""
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((_SMOKE_ROWS, _SMOKE_DIM)).astype(np.float32)
    host = FlatIndex.of(rows)
    try:
        scores, found = _Owner(library, host.native).search(rows[:4], _SMOKE_K)
    except GpuUnavailable:
        raise
    except Exception as error:
        raise GpuUnavailable(f"its smoke test failed: {error}") from error
    expected = -np.sort(-(rows[:4] @ rows.T), axis=1)[:, :_SMOKE_K]
    if found.min() < 0 or not np.allclose(scores, expected, atol=1e-3):
        raise GpuUnavailable("its smoke test gave wrong scores")
