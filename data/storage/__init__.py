"""Writes files so that they are complete or absent, even after a crash; holds locks between processes."""

from data.storage.durable import fsync_path, make_folder, sha256_file, sweep_abandoned, write_bytes, write_text
from data.storage.locks import exclusive, holder, waiting

__all__ = [
    "exclusive",
    "fsync_path",
    "holder",
    "make_folder",
    "sha256_file",
    "sweep_abandoned",
    "waiting",
    "write_bytes",
    "write_text",
]
