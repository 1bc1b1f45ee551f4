"""Looks up what products hold: names typed whole, words in their texts, and facts that pass a filter."""

from collections.abc import Collection, Sequence
from pathlib import Path

from data.database import Connections, json_list
from data.filters import Filter
from data.lexical import phrase_of
from data.vocabulary.values import Vocabulary, read_vocabulary

_ENTRIES_READ = 500  # of the index, for one question


class Wording:
    """Answers short questions about the words of the catalogue in `home`. Safe to use from several threads.

    All methods raise DatabaseError if SQLite fails.
    """

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)

    def seq(self) -> int:
        """Returns the catalogue's counter of changes."""
        seq: int = self._connections.query("SELECT seq FROM counter")[0][0]
        return seq

    def vocabulary(self) -> Vocabulary:
        """Returns the values of all facts; takes a while for many products."""
        with self._connections.reading() as connection:
            return read_vocabulary(connection)

    def names(self, keys: Collection[str]) -> set[str]:
        """Returns those of the keys (see `data.lexical.key_of`) that are a product's whole title, id or code."""
        rows = self._connections.query(
            "SELECT DISTINCT key FROM lexical_keys WHERE key IN (SELECT value FROM json_each(?))", (json_list(keys),)
        )
        return {key for (key,) in rows}

    def holding(self, phrases: Sequence[str], most: int, *, titles: bool = False) -> list[int]:
        """Returns keys of products whose texts hold all the phrases, `most` at most; none for no phrase.

        Args:
            titles: whether their titles alone must hold them.
        """
        match = " AND ".join(filter(None, map(phrase_of, phrases)))
        if not match:
            return []
        rows = self._connections.query(
            "SELECT rowid FROM lexical_words WHERE lexical_words MATCH ? LIMIT ?",
            (f"{{title}} : ({match})" if titles else match, most),
        )
        return [key for (key,) in rows]

    def brand_means_more(self, brand: str, phrase: str) -> bool:
        """Tells whether products of other brands hold the phrase in their title, category or description too."""
        match = f"{{title category description}} : ({phrase_of(phrase)})"
        rows = self._connections.query(
            "SELECT 1 FROM (SELECT rowid FROM lexical_words WHERE lexical_words MATCH ? LIMIT ?) AS found "
            "JOIN filter_facts f ON f.product_key = found.rowid WHERE coalesce(f.brand, '') <> ? LIMIT 1",
            (match, _ENTRIES_READ, brand),
        )
        return bool(rows)

    def passing(self, filter_: Filter, product_keys: Sequence[int]) -> list[int]:
        """Returns those of the products that pass the filter."""
        where, parameters = filter_.sql()
        rows = self._connections.query(
            f"SELECT f.product_key FROM filter_facts AS f WHERE f.product_key IN (SELECT value FROM json_each(?)) AND {where}",  # noqa: S608, E501 - see sql()
            (json_list(product_keys), *parameters),
        )
        return [key for (key,) in rows]

    def any_passes(self, filter_: Filter) -> bool:
        """Tells whether any product passes the filter; quick if many do."""
        where, parameters = filter_.sql()
        return bool(self._connections.query(f"SELECT 1 FROM filter_facts AS f WHERE {where} LIMIT 1", parameters))  # noqa: S608
