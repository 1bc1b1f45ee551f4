"""What every engine is given, and what it must be able to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.columns import ColumnStore
from data.generations import GenerationStore
from data.settings import load_settings
from engine.generation import load_generation
from engine.protocols import Floats
from engine.space import normalise

K = 10
SHARES = (1.0, 0.5, 0.05, 0.005)  # of the rows that a filter lets through
QUERIES = 200
NOISE = 0.5  # the length of what is added to a row, which has length 1
_QUERIES_AT_ONCE = 64


@dataclass(frozen=True)
class Work:
    """The same rows, facts and queries for all.

    Attributes:
        home: where Lookalike has an index of these rows.
        rows: float32 (n, d), L2 norm 1.
        prices: float64 (n,), the price of each row's product.
        queries: float32 (q, d), L2 norm 1; none of them is a row.
    """

    home: Path
    rows: Floats
    prices: NDArray[np.float64]
    queries: Floats

    def below(self, share: float) -> float | None:
        """Returns the price below which `share` of the rows lie; None: no filter."""
        return None if share == 1 else float(np.quantile(self.prices, share))

    def truth(self, share: float) -> NDArray[np.int64]:
        """Returns the K nearest rows of each query among those that pass, by plain multiplication, int64 (q, K)."""
        below = self.below(share)
        passing = np.arange(len(self.rows)) if below is None else np.flatnonzero(self.prices < below)
        candidates, found = self.rows[passing], []
        for start in range(0, len(self.queries), _QUERIES_AT_ONCE):
            scores = self.queries[start : start + _QUERIES_AT_ONCE] @ candidates.T
            found.append(passing[np.argpartition(-scores, K, axis=1)[:, :K]])
        return np.concatenate(found)

    def save(self, folder: Path) -> None:
        (folder / "home.txt").write_text(str(self.home.resolve()), encoding="utf-8")
        for name in ("rows", "prices", "queries"):
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "Work":
        home = Path((folder / "home.txt").read_text(encoding="utf-8"))
        return cls(home, *(np.load(folder / f"{name}.npy") for name in ("rows", "prices", "queries")))


def work_of(home: Path) -> tuple[Work, list[str]]:
    """Returns the work that a home's live generation holds, and the product_id of QUERIES products drawn at random."""
    store, catalogue = GenerationStore(home), Catalogue(home)
    current = store.current_id()
    if current is None:
        raise SystemExit(f"{home} must hold a published generation; it has none. Run benchmarks/scale.py first.")
    generation = load_generation(load_settings(home=home), store.open(current))
    keys = generation.rows.product_keys
    rows = generation.index.vectors(np.arange(len(keys)))
    prices = ColumnStore(catalogue).columns(["price"]).numbers_of("price", keys)
    drawn = np.random.default_rng(0).choice(len(rows), QUERIES, replace=False)
    asked = catalogue.facts(keys[drawn].tolist()).values()
    return Work(home, rows, prices, noisy(rows[drawn])), [facts.product.product_id for facts in asked]


def noisy(rows: Floats) -> Floats:
    """Returns rows with noise of length NOISE added, float32 (q, d), L2 norm 1."""
    noise = np.random.default_rng(1).standard_normal(rows.shape).astype(np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    return normalise(rows + noise)


class Engine(Protocol):
    """One engine with the rows in it.

    Attributes:
        version: of the library or the server.
        efforts: settings of a search, from quick to thorough.
        filters: whether it can search among the rows that pass a filter.
    """

    @property
    def version(self) -> str: ...
    @property
    def efforts(self) -> tuple[int, ...]: ...
    @property
    def filters(self) -> bool: ...

    def search(self, query: Floats, below: float | None, effort: int) -> NDArray[np.int64]:
        """Returns the numbers of the K nearest rows; of those with a lower price than `below`, if it is given."""
        ...

    def close(self) -> None: ...
