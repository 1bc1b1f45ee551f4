"""Refuses a catalog.db from elsewhere that has other tables than this version makes, or views, or triggers."""

import sqlite3
from contextlib import closing
from pathlib import Path

from data.database.connections import Connections
from data.database.migrations import migrate
from data.database.sqlite_utils_alone import Database
from data.errors import DatabaseError

_LISTED = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"


def require_own_tables(home: Path) -> None:
    """Checks what `home/catalog.db` declares; this process has opened it, so that it is migrated.

    Raises:
        DatabaseError: it declares something else than this version does.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(Database(connection))
        own = set(connection.execute(_LISTED))
    if others := sorted(name for kind, name, sql in set(map(tuple, Connections(home).query(_LISTED))) ^ own):
        raise DatabaseError(
            f"{home / 'catalog.db'} must have the tables of this version; {others[0]} differs. Install the version "
            "that the writer runs."
        )
