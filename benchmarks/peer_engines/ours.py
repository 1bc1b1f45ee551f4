"""Lookalike's own index as the rebuild made it, without HTTP."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.generations import GenerationStore
from data.settings import load_settings
from engine.index import load_index
from engine.protocols import ANY, Aim, Floats
from peer_engines.work import K, Work


class Lookalike:
    """The rebuild has tuned it, for photos and for any query: its two efforts. The seconds are those of loading it."""

    efforts = (0, 1)
    filters = True

    def __init__(self, work: Work, folder: Path) -> None:
        store = GenerationStore(work.home)
        live = store.open(str(store.current_id()))
        live.verify()
        self._prices = work.prices
        self._index = load_index(live.folder, load_settings(home=work.home, device="cpu"))
        self.version = self._index.kind

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        allowed = None if below is None else self._prices < below
        return self._index.search(query[None], K, allowed, aim=ANY if effort else Aim("photo"))[0].rows

    def close(self) -> None:
        pass
