"""Looks up what products hold: names typed whole, and words in their texts."""

from collections.abc import Collection, Sequence

from data.database import Connections, json_list
from data.lexical import phrase_of
from data.vocabulary.values import Vocabulary, read_vocabulary

TEXTS, NAMES, TITLES = "", "{title brand category facts}", "{title}"  # columns of the index
_ENTRIES_READ = 500  # of the index, for one question


class Wording:
    """Answers short questions about the words of a catalogue. Safe to use from several threads.

    All methods raise DatabaseError if SQLite fails.

    Args:
        connections: to the catalogue.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

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

    def holding(
        self, phrases: Sequence[str], most: int, *, within: str = TEXTS, without: Sequence[str] = ()
    ) -> list[int]:
        """Returns keys of products whose texts hold all the phrases, `most` at most; none for no phrase.

        Args:
            within: which of their texts must hold them: `TEXTS`, `NAMES` (all but descriptions) or `TITLES`.
            without: phrases that none of these texts may hold.
        """
        match = " AND ".join(filter(None, map(phrase_of, phrases)))
        if not match:
            return []
        if without:
            match = f"({match}) NOT ({' OR '.join(map(phrase_of, without))})"
        rows = self._connections.query(
            "SELECT rowid FROM lexical_words WHERE lexical_words MATCH ? LIMIT ?",
            (f"{within} : ({match})" if within else match, most),
        )
        return [key for (key,) in rows]

    def naming_any(self, phrases: Sequence[str]) -> bool:
        """Tells whether a product is named by any of the phrases."""
        match = " OR ".join(filter(None, map(phrase_of, phrases)))
        return bool(match) and bool(
            self._connections.query(
                "SELECT 1 FROM lexical_words WHERE lexical_words MATCH ? LIMIT 1", (f"{NAMES} : ({match})",)
            )
        )

    def saying(self, kinds: Sequence[str], things: Sequence[str], most: int) -> dict[int, str]:
        """Returns key -> product_id of products that are named by a thing and whose texts say of which kind it is.

        An apple is found by "green" and "apple" if its description says `green apple`; `most` products at most.
        """
        match = " OR ".join(
            f"({NAMES} : {phrase_of(thing)} AND ({' OR '.join(phrase_of(f'{kind} {thing}') for kind in kinds)}))"
            for thing in things
            if phrase_of(thing)
        )
        if not match:
            return {}
        return dict(
            self._connections.query(
                "SELECT rowid, product_id FROM (SELECT rowid FROM lexical_words WHERE lexical_words MATCH ? LIMIT ?) "
                "AS found JOIN filter_facts f ON f.product_key = found.rowid",
                (match, most),
            )
        )

    def brand_means_more(self, brand: str) -> bool:
        """Tells whether products of other brands hold its name in their title, category or description too."""
        match = f"{{title category description}} : ({phrase_of(brand)})"
        rows = self._connections.query(
            "SELECT 1 FROM (SELECT rowid FROM lexical_words WHERE lexical_words MATCH ? LIMIT ?) AS found "
            "JOIN filter_facts f ON f.product_key = found.rowid WHERE coalesce(f.brand, '') <> ? LIMIT 1",
            (match, _ENTRIES_READ, brand),
        )
        return bool(rows)
