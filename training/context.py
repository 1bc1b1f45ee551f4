"""What every trained part gets."""

from dataclasses import dataclass

from data.catalogue import Catalogue, Snapshot
from data.features import FeatureStore
from data.generations import GenerationFolder
from data.settings import Settings
from engine.protocols import BackboneSpec


@dataclass(frozen=True, kw_only=True)
class TrainingContext:
    """One rebuild's view of the catalogue.

    Attributes:
        snapshot: the photos to learn from; every one has a row in `features`.
        features: the pool_3 rows of `spec`.
        spec: the backbone they came from.
        live: the generation that is served now, if any.
    """

    settings: Settings
    catalogue: Catalogue
    snapshot: Snapshot
    features: FeatureStore
    spec: BackboneSpec
    live: GenerationFolder | None
