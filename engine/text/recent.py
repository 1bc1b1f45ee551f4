"""Remembers what was computed of recent texts."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from engine.protocols import Floats

_KEPT = 1024  # texts


class RecentRows:
    """One row of numbers for each of the last 1,024 texts. Safe to use from several threads.

    Shoppers ask for the same words again: with a filter, in another order, or because many look for the same thing.

    Args:
        compute: returns the rows of some texts, float32 (n, d); equal texts get equal rows.
    """

    def __init__(self, compute: Callable[[list[str]], Floats]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, Floats] = OrderedDict()

    def of(self, texts: Sequence[str]) -> Floats:
        """Returns the rows of one text or more, float32 (n, d); only what is not remembered is computed."""
        with self._lock:
            known = {text: self._rows[text] for text in texts if text in self._rows}
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        if missing:
            known.update(zip(missing, self._compute(missing), strict=True))
        self._remember({text: known[text] for text in texts[:_KEPT]})
        return np.stack([known[text] for text in texts])

    def _remember(self, rows: dict[str, Floats]) -> None:
        with self._lock:
            for text, row in rows.items():
                self._rows[text] = row
                self._rows.move_to_end(text)
            while len(self._rows) > _KEPT:
                self._rows.popitem(last=False)
