"""The record of one release: which files it has, by sha256. It is checked like a stranger's file when it is read."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from data.generations import is_file_name, is_generation_id
from data.storage import parse_json, sha256_file

FORMAT_VERSION = 2
MOST_BYTES = 8_000_000  # of the record itself
PIECE_BYTES = 1 << 20
_READ_VERSIONS = (1, 2)  # 1: all files are stored whole
_MOST_FILES = 20_000  # and of the pieces of each
_SHA256 = re.compile("[0-9a-f]{64}")
# Where in a home files of a release may lie; nothing in it may set how the searcher itself runs.
_PLACES = re.compile(r"catalog\.db|(generations/[0-9]{8}T[0-9]{9}Z|runtime|encoders|backbones|features)/.+")


@dataclass(frozen=True)
class File:
    """The content of one file, or of a piece of one.

    Attributes:
        pieces: of which it is put together, in this order; they are stored in its place, so that those which do not
            change from one release to the next are neither stored nor fetched again. (): it is stored whole.
    """

    sha256: str
    size_bytes: int
    pieces: tuple["File", ...] = ()

    @property
    def stored(self) -> tuple["File", ...]:
        """What the storage has of it: its pieces, or itself."""
        return self.pieces or (self,)

    @classmethod
    def of(cls, path: Path, *, in_pieces: bool = False) -> "File":
        """Reads a file, whose size must be at least one byte where it is to be in pieces of `PIECE_BYTES`."""
        if not in_pieces:
            return cls(sha256_file(path), path.stat().st_size)
        whole, pieces = hashlib.sha256(), []
        with path.open("rb") as source:
            while content := source.read(PIECE_BYTES):
                whole.update(content)
                pieces.append(cls(hashlib.sha256(content).hexdigest(), len(content)))
        return cls(whole.hexdigest(), sum(piece.size_bytes for piece in pieces), tuple(pieces))


@dataclass(frozen=True, kw_only=True)
class Release:
    """One state of a home: a generation, and the catalogue as it was at one moment.

    Attributes:
        id: sorts by time, and is written like a generation's id.
        generation: id of the generation that was live.
        seq: the catalogue's counter at that moment.
        files: path in a home -> its content.
    """

    id: str
    generation: str
    seq: int
    files: Mapping[str, File]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files.values())

    def to_json(self) -> bytes:
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Release":
        """Reads a record.

        Raises:
            ValueError: it is none, or names files where a release must have none; the message says why.
        """
        fields = parse_json(content)
        if not isinstance(fields, dict) or fields.get("format_version") not in _READ_VERSIONS:
            raise ValueError(f"format_version must be one of {_READ_VERSIONS}; a newer version may have written it")
        try:
            files = {str(name): _file(name, file) for name, file in fields["files"].items()}
            found = cls(id=fields["id"], generation=fields["generation"], seq=fields["seq"], files=files)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it must have an id, a generation, a seq and files; got {error!r:.200}") from error
        for name in (found.id, found.generation):
            if not isinstance(name, str) or not is_generation_id(name):
                raise ValueError(f"its ids must be written like a generation's; got {name!r:.100}")
        if not isinstance(found.seq, int) or isinstance(found.seq, bool) or found.seq < 0:
            raise ValueError(f"seq must be a whole number; got {found.seq!r:.100}")
        if len(files) > _MOST_FILES or not {"catalog.db", f"generations/{found.generation}/manifest.json"} <= set(
            files
        ):
            raise ValueError(f"it must name a catalogue, a manifest and at most {_MOST_FILES:,} files")
        return found


def _file(name: str, fields: Mapping[str, Any]) -> File:
    if not is_file_name(name) or not _PLACES.fullmatch(name):
        raise ValueError(f"its files must lie where a release has files; got {name!r:.200}")
    found = _content(name, fields)
    pieces = tuple(_content(f"a piece of {name}", piece) for piece in fields.get("pieces", ()))
    if not pieces:
        return found
    if len(pieces) > _MOST_FILES or any(not 0 < piece.size_bytes <= PIECE_BYTES for piece in pieces):
        raise ValueError(f"{name} must have at most {_MOST_FILES:,} pieces of 1 to {PIECE_BYTES:,} bytes")
    if sum(piece.size_bytes for piece in pieces) != found.size_bytes:
        raise ValueError(f"the pieces of {name} must have {found.size_bytes:,} bytes together")
    return replace(found, pieces=pieces)


def _content(name: str, fields: Mapping[str, Any]) -> File:
    sha256, size_bytes = fields["sha256"], fields["size_bytes"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"{name} must have a sha256; got {sha256!r:.100}")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or not 0 <= size_bytes < 2**63:
        raise ValueError(f"{name} must have a size; got {size_bytes!r:.100}")
    return File(sha256, size_bytes)
