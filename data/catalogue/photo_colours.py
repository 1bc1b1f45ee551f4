"""Which colours a product has, by what is stored of its photos."""

import json
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache


@lru_cache(4096)  # few colours, in few orders
def stored_colours(text: str) -> tuple[str, ...]:
    """Returns the names of a photo's colours; none where a disk has damaged them, so that they can be written anew."""
    try:
        found = json.loads(text)
    except ValueError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def product_colours(photos: Sequence[str]) -> tuple[str, ...]:
    """Returns the colours that at least half of a product's photos show, or as many photos as show any colour.

    What only few of the photos show is mostly their background. docs/photos.md has the figures.

    Args:
        photos: the stored colours of each photo, in the product's order.

    Returns:
        Each name once, in the order of the photos.
    """
    return _most_shown(tuple(photos))


@lru_cache(4096)  # a search asks for each of its hits
def _most_shown(photos: tuple[str, ...]) -> tuple[str, ...]:
    counts = Counter(name for text in photos for name in stored_colours(text))
    enough = min(len(photos) / 2, max(counts.values(), default=0))
    return tuple(name for name, count in counts.items() if count >= enough)
