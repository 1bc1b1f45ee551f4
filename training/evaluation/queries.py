"""Queries whose right products are known: read from files, or gathered from the shop's own data."""

import csv
import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Product, ProductFacts
from data.errors import InvalidFeed
from data.events import Events
from data.settings import Settings
from training.behaviour import Behaviour
from training.context import TrainingContext
from training.embedder import SOURCES, collect_pairs
from training.errors import NotEnoughData
from training.measures import held_out
from training.texts import tidy

MOST_QUERIES = 20_000
_MOST_OF_A_SOURCE = 500
_FACTS = ("category", "brand", "colour")
_NAMES = ("query_text", "query_photo", "product_id", "language", "source")


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query, and the products that answer it.

    Attributes:
        text: the words; "" for a photo.
        photo: the photo's sha256; "" for words.
        file: file of the photo; None: it is in the catalogue.
        source: the group in which the query is reported.
        learned: whether the live generation may have learned from the query; its figures are then too good.
        gains: product key -> how right the product is, above 0; never empty.
    """

    text: str = ""
    photo: str = ""
    file: Path | None = None
    source: str
    learned: bool
    gains: Mapping[int, float]

    @property
    def name(self) -> str:
        return self.text or (self.file.name if self.file else f"photo {self.photo[:12]}")


@dataclass
class Asked:
    """The queries of one evaluation, and how many were left out for each reason."""

    queries: list[Query] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)


def read_queries(paths: Iterable[Path], facts: Iterable[ProductFacts], settings: Settings) -> Asked:
    """Returns the queries of CSV files with `query_text` or `query_photo`, and columns that name the right products.

    The right product is the row's `product_id`, or else every product that has all facts named in the other columns:
    `category`, `brand`, `colour`, `attr.NAME` or the bare name of an attribute. Rows of the same query are merged.
    Photos are paths relative to the file. `source` (or `language`) names the group in which a query is reported.

    Raises:
        InvalidFeed: a file cannot be read, or lacks these columns.
        NotEnoughData: no row can be used.
    """
    known = list(facts)
    by_id = {fact.product.product_id: fact.product_key for fact in known}
    attributes = {name for fact in known for name in fact.product.attributes}
    asked = Asked()
    joined: dict[tuple[str, str, str], dict[int, float]] = {}
    for path in paths:
        for row in _rows(path):
            wanted = _right(row, known, by_id, attributes)
            text, name = tidy(row.get("query_text", "")), row.get("query_photo", "").strip()
            if not text and not name:
                asked.excluded["neither query_text nor query_photo"] += 1
            elif not wanted:
                asked.excluded["no findable product answers it"] += 1
            else:
                group = row.get("source", "").strip() or row.get("language", "").strip()
                source = " ".join(part for part in ("text" if text else "photo", group) if part)
                joined.setdefault((text, "" if text else str(path.parent / name), source), {}).update(wanted)
    for (text, name, source), gains in joined.items():
        if len(asked.queries) == MOST_QUERIES:
            asked.excluded[f"beyond the first {MOST_QUERIES:,}"] += 1
        elif text:
            asked.queries.append(Query(text=text, source=source, learned=False, gains=gains))
        elif digest := _digest(Path(name), settings):
            query = Query(photo=digest, file=Path(name), source=source, learned=False, gains=gains)
            asked.queries.append(query)
        else:
            asked.excluded["its photo cannot be read"] += 1
    if not asked.queries:
        raise NotEnoughData(f"--queries must hold queries that products answer; got none: {dict(asked.excluded)}.")
    return asked


def own_queries(context: TrainingContext, built: datetime) -> tuple[Asked, NDArray[np.bool_]]:
    """Returns the shop's own queries: held-out photos, and words.

    The photos are held out from every training. The words are those that shoppers used since the live generation was
    built, and those it was trained on, at most 500 per source, drawn by a hash of the query.

    Args:
        context: its snapshot holds the photos that can be found.
        built: when the live generation was built.

    Returns:
        The queries, and which photos of the snapshot are held out, bool (m,).
    """
    keys, photos = context.snapshot.product_keys, context.snapshot.image_sha256
    held = held_out(keys, photos)
    asked = Asked()
    for row in np.flatnonzero(held).tolist():
        gains = {int(keys[row]): 1.0}
        asked.queries.append(Query(photo=photos[row], source="held-out photo", learned=False, gains=gains))
    numbers = {
        fact.product.product_id: fact.product_key for fact in context.catalogue.facts(np.unique(keys).tolist()).values()
    }
    later = _later(Events(context.settings.home), built, numbers)
    asked.queries += _some("later click", False, later)
    for source, words in _learned(context).items():
        asked.queries += _some(source, True, words)
    if not asked.queries:
        raise NotEnoughData("retrieval needs products with 3 photos, or texts, or events; got none. Give --queries.")
    return asked, held


def _later(events: Events, built: datetime, numbers: Mapping[str, int]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for pair in Behaviour.from_events(events.iterate(since=built)).pairs():
        if pair.product_id in numbers:
            found.setdefault(pair.query, {})[numbers[pair.product_id]] = pair.weight
    return found


def _learned(context: TrainingContext) -> dict[str, dict[str, dict[int, float]]]:
    pairs = collect_pairs(context, [source for source in SOURCES if source != "photo"])
    found: dict[str, dict[str, dict[int, float]]] = {}
    columns = (pairs.queries.tolist(), pairs.products.tolist(), pairs.weights.tolist(), pairs.sources.tolist())
    for query, product, weight, source in zip(*columns, strict=True):
        found.setdefault(SOURCES[source], {}).setdefault(pairs.texts[query], {})[product] = weight
    return found


def _some(source: str, learned: bool, gains: Mapping[str, dict[int, float]]) -> Iterator[Query]:
    for text in sorted(sorted(gains, key=_draw)[:_MOST_OF_A_SOURCE]):
        yield Query(text=text, source=source, learned=learned, gains=gains[text])


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", restkey="")
            names = set(reader.fieldnames or ())
            if not names & {"query_text", "query_photo"} or not names - {"query_text", "query_photo"}:
                raise InvalidFeed(
                    f"{path} must have a column query_text or query_photo, and product_id or facts such as category; "
                    f"got {', '.join(sorted(names)) or 'no header'}."
                )
            for row in reader:
                yield {name: value or "" for name, value in row.items() if name}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidFeed(f"{path} must be a CSV file in UTF-8; got {error}.") from error


def _right(
    row: Mapping[str, str], facts: Sequence[ProductFacts], by_id: Mapping[str, int], attributes: Collection[str]
) -> dict[int, float]:
    if wanted := row.get("product_id", "").strip():
        return {by_id[wanted]: 1.0} if wanted in by_id else {}
    asked = {
        name.removeprefix("attr."): value.strip().casefold()
        for name, value in row.items()
        if value.strip() and name not in _NAMES
        if name in _FACTS or name in attributes or name.startswith("attr.")
    }
    if not asked:
        return {}
    return {
        fact.product_key: 1.0
        for fact in facts
        if all(_fact(fact.product, name) == value for name, value in asked.items())
    }


def _fact(product: Product, name: str) -> str:
    value = getattr(product, name) if name in _FACTS else product.attributes.get(name, "")
    return str(value).casefold()


def _digest(path: Path, settings: Settings) -> str:
    try:
        if path.stat().st_size > settings.max_image_bytes:
            return ""
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return ""


def _draw(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def built_at(generation: str) -> datetime:
    """Returns when a generation was built, read from its id."""
    return datetime.strptime(generation[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
