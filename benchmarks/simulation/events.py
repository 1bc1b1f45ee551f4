"""Holds simulated events in columns, and writes them as rows like those of a shop's log."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.events import Event, parse_events
from data.storage import fsync_path, make_folder

ACTIONS = ("click", "add_to_cart", "purchase")


@dataclass(frozen=True)
class Truth:
    """The chance of a click on each candidate of each query, once a shopper looks at it; no shop knows it.

    Attributes:
        starts: int64 (q + 1,); the candidates starts[i]:starts[i + 1] are those of query i.
        products: int32 (c,), places in `product_ids`.
        relevance: float32 (c,), the chance, 0..1.
        kinds: (q,), how each query asks: category, colour, attribute, brand.
    """

    starts: NDArray[np.int64]
    products: NDArray[np.int32]
    relevance: NDArray[np.float32]
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SimulatedEvents:
    """Searches and the actions that followed, both in order of time.

    Attributes:
        name: prefix of the query ids, so that simulated rows can be recognised anywhere.
        queries: (q,), texts.
        product_ids: (n,).
        search_query: int32 (s,), places in `queries`.
        search_at: float64 (s,), seconds since 1970.
        shown: int32 (s, page), places in `product_ids`, -1 where a page has no more.
        action_search: int64 (a,), which search each belongs to.
        action_position: int16 (a,), position of the product on the page, from 0.
        action_kind: int8 (a,), places in ACTIONS.
        action_at: float64 (a,), seconds since 1970.
        truth: the true relevance.
    """

    name: str
    queries: tuple[str, ...]
    product_ids: tuple[str, ...]
    search_query: NDArray[np.int32]
    search_at: NDArray[np.float64]
    shown: NDArray[np.int32]
    action_search: NDArray[np.int64]
    action_position: NDArray[np.int16]
    action_kind: NDArray[np.int8]
    action_at: NDArray[np.float64]
    truth: Truth

    def __len__(self) -> int:
        return len(self.search_query) + len(self.action_search)

    def before(self, moment: float) -> "SimulatedEvents":
        """Returns the events before a time, in seconds since 1970."""
        searches = int(np.searchsorted(self.search_at, moment))
        kept = (self.action_at < moment) & (self.action_search < searches)
        return replace(
            self, search_query=self.search_query[:searches], search_at=self.search_at[:searches],
            shown=self.shown[:searches], action_search=self.action_search[kept],
            action_position=self.action_position[kept], action_kind=self.action_kind[kept],
            action_at=self.action_at[kept],
        )  # fmt: skip

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields the rows of a log, as `import-events` takes them: all searches, then all actions."""
        for number, query in enumerate(self.search_query.tolist()):
            shown = [self.product_ids[product] for product in self.shown[number].tolist() if product >= 0]
            yield {
                "kind": "search", "at": _moment(self.search_at[number]), "query_id": f"{self.name}-{number}",
                "query_text": self.queries[query], "shown": shown,
            }  # fmt: skip
        products = self.shown[self.action_search, self.action_position].tolist()
        columns = zip(
            self.action_search.tolist(), self.action_position.tolist(), self.action_kind.tolist(),
            self.action_at.tolist(), products, strict=True,
        )  # fmt: skip
        for search, position, kind, at, product in columns:
            yield {
                "kind": ACTIONS[kind], "at": _moment(at), "query_id": f"{self.name}-{search}",
                "query_text": self.queries[int(self.search_query[search])], "product_id": self.product_ids[product],
                "position": position,
            }  # fmt: skip

    def events(self) -> Iterator[Event]:
        """Yields the rows as events."""
        for row in self.rows():
            yield from parse_events(row)


def write_jsonl(events: SimulatedEvents, path: Path) -> None:
    """Writes the rows as JSON Lines, for `import-events`; the file appears whole or not at all."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in events.rows())
    fsync_path(part)
    part.replace(path)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="milliseconds")
