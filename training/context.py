"""`TrainingContext`: the catalogue snapshot, features, events and live generation that every part trains with."""

from dataclasses import dataclass
from functools import cached_property

from data.catalogue import Catalogue, Snapshot
from data.events import Events
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.settings import Settings
from engine.protocols import BackboneSpec
from training.behaviour import ShopBehaviour


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
