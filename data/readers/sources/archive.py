"""Reads a zip that holds a feed and its photos: nothing is unpacked but what is asked for, and that within limits."""

import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from data.errors import InvalidFeed
from data.readers.skipping import skip_reason
from data.readers.sources.encodings import decode_name

_FEEDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".xml", ".parquet", ".xlsx", ".txt", ".gz")
_DIRECTORY_BYTES = 32_000_000  # of a zip's list of members: about 300,000 photos, and 300 MB of memory
_HEAD_BYTES = 10_000
_UNPACKED_BYTES = 200_000_000_000
_RATIO, _RATIO_FROM_BYTES = 200, 1_000_000_000
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, struct.error, zlib.error)
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")


class Archive:
    """The members of an open zip by name; safe to read from several threads.

    Names are told apart as on a disk: composed (NFC), with `/` between folders.

    Attributes:
        names: of all members that are files, except those that a computer adds by itself (`__MACOSX`, `Thumbs.db`).
        skipped: how many files were left out, by reason.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Opens the zip at `path`, which people call `name`.

        Raises:
            InvalidFeed: it cannot be read, is over a limit, or has a member that is encrypted, a link, or lies outside.
        """
        self.name = name
        self.skipped: dict[str, int] = {}
        with path.open("rb") as file:
            _check_directory(file, name)
        try:
            self._zip = zipfile.ZipFile(path)
        except _UNREADABLE as error:
            raise InvalidFeed(f"a zip must be whole; got {name} ({error}). Download or pack it again.") from error
        self._members = self._checked()

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size_bytes(self, name: str) -> int:
        """Returns how many bytes a member has when it is unpacked."""
        return self._members[name].file_size

    def close(self) -> None:
        self._zip.close()

    def open(self, name: str) -> IO[bytes]:
        """Opens a member; its bytes are checked as they are read.

        Raises:
            InvalidFeed: it cannot be unpacked.
        """
        try:
            return self._zip.open(self._members[name])
        except _UNREADABLE as error:
            raise InvalidFeed(f"a zip must be whole; got {name} in {self.name} ({error}). Pack it again.") from error

    def read(self, name: str, limit_bytes: int) -> bytes:
        """Returns a member's first `limit_bytes` bytes at most; raises as `open` does."""
        with self.open(name) as member:
            try:
                return member.read(limit_bytes)
            except _UNREADABLE as error:
                message = f"a zip must be whole; got {name} in {self.name} ({error}). Pack it again."
                raise InvalidFeed(message) from error

    def feed(self) -> str:
        """Returns the name of the one feed in the zip; empty if it holds none.

        The feed is the one file of a known suffix. A text file counts only if there is no other and it has columns.

        Raises:
            InvalidFeed: there are several.
        """
        found = [name for name in self._members if name.lower().endswith(_FEEDS)]
        texts = [name for name in found if name.lower().endswith(".txt")]
        found = [name for name in found if name not in texts] or [name for name in texts if self._has_columns(name)]
        if len(found) > 1:
            shown = ", ".join(found[:5])
            raise InvalidFeed(f"a zip must hold one feed; got {len(found)} in {self.name}: {shown}. Unpack it.")
        return found[0] if found else ""

    def _has_columns(self, name: str) -> bool:
        first, *_ = self.read(name, _HEAD_BYTES).splitlines() or [b""]
        return any(delimiter in first for delimiter in (b",", b"\t", b";", b"|"))

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            name = _member_name(info)
            if problem := _problem(info, name):
                raise InvalidFeed(f"a zip must hold plain files; got {name[:200]!r} in {self.name}, {problem}")
            if info.is_dir() or name.endswith("/"):
                continue
            if reason := skip_reason(PurePosixPath(name)):
                self.skipped[reason] = self.skipped.get(reason, 0) + 1
            else:
                members[name] = info
        unpacked = sum(info.file_size for info in members.values())
        packed = sum(info.compress_size for info in members.values())
        if unpacked > _UNPACKED_BYTES or unpacked > max(_RATIO_FROM_BYTES, _RATIO * packed):
            raise InvalidFeed(
                f"a zip must unpack to at most {_UNPACKED_BYTES:,} bytes and {_RATIO} times its size; got {unpacked:,} "
                f"bytes from {packed:,} in {self.name}. Unpack it yourself if you trust it."
            )
        return members


def _problem(info: zipfile.ZipInfo, name: str) -> str:
    """Returns what is wrong with a member, and what to do; empty if nothing is."""
    if info.flag_bits & _ENCRYPTED:
        return "which is encrypted. Pack it without a password."
    if stat.S_ISLNK(info.external_attr >> 16):
        return "which is a link. Pack the file itself."
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":" or "\0" in name:
        return "which leads out of it. Pack it with plain names."
    return ""


def _member_name(info: zipfile.ZipInfo) -> str:
    """Returns a member's name; zips of older programs do not say its encoding, which is UTF-8 or the computer's own."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME:
        name = decode_name(name.encode("cp437", "replace"))
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _check_directory(file: BinaryIO, name: str) -> None:
    """Raises InvalidFeed where the list of members, which is read as a whole, is too long."""
    end = file.seek(0, 2)
    file.seek(max(0, end - 66_000))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    size = 0
    if at >= 0 and len(tail) - at >= _END.size:
        size = _END.unpack_from(tail, at)[5]
        at64 = tail.rfind(b"PK\6\6", 0, at)
        if size == 0xFFFFFFFF and at64 >= 0 and at - at64 >= _END64.size:
            size = _END64.unpack_from(tail, at64)[8]
    if size > _DIRECTORY_BYTES:
        message = f"a zip must list its files in {_DIRECTORY_BYTES:,} bytes; got {size:,} in {name}. Unpack it."
        raise InvalidFeed(message)
