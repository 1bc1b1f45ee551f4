"""Remembers what was computed of recent texts."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np

from engine.protocols import Floats

_KEPT = 1024  # texts
_FEW = 8  # texts, more than one search asks for


class RecentRows:
    """One row of numbers for each of the last 1,024 texts. Safe to use from several threads.

    Shoppers ask for the same words again: with a filter, in another order, or because many look for the same thing.
    What another thread computes at this moment is waited for.

    The texts of a search are computed one by one, so that its answer does not depend on what else was asked for at
    that moment: in a matrix product the last bits of a row change with the number of rows. Many texts are computed
    together, which takes a fifth of the time.

    Args:
        compute: returns the rows of some texts, float32 (n, d).
    """

    def __init__(self, compute: Callable[[list[str]], Floats]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, Floats] = OrderedDict()
        self._running: dict[str, Future[dict[str, Floats]]] = {}

    def of(self, texts: Sequence[str]) -> Floats:
        """Returns the rows of one text or more, float32 (n, d); only what is not remembered is computed."""
        own = Future[dict[str, Floats]]()
        with self._lock:
            known = {text: self._rows[text] for text in texts if text in self._rows}
            running = {text: self._running[text] for text in texts if text not in known and text in self._running}
            missing = [text for text in dict.fromkeys(texts) if text not in known and text not in running]
            self._running.update(dict.fromkeys(missing, own))
        if missing:
            known.update(self._computed(missing, own))
        known.update((text, other.result()[text]) for text, other in running.items())
        self._remember({text: known[text] for text in texts[:_KEPT]})
        return np.stack([known[text] for text in texts])

    def _computed(self, texts: list[str], own: "Future[dict[str, Floats]]") -> dict[str, Floats]:
        """Returns the rows of texts, and gives them, or the error, to those who wait for them."""
        try:
            parts = [[text] for text in texts] if len(texts) <= _FEW else [texts]
            rows = dict(zip(texts, np.concatenate([self._compute(part) for part in parts]), strict=True))
            own.set_result(rows)
        except BaseException as error:
            own.set_exception(error)
            raise
        finally:
            with self._lock:
                for text in texts:
                    del self._running[text]
        return rows

    def _remember(self, rows: dict[str, Floats]) -> None:
        with self._lock:
            for text, row in rows.items():
                if text not in self._rows:
                    self._rows[text] = row.copy()  # else one row keeps all in memory that were computed with it
                self._rows.move_to_end(text)
            while len(self._rows) > _KEPT:
                self._rows.popitem(last=False)
