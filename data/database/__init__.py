"""The SQLite file catalog.db: its connections, transactions, numbered migrations, and the form of stored times."""

from data.database.connections import Connections, json_list
from data.database.integrity import find_problems, mend_indexes
from data.database.moments import moment_text
from data.database.opening import FILE_NAME, forget_home
from data.database.own_tables import require_own_tables
from data.database.presence import require_home

__all__ = [
    "FILE_NAME",
    "Connections",
    "find_problems",
    "forget_home",
    "json_list",
    "mend_indexes",
    "moment_text",
    "require_home",
    "require_own_tables",
]
