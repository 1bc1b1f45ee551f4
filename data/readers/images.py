"""Resolves the image references of a feed: tells URLs from paths, and keeps paths inside the allowed folders."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from data.errors import InvalidImage


def is_url(reference: str) -> bool:
    """Returns whether a reference is an http(s) URL."""
    return reference[:8].lower().startswith(("http://", "https://"))


def resolve_image(reference: str, roots: Sequence[Path]) -> Path:
    """Returns the first existing file under `roots` that a path in a feed can mean.

    `gs://bucket/a/b.jpg` means `a/b.jpg`, `bucket/a/b.jpg` or `b.jpg` there, in a local copy of the bucket.
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
    if not reference.lower().startswith("gs://"):
        return [reference]
    bucket, _, inside = reference[5:].partition("/")
    return [inside.lstrip("/"), f"{bucket}/{inside}", inside.rpartition("/")[2]] if inside else []
