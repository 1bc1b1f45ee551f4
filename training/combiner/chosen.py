"""What shoppers chose after searches with a photo and words: questions that the combiner learns from beside facts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.space import Projection
from training.context import TrainingContext

MOST_CHOSEN = 20_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """Searches with a photo and words, and the products that shoppers chose after them, in columns.

    Attributes:
        points: float32 (n, d), where the photos lie in the product space.
        texts: the words of each search.
        photos: int64 (n,), the number of the photo: searches with one photo are never learned from and measured on
            at once.
        targets: int64 (t,) each, places of the products that were chosen.
    """

    points: NDArray[np.float32]
    texts: tuple[str, ...]
    photos: Numbers
    targets: tuple[Numbers, ...]

    def __len__(self) -> int:
        return len(self.texts)


def find_chosen(context: TrainingContext, space: Projection, product_ids: Sequence[str]) -> Chosen:
    """Returns the searches whose photo's features are kept, at most 20,000, those with the most choices first.

    Args:
        product_ids: the products that may be chosen; `targets` are places among them.
    """
    logged = context.behaviour.composed
    places = {product_id: place for place, product_id in enumerate(product_ids)}
    targets: dict[int, list[int]] = {}
    worth: dict[int, float] = {}
    for query, product, weight in zip(logged.query.tolist(), logged.product.tolist(), logged.weight, strict=True):
        place = places.get(logged.product_ids[product])
        if weight > 0 and place is not None:
            targets.setdefault(query, []).append(place)
            worth[query] = worth.get(query, 0.0) + float(weight)
    searches = {query: logged.queries[query].split(" ", 1) for query in targets}
    missing = set(context.features.missing(sorted({photo for photo, _ in searches.values()})))
    kept = sorted((query for query, (photo, _) in searches.items() if photo not in missing), key=lambda q: -worth[q])
    kept = kept[:MOST_CHOSEN]
    names = [searches[query][0] for query in kept]
    return Chosen(
        points=space.apply(context.features.read(names)) if kept else np.zeros((0, space.space_dim), np.float32),
        texts=tuple(searches[query][1] for query in kept),
        photos=np.unique(np.array(names, "S64"), return_inverse=True)[1].astype(np.int64),
        targets=tuple(np.array(targets[query], np.int64) for query in kept),
    )
