"""Photos as vectors, for programs that compute with them."""

from collections.abc import Iterable

import numpy as np

from data.errors import InvalidImage, LookalikeError
from data.photos import PhotoInput, photo_bytes, photo_list
from data.settings import Settings
from engine.backbones import embed_photos
from engine.errors import InvalidQuery
from engine.generation import Generation
from engine.protocols import Floats

SPACES = ("product", "pool3")


def photo_vectors(generation: Generation, photos: Iterable[PhotoInput], space: str, settings: Settings) -> Floats:
    """Returns one vector a photo, in order; only a few batches of photos are decoded at a time.

    Args:
        generation: whose backbone and product space are used.
        photos: in any form that `photo_bytes` reads; files are opened when their turn comes.
        space: `product`: points of the product space, where a search with the photo would start; `pool3`: features.

    Returns:
        float32 (n, d): `product`: L2 norm 1; `pool3`: (n, backbone's dim), unnormalised.

    Raises:
        InvalidQuery: `space` is neither.
        InvalidImage: a photo cannot be used, the message says which; or `photos` is one photo instead of several.
    """
    if space not in SPACES:
        raise InvalidQuery(f"space must be one of {', '.join(SPACES)}; got {space!r}.")
    given = photo_list(photos)
    rows = np.empty((len(given), generation.spec.dim), np.float32)

    def keep(keys: list[str], found: Floats) -> None:
        rows[[int(key) for key in keys]] = found

    def refuse(key: str, error: LookalikeError) -> None:
        raise error.numbered(int(key) + 1) if isinstance(error, InvalidImage) else error

    def read(key: str) -> bytes:
        return photo_bytes(given[int(key)], settings)

    embed_photos(generation.backbone(), [str(place) for place in range(len(given))], read, settings, keep, refuse)
    return rows if space == "pool3" else generation.photo_points(rows)
