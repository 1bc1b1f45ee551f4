"""`TrainingContext`: the catalogue snapshot, features, events and live generation that every part trains with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from data.catalogue import Catalogue, ProductFacts, Snapshot
from data.events import Events
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.settings import Settings
from engine.protocols import BackboneSpec, Floats
from engine.space import Projection, spread
from training.behaviour import ShopBehaviour

MOST_PHOTOS = 100_000  # that a rebuild trains with; docs/performance.md has the time and memory that this takes
_BLOCK_ROWS = 8192
_BLOCK_PRODUCTS = 1000
_CHOSEN_SHARE = 0.5  # of the products drawn from a large catalogue, for those that shoppers chose


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """What a rebuild gives to every part that it trains.

    Attributes:
        snapshot: the photos to learn from; every one has a row in `features`.
        features: the pool_3 rows of `spec`.
        spec: the backbone that computed the features.
        live: the generation that is served now, if any.
        whole: whether the snapshot holds the whole catalogue; False: it is drawn from it, see `drawn`.
    """

    settings: Settings
    catalogue: Catalogue
    snapshot: Snapshot
    features: FeatureStore
    spec: BackboneSpec
    live: GenerationFolder | None
    whole: bool = True

    @cached_property
    def behaviour(self) -> ShopBehaviour:
        """What shoppers did up to now; the events are read once."""
        return ShopBehaviour.from_events(Events(self.settings.home).iterate())

    def facts(self) -> Iterator[ProductFacts]:
        """Yields the facts of the snapshot's products, in ascending order of key; few are in memory at once."""
        keys = np.unique(self.snapshot.product_keys).tolist()
        for at in range(0, len(keys), _BLOCK_PRODUCTS):
            yield from self.catalogue.facts(keys[at : at + _BLOCK_PRODUCTS]).values()

    def drawn(self, most_photos: int = MOST_PHOTOS) -> "TrainingContext":
        """Returns a context of about so many photos at most, of whole products: what training takes then has a bound.

        Products that shoppers chose come first, those chosen most, up to half of the products, since events teach
        through them. The others are spread evenly over the catalogue. A context of few photos is returned as it is.
        """
        keys = self.snapshot.product_keys
        if len(keys) <= most_photos:
            return self
        products, place = np.unique(keys, return_inverse=True)
        most = int(most_photos * len(products) / len(keys))
        kept = np.isin(products, self.catalogue.keys_of(self.behaviour.chosen_products[: int(_CHOSEN_SHARE * most)]))
        others = np.flatnonzero(~kept)
        kept[others[spread(len(others), most - int(kept.sum()))]] = True
        rows = np.flatnonzero(kept[place])
        snapshot = replace(
            self.snapshot,
            product_keys=keys[rows],
            image_keys=self.snapshot.image_keys[rows],
            image_sha256=[self.snapshot.image_sha256[row] for row in rows],
        )
        return replace(self, snapshot=snapshot, whole=False)

    def points(self, space: Projection, photos: Sequence[str]) -> Floats:
        """Returns the points of photos, named by sha256, float32 (n, d); few of their features are in memory at once.

        Raises:
            FeatureStoreError: a photo has no row in `features`.
        """
        found = np.empty((len(photos), space.space_dim), np.float32)
        for at in range(0, len(photos), _BLOCK_ROWS):
            found[at : at + _BLOCK_ROWS] = space.apply(self.features.read(photos[at : at + _BLOCK_ROWS]))
        return found
