"""Pieces of a file that lies on this machine, so that a newer copy of it needs only those that changed."""

import hashlib
from itertools import accumulate
from pathlib import Path

from data.releases.release import File


class HeldPieces:
    """The pieces of one file, as far as they still are what its record says; a database writes into its own file.

    Args:
        file: its record.
        path: where it lies.
    """

    def __init__(self, file: File, path: Path) -> None:
        ends = accumulate(piece.size_bytes for piece in file.pieces)
        self._offsets = {piece: end - piece.size_bytes for piece, end in zip(file.pieces, ends, strict=True)}
        self._path = path

    def read(self, piece: File) -> bytes | None:
        """Returns the content of a piece; None: it is not here."""
        if piece not in self._offsets:
            return None
        try:
            content = read_at(self._path, self._offsets[piece], piece.size_bytes)
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == piece.sha256 else None


def read_at(path: Path, offset: int, size_bytes: int) -> bytes:
    """Returns so many bytes of a file from an offset on, or fewer at its end."""
    with path.open("rb") as source:
        source.seek(offset)
        return source.read(size_bytes)
