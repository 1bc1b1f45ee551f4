"""The record of one release: which files it has, by sha256. It is checked like a stranger's file when it is read."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data.generations import is_file_name, is_generation_id
from data.storage import parse_json

FORMAT_VERSION = 1
MOST_BYTES = 8_000_000  # of the record itself
_MOST_FILES = 20_000
_SHA256 = re.compile("[0-9a-f]{64}")
# Where in a home files of a release may lie; nothing in it may set how the searcher itself runs.
_PLACES = re.compile(r"catalog\.db|(generations/[0-9]{8}T[0-9]{9}Z|runtime|encoders|backbones|features)/.+")


@dataclass(frozen=True)
class File:
    """The content of one file."""

    sha256: str
    size_bytes: int


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
        if not isinstance(fields, dict) or fields.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"format_version must be {FORMAT_VERSION}; a newer version may have written it")
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
    sha256, size_bytes = fields["sha256"], fields["size_bytes"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"{name} must have a sha256; got {sha256!r:.100}")
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool) or not 0 <= size_bytes < 2**63:
        raise ValueError(f"{name} must have a size; got {size_bytes!r:.100}")
    return File(sha256, size_bytes)
