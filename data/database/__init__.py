"""The SQLite file catalog.db: its connections, transactions, numbered migrations, and the form of stored times."""

from data.database.connections import FILE_NAME, Connections, json_list
from data.database.moments import moment_text

__all__ = ["FILE_NAME", "Connections", "json_list", "moment_text"]
