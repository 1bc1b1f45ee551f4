"""`TrainingContext`: the catalogue snapshot, features, events and live generation that every part trains with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data.catalogue import Catalogue, Snapshot
from data.events import Events
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.settings import Settings
from engine.protocols import BackboneSpec, Floats
from engine.space import Projection
from training.behaviour import ShopBehaviour

_BLOCK_ROWS = 8192


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """What a rebuild gives to every part that it trains.

    Attributes:
        snapshot: the photos to learn from; every one has a row in `features`.
        features: the pool_3 rows of `spec`.
        spec: the backbone that computed the features.
        live: the generation that is served now, if any.
    """

    settings: Settings
    catalogue: Catalogue
    snapshot: Snapshot
    features: FeatureStore
    spec: BackboneSpec
    live: GenerationFolder | None

    @cached_property
    def behaviour(self) -> ShopBehaviour:
        """What shoppers did up to now; the events are read once."""
        return ShopBehaviour.from_events(Events(self.settings.home).iterate())

    def points(self, space: Projection, photos: Sequence[str]) -> Floats:
        """Returns the points of photos, named by sha256, float32 (n, d); few of their features are in memory at once.

        Raises:
            FeatureStoreError: a photo has no row in `features`.
        """
        found = np.empty((len(photos), space.space_dim), np.float32)
        for at in range(0, len(photos), _BLOCK_ROWS):
            found[at : at + _BLOCK_ROWS] = space.apply(self.features.read(photos[at : at + _BLOCK_ROWS]))
        return found
