"""`ColumnStore`: keeps the columns that are asked for in memory, and follows the catalogue's changes."""

import sqlite3
import threading
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from itertools import count

import numpy as np

from data.catalogue import Catalogue, ProductFacts, damage_readable
from data.columns.blocks import BLOCK, Blocks, Keys
from data.columns.columns import WORDLESS, Column, Columns, Mask, ValueColumn
from data.columns.facets import FacetCounts, Spellings, count_facet
from data.columns.matching import node_mask
from data.columns.reading import FACTS, read_changed, read_changes, read_column, read_live
from data.database import Connections
from data.filters import Comparison, Filter, fields_of, fold

COUNTED_FIELDS = ("brand", "category", "colour", "currency", "price", "in_stock")  # and attr.NAME
MOST_VALUES = 100_000  # different ones of a fact that gets a column
MOST_ATTRIBUTES = 32  # columns that are kept
_MOST_CHANGES = 0.1  # share of the products; if more changed, all columns are read anew
_MOST_SPELLINGS = 20_000
_ALWAYS = (*FACTS, WORDLESS)  # columns that stay once they were read


class ColumnStore:
    """Hands out columns of the newest state of a catalogue. Safe to use from several threads.

    A column is read when it is first asked for. A change of the catalogue is followed at the next question: what
    changed is read, and the blocks of products that it is in are copied. Of attributes, the 32 asked for last are kept.

    Example: store.passing(parse_filter("price < 20"))
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._connections = Connections(catalogue.home)
        self._lock = threading.Lock()
        self._held: Columns | None = None
        self._clock = count()
        self._used: dict[str, int] = {}  # attribute -> when it was last asked for

    def columns(self, names: Collection[str], seq: int | None = None) -> Columns:
        """Returns columns of these facts that hold every change acknowledged before this call.

        Args:
            names: of facts as filters name them, without `title` and `product_id`; or `WORDLESS`.
            seq: the catalogue's newest state, if the caller has just asked for it.
        """
        for name in names:
            if name not in _ALWAYS:
                self._used[name] = next(self._clock)
        held, newest = self._held, self._catalogue.seq() if seq is None else seq
        if held is not None and held.seq == newest and held.fields.keys() >= set(names):
            return held
        with self._lock:
            return self._read(names)

    def passing(self, filter: Filter) -> Mask:
        """Returns which live products pass a filter, bool (size,) by product_key; compare with `within`."""
        names = [name for name in dict.fromkeys(fields_of(filter.tree)) if name not in ("title", "product_id")]
        attributes = [name for name in names if name not in FACTS]
        # A filter may name 200 attributes, each with a column that is new: those are left to SQL.
        columns = self.columns([name for name in names if name not in attributes[MOST_ATTRIBUTES:]])
        mask, alive = node_mask(filter.tree, columns, self._by_sql), columns.alive.parts
        for block, part in enumerate(alive):
            mask[block * BLOCK : block * BLOCK + len(part)] &= part
        return mask

    def facets(self, columns: Columns, names: Iterable[str], matched: Mask) -> dict[str, FacetCounts]:
        """Returns how many of the products have each value, for each name.

        Args:
            columns: from `columns`; none of these facts has too many values.
            matched: bool, by product_key, the products that are counted.
        """
        products = np.flatnonzero(matched[: columns.size])
        return {name: count_facet(columns, name, products, partial(self._spelled, columns)) for name in names}

    def _by_sql(self, comparison: Comparison) -> Keys:
        return self._catalogue.matching_keys(Filter("", comparison))

    def _read(self, names: Collection[str]) -> Columns:
        """Brings what is held up to date and adds columns; the caller holds the lock."""
        with self._connections.reading() as connection, damage_readable(connection):
            seq: int = connection.execute("SELECT seq FROM counter").fetchone()[0]
            held = self._held
            if held is not None and held.seq < seq:
                held = _followed(connection, held, seq)
            if held is None or held.seq > seq:  # the first question, or the catalogue was restored from a backup
                held = Columns(seq, _alive(read_live(connection)), {})
            missing = [name for name in names if name not in held.fields]
            found = {name: read_column(connection, name, held.size, MOST_VALUES) for name in missing}
        answer = Columns(seq, held.alive, {**held.fields, **found}, held.spellings)
        self._held = Columns(seq, held.alive, self._kept(answer.fields), held.spellings)
        return answer

    def _kept(self, fields: Mapping[str, Column | None]) -> dict[str, Column | None]:
        """Returns the columns that stay: not those of attributes that no product has, or that were not used lately."""
        attributes = [name for name, column in fields.items() if name not in _ALWAYS and not _is_empty(column)]
        attributes.sort(key=lambda name: self._used.get(name, -1), reverse=True)
        kept = {*_ALWAYS, *attributes[:MOST_ATTRIBUTES]}
        self._used = {name: when for name, when in self._used.copy().items() if name in kept}
        return {name: column for name, column in fields.items() if name in kept}

    def _spelled(self, columns: Columns, name: str, keys: Iterable[int]) -> Spellings:
        """Returns how the products of these keys write their values of a fact."""
        keys = list(keys)
        unknown = [key for key in keys if (name, key) not in columns.spellings]
        if unknown:
            if len(columns.spellings) > _MOST_SPELLINGS:
                columns.spellings.clear()
            found = self._catalogue.facts(unknown)
            columns.spellings.update({(name, key): _texts(facts, name) for key, facts in found.items()})
        return {key: columns.spellings.get((name, key), {}) for key in keys}


def _followed(connection: sqlite3.Connection, held: Columns, seq: int) -> Columns | None:
    """Returns columns of the state `seq`; None if so much has changed that they are better read anew."""
    keys = read_changed(connection, held.seq)
    if len(keys) > max(1_000, _MOST_CHANGES * held.size):
        return None
    size = max(held.size, int(keys.max(initial=0)) + 1)
    live = read_live(connection, keys.tolist())
    alive = held.alive.changed(keys, live, np.ones(len(live), np.bool_), size)
    fields = {
        name: column if column is None else read_changes(connection, name, column, keys, size)
        for name, column in held.fields.items()
    }
    changed = set(keys.tolist())
    spellings = {at: texts for at, texts in held.spellings.copy().items() if at[1] not in changed}
    return Columns(seq, alive, {name: column for name, column in fields.items() if not _is_full(column)}, spellings)


def _alive(keys: Keys) -> Blocks:
    return Blocks.of(keys, np.ones(len(keys), np.bool_), int(keys.max(initial=0)) + 1, False)


def _is_empty(column: Column | None) -> bool:
    return isinstance(column, ValueColumn) and column.is_empty


def _is_full(column: Column | None) -> bool:
    """Tells whether a column holds too many values; perhaps no product has most of them any more."""
    return isinstance(column, ValueColumn) and len(column.dictionary) > MOST_VALUES


def _texts(facts: ProductFacts, name: str) -> dict[str, str]:
    """Returns a product's texts for a fact, by their form for comparison."""
    product = facts.product
    if name == "colour":
        texts = (product.colour, *facts.colours)
    elif name in FACTS:
        texts = (str(getattr(product, name)),)
    else:
        texts = (str(product.attributes.get(name.removeprefix("attr."), "")),)
    return {fold(text): text for text in reversed(texts)}
