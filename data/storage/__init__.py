"""Writes files so that they are complete or absent, even after a crash; locks between processes; open-file limits."""

from data.storage.descriptors import descriptor_limit, raise_descriptor_limit
from data.storage.durable import fsync_path, make_folder, sha256_file, sweep_abandoned, write_bytes, write_text
from data.storage.locks import exclusive, holder, waiting
from data.storage.small_files import parse_json, read_small
from data.storage.space import is_full

__all__ = [
    "descriptor_limit",
    "exclusive",
    "fsync_path",
    "holder",
    "is_full",
    "make_folder",
    "parse_json",
    "raise_descriptor_limit",
    "read_small",
    "sha256_file",
    "sweep_abandoned",
    "waiting",
    "write_bytes",
    "write_text",
]
