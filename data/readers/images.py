"""Resolves the image references of a feed: tells URLs from paths, and keeps paths inside the allowed folders."""

import posixpath
import unicodedata
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from data.errors import InvalidFeed, InvalidImage
from data.readers.sources.archive import Archive


class PhotoFiles:
    """The photos that the rows of one feed may point to: files under its folders, and members of the zip it came in."""

    def __init__(self, roots: Sequence[Path], archive: Archive | None = None, folder: str = "") -> None:
        """Remembers where to look.

        Args:
            roots: folders, in the order in which they are tried, after the zip.
            folder: of the feed within the zip.
        """
        self._roots = [root.resolve() for root in roots]
        self._archive, self._folder = archive, folder

    def find(self, reference: str, limit_bytes: int) -> Path | bytes:
        """Returns the file that a path means, or the first `limit_bytes` of what it holds if it is in the zip.

        Raises:
            InvalidImage: as `resolve_image` says, or the member of the zip is damaged (code `missing_image`).
        """
        if self._archive and (name := self._member(reference)):
            try:
                return self._archive.read(name, limit_bytes)
            except InvalidFeed as error:
                raise InvalidImage(str(error), code="missing_image") from error
        return resolve_image(reference, self._roots)

    def __contains__(self, reference: object) -> bool:
        """Returns whether a path means a file that is there."""
        if not isinstance(reference, str):
            return False
        try:
            return bool(self._member(reference)) or resolve_image(reference, self._roots).is_file()
        except InvalidImage:
            return False

    def _member(self, reference: str) -> str:
        for folder, name in product((self._folder, ""), _names(reference) if self._archive else ()):
            plain = unicodedata.normalize("NFC", name.replace("\\", "/")).lstrip("/")
            path = posixpath.normpath(posixpath.join(folder, plain))
            if self._archive and path in self._archive:
                return path
        return ""


def is_url(reference: str) -> bool:
    """Returns whether a reference is an http(s) URL."""
    return reference[:8].lower().startswith(("http://", "https://"))


def resolve_image(reference: str, roots: Sequence[Path]) -> Path:
    """Returns the first existing file under `roots` that a path in a feed can mean.

    `gs://bucket/a/b.jpg` means `a/b.jpg`, `bucket/a/b.jpg` or `b.jpg` there, in a local copy of the bucket. If there is
    no file of the name as written, a backslash means a slash, and Hangul may be spelled as a Mac's disk does (NFD).
    Neither `..` nor a symbolic link leads out of a root; an absolute path must lie inside one.

    Args:
        roots: folders, already resolved.

    Raises:
        InvalidImage: there is no such file (code `missing_image`), or it is outside every root (`outside_root`).
    """
    outside = False
    for root, name in product(roots, _names(reference)):
        try:
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                outside = True
            elif path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):
            continue  # a name that the file system cannot hold: too long, a NUL, a loop of links
    if outside:
        raise InvalidImage(
            f"image path must stay inside the feed's folder or --images; got {reference[:200]!r}. Move the file there.",
            code="outside_root",
        )
    raise InvalidImage(
        f"image must be a file under the feed's folder or --images; got {reference[:200]!r}, which is not there.",
        code="missing_image",
    )


def _names(reference: str) -> list[str]:
    """Returns the paths that a reference can mean: as written, and as Windows or a Mac's disk would have it."""
    if not reference.lower().startswith("gs://"):
        plain = reference.replace("\\", "/")
        return list(dict.fromkeys([reference, plain, *(unicodedata.normalize(form, plain) for form in ("NFC", "NFD"))]))
    bucket, _, inside = reference[5:].partition("/")
    return [inside.lstrip("/"), f"{bucket}/{inside}", inside.rpartition("/")[2]] if inside else []
