"""The files at one fsspec address: in a folder, or as objects in a bucket, such as those of s3:// and gs://.

Whoever reads a file finds it whole or not at all. Buckets store an object whole in any case. Elsewhere, a file is
written under a passing name in the folder `.parts`, and then moved.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from data.errors import ReleaseUnavailable, SettingsError

_BUCKETS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
_CHUNKED = {"s3", "s3a", "gs", "gcs"}  # keep chunks in memory while they upload: ten of 50 MB, unless told otherwise
_CHUNK_BYTES = _BLOCK_BYTES = 8 << 20
_PARTS = ".parts"


class StoredFiles:
    """The files at one address. Every method raises ReleaseUnavailable if the storage fails. Safe to use from threads.

    Args:
        setting: which setting names the address; errors name it.
        address: an fsspec address, such as a folder or s3://bucket/folder. A bucket must exist; a folder is made.

    Raises:
        SettingsError: fsspec does not know the scheme, or is missing, or what it needs for it is.
    """

    def __init__(self, setting: str, address: str) -> None:
        try:
            from fsspec.core import url_to_fs

            self._system, root = url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise SettingsError(
                f"{setting} must be a folder or another address that fsspec can read here; got {address!r}: {error}. "
                "Install the extra `searcher`, and what fsspec names."
            ) from error
        self._setting, self._address = setting, address
        self._root = root.rstrip("/")
        protocol = self._system.protocol
        self._kinds = {protocol} if isinstance(protocol, str) else set(protocol)
        self._in_bucket = not _BUCKETS.isdisjoint(self._kinds)

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """Returns the content of a small file, at most so many bytes of it; None: there is none."""
        try:
            with self._asked(name):
                content: bytes = self._system.cat_file(self._path(name), start=0, end=most_bytes)
        except _Missing:
            return None
        return content

    def read_all(self, names: Sequence[str], most_bytes: int) -> list[bytes]:
        """Returns the contents of several small files, none of them empty, at most so many bytes of each."""
        with self._asked(", ".join(names)):
            paths = [self._path(name) for name in names]
            contents: list[bytes] = self._system.cat_ranges(paths, 0, most_bytes, on_error="raise") if paths else []
        return contents

    def blocks(self, name: str, size_bytes: int) -> Iterator[bytes]:
        """Yields the content of a file in blocks; what it has beyond `size_bytes` is at most one byte of them."""
        for start in range(0, size_bytes, _BLOCK_BYTES):
            end = start + _BLOCK_BYTES
            with self._asked(name):
                until = end if end < size_bytes else size_bytes + 1
                block: bytes = self._system.cat_file(self._path(name), start=start, end=until)
            yield block

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file, or replaces it."""
        with self._whole(name) as path:
            self._system.pipe_file(path, content)

    def put(self, name: str, source: Path) -> None:
        """Copies a file of this machine here, or replaces what is here."""
        options = {} if _CHUNKED.isdisjoint(self._kinds) else {"chunksize": _CHUNK_BYTES}
        with self._whole(name) as path:
            self._system.put_file(str(source), path, **options)

    def sizes(self, folder: str) -> dict[str, int]:
        """Returns name -> bytes of all files in a folder and those below it; {} if there is none."""
        with self._asked(folder):
            found = self._system.find(self._path(folder), detail=True)
        return {
            path.removeprefix(f"{self._root}/"): info["size"] for path, info in found.items() if info["type"] == "file"
        }

    def remove(self, names: Collection[str]) -> None:
        """Removes files; those that are not there are passed over."""
        for name in names:
            with self._asked(name):
                if self._system.exists(path := self._path(name)):
                    self._system.rm_file(path)

    def sweep(self) -> None:
        """Removes what writers that were killed left; nothing else may write meanwhile."""
        if not self._in_bucket:
            self.remove(self.sizes(_PARTS))

    def differs(self, name: str, got: str) -> ReleaseUnavailable:
        """Returns the error to raise where a file is not what was stored."""
        return ReleaseUnavailable(
            f"{self._address} must hold {name} as it was released; got {got}. Look at the storage, or run "
            "`lookalike doctor --repair` where the catalogue is."
        )

    @contextmanager
    def _whole(self, name: str) -> Iterator[str]:
        """Yields the path to write to; afterwards the file is whole, or as it was before."""
        path = self._path(name)
        with self._asked(name):
            if self._in_bucket:  # there are no folders in it, and making one might make a bucket of a misspelt name
                yield path
                return
            part = self._path(f"{_PARTS}/{uuid.uuid4().hex}")
            for each in (part, path):
                self._system.makedirs(each.rpartition("/")[0], exist_ok=True)
            yield part
            self._system.mv(part, path)

    @contextmanager
    def _asked(self, name: str) -> Iterator[None]:
        try:
            self._system.invalidate_cache()  # what it remembers of folders may have changed since
            yield
        except FileNotFoundError as error:
            self._require_bucket()
            raise _Missing(str(self.differs(name, "nothing"))) from error
        except Exception as error:  # each of fsspec's file systems raises errors of its own
            raise ReleaseUnavailable(
                f"{self._setting} must name a storage that answers, and that this machine may use; got {error!r:.300} "
                f"for {name} at {self._address}. Check that it runs, the address, the credentials and their rights."
            ) from error

    def _require_bucket(self) -> None:
        bucket = self._root.partition("/")[0]
        if self._in_bucket and not self._system.exists(bucket):
            raise ReleaseUnavailable(
                f"{self._setting} must name a bucket that exists, and that the credentials may list; got "
                f"{self._address!r}. Make the bucket {bucket!r}, or correct its name or the credentials' rights."
            )

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


class _Missing(ReleaseUnavailable):
    """A file is not there, though the bucket is."""
