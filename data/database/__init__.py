"""catalog.db: connections, transactions, numbered migrations, and how times are stored."""

from data.database.connections import FILE_NAME, Connections, json_list
from data.database.moments import moment_text

__all__ = ["FILE_NAME", "Connections", "json_list", "moment_text"]
