"""Keeps a catalogue in order: merges its indexes, compares and adds checksums, and makes damaged rows anew."""

from collections.abc import Sequence

from data.catalogue.checksums import (
    Unsound,
    check_rows,
    damage_readable,
    sign_indexes,
    sign_photos,
    sign_products,
    unsigned,
)
from data.catalogue.reads import live_keys_after, read_facts
from data.catalogue.writes import index_again, index_texts
from data.completion import changed_queries, forget_all, write_queries
from data.database import Connections
from data.lexical import FULL_TEXT, is_outdated, mark_current, merge_some

_WRITTEN_AT_ONCE = 2_000  # others who write wait for this many


class Upkeep:
    """What the nightly job and `doctor` do with a catalogue. All methods raise DatabaseError if SQLite fails.

    Args:
        connections: to the catalogue.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def tidy_index(self) -> None:
        """Merges the parts of the lexical index, a little at a time; for the nightly job."""
        for table in FULL_TEXT:
            begin = more = True
            while more:
                with self._connections.writing() as connection:
                    more = merge_some(connection, table, begin=begin)
                begin = False

    def count_queries(self) -> None:
        """Lets what shoppers searched often be completed, and forgets what the log no longer holds; for the night."""
        with self._connections.reading() as connection:
            changes = changed_queries(connection)
        for start in range(0, len(changes), _WRITTEN_AT_ONCE):
            with self._connections.writing() as connection:
                write_queries(connection, changes[start : start + _WRITTEN_AT_ONCE])

    def unsound(self) -> Unsound:
        """Compares every product and photo with the checksum that was written with it."""
        with self._connections.reading() as connection, damage_readable(connection):
            return check_rows(connection)

    def index_again(self, product_keys: Sequence[int]) -> None:
        """Makes the rows that filters read anew for these products, from their facts and photos."""
        with self._connections.writing() as connection:
            index_again(connection, product_keys)

    def add_checksums(self) -> int:
        """Gives products and photos that an older version wrote their checksums; returns how many that were."""
        added = 0
        while True:
            with self._connections.writing() as connection:
                keys, photos = unsigned(connection, _WRITTEN_AT_ONCE)
                sign_products(connection, keys)
                sign_photos(connection, photos)
            if not keys and not photos:
                return added
            added += len(keys) + len(photos)

    def refresh_lexical_index(self) -> None:
        """Writes the lexical index and the completions again if an older version made them, a batch at a time."""
        with self._connections.reading() as connection:
            if not is_outdated(connection):
                return
        after = 0
        while True:
            with self._connections.writing() as connection:
                if not after:
                    forget_all(connection)
                found = read_facts(connection, live_keys_after(connection, after, 500))
                index_texts(connection, {key: facts.product for key, facts in found.items()})
                sign_indexes(connection, found)
                if not found:
                    mark_current(connection)
                    return
            after = max(found)
