"""Parquet files of features: workers write them, and the rebuild takes them into the feature store."""

import hashlib
import io
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.protocols import BackboneSpec
from indexer.errors import InvalidShard

FORMAT = "1"
MOST_PHOTOS = 2048
_LARGEST_BYTES = 64_000_000
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Shard:
    """What was made of some photos.

    Attributes:
        sha256s: the photos that were embedded.
        rows: float16 (len(sha256s), dim), their features.
        failed: code and message for each photo that cannot be used.
    """

    sha256s: list[str]
    rows: NDArray[np.float16]
    failed: Mapping[str, tuple[str, str]]


def name_of(sha256s: Sequence[str]) -> str:
    """Returns the name of the shard of these photos, the same at each try."""
    return hashlib.sha256("".join(sha256s).encode()).hexdigest()[:32] + ".parquet"


class Shards:
    """The shards of one fingerprint; each is there as a whole, or not at all.

    Args:
        address: an fsspec address, such as a folder or s3://bucket/folder.
        spec: the backbone that the features are of.
    """

    def __init__(self, address: str, spec: BackboneSpec) -> None:
        from fsspec.core import url_to_fs

        self._dim, self._fingerprint = spec.dim, spec.fingerprint
        self._files, root = url_to_fs(address)
        self._folder = f"{root.rstrip('/')}/{spec.fingerprint}"

    def names(self) -> list[str]:
        """Returns the names of all shards; removes what writers that died left."""
        self._files.makedirs(self._folder, exist_ok=True)
        self._files.invalidate_cache()
        paths = sorted(self._files.ls(self._folder, detail=False))
        for path in (path for path in paths if path.endswith(".part")):
            self._files.rm_file(path)
        return [path.rpartition("/")[2] for path in paths if path.endswith(".parquet")]

    def holds(self, name: str) -> bool:
        """Returns whether there is a shard of this name."""
        self._files.invalidate_cache()
        return bool(self._files.exists(self._path(name)))

    def remove(self, name: str) -> None:
        """Removes a shard."""
        self._files.rm_file(self._path(name))

    def write(self, name: str, shard: Shard) -> None:
        """Writes a shard under a passing name and moves it into place."""
        part = self._path(f"{name}.{uuid.uuid4().hex}.part")
        self._files.makedirs(self._folder, exist_ok=True)
        self._files.pipe_file(part, self._encoded(shard))
        self._files.mv(part, self._path(name))

    def read(self, name: str) -> Shard:
        """Returns a shard.

        Raises:
            InvalidShard: it is damaged, of another version or backbone, or no shard at all.
        """
        import pyarrow as pa

        try:
            if (size := self._files.size(self._path(name))) > _LARGEST_BYTES:
                raise ValueError(f"{size:,} bytes")
            return self._decoded(self._files.cat_file(self._path(name)))
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise InvalidShard(
                f"{self._path(name)} must be a shard of format {FORMAT} with features of {self._fingerprint[:12]}; got "
                f"{error}. It is removed, and its photos are embedded again."
            ) from error

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _encoded(self, shard: Shard) -> bytes:
        import pyarrow as pa
        from pyarrow import parquet

        empty = [None] * len(shard.failed)
        rows = [*(row.tobytes() for row in shard.rows), *empty]
        codes, messages = zip(*shard.failed.values(), strict=True) if shard.failed else ((), ())
        whole = [None] * len(shard.sha256s)
        table = pa.table(
            {
                "sha256": [*shard.sha256s, *shard.failed],
                "features": pa.array(rows, pa.binary(2 * self._dim)),
                "code": pa.array([*whole, *codes], pa.string()),
                "message": pa.array([*whole, *messages], pa.string()),
            }
        ).replace_schema_metadata({"format": FORMAT, "fingerprint": self._fingerprint})
        out = io.BytesIO()
        parquet.write_table(table, out, compression="none", use_dictionary=False)  # float16 hardly shrinks
        return out.getvalue()

    def _decoded(self, content: bytes) -> Shard:
        from pyarrow import parquet

        file = parquet.ParquetFile(io.BytesIO(content))
        said = file.schema_arrow.metadata or {}
        if said.get(b"format") != FORMAT.encode() or said.get(b"fingerprint") != self._fingerprint.encode():
            raise ValueError(f"format {said.get(b'format')!r}, fingerprint {said.get(b'fingerprint')!r}")
        if file.metadata.num_rows > MOST_PHOTOS:
            raise ValueError(f"{file.metadata.num_rows:,} photos")
        sha256s, features, codes, messages = (
            file.read().column(name).to_pylist() for name in ("sha256", "features", "code", "message")
        )
        if not all(isinstance(sha256, str) and _SHA256.fullmatch(sha256) for sha256 in sha256s):
            raise ValueError("keys that are no sha256")
        embedded = [row for row in features if row is not None]
        return Shard(
            [sha256 for sha256, row in zip(sha256s, features, strict=True) if row is not None],
            np.frombuffer(b"".join(embedded), "<f2").reshape(len(embedded), self._dim),
            {
                sha256: (str(code), str(message))
                for sha256, row, code, message in zip(sha256s, features, codes, messages, strict=True)
                if row is None
            },
        )
