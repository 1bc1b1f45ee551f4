"""Durable files and the SQLite database underneath everything else: migrations, locks, moments."""

from data.storage.database import FILE_NAME, Connections, json_list
from data.storage.durable import fsync_path, make_folder, sha256_file, sweep_abandoned, write_bytes, write_text
from data.storage.locks import exclusive, holder, waiting
from data.storage.moments import moment_text

__all__ = [
    "FILE_NAME",
    "Connections",
    "exclusive",
    "fsync_path",
    "holder",
    "json_list",
    "make_folder",
    "moment_text",
    "sha256_file",
    "sweep_abandoned",
    "waiting",
    "write_bytes",
    "write_text",
]
