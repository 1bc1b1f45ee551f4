"""The job that every step of a rebuild works on: settings, stores, backbone, snapshot and live generation."""

import logging
from dataclasses import dataclass

import numpy as np

from data.catalogue import Catalogue, Snapshot
from data.errors import CorruptGeneration, NoGeneration
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.protocols import Backbone, BackboneSpec
from indexer.errors import NothingToIndex
from indexer.rebuild.summary import Journal

_log = logging.getLogger("lookalike.rebuild")


@dataclass(frozen=True, kw_only=True)
class Job:
    """The inputs and stores of one running rebuild.

    Attributes:
        full: whether every photo's source is read again.
        backbone: replaces the one that the settings name.
        ray: address of the Ray cluster that embeds; "": this process does.
        spec: the backbone that photos are embedded with.
        snapshot: all photos at first; the usable ones once they are embedded.
        live: the live generation, or None where there is none or it is damaged.
    """

    settings: Settings
    full: bool
    backbone: Backbone | None
    ray: str
    journal: Journal
    catalogue: Catalogue
    store: GenerationStore
    spec: BackboneSpec
    features: FeatureStore
    snapshot: Snapshot
    live: GenerationFolder | None


def open_job(settings: Settings, journal: Journal, full: bool, backbone: Backbone | None, ray: str = "") -> Job:
    """Deletes what a killed rebuild left, takes a snapshot of the catalogue, and returns the job.

    Raises:
        NothingToIndex: the catalogue holds no product, or has lost all its photos.
        BackboneUnavailable: the backbone's weights cannot be found or downloaded.
    """
    store = GenerationStore(settings.home)
    store.sweep()
    catalogue = Catalogue(settings.home)
    snapshot = catalogue.snapshot()
    products = len(np.unique(snapshot.product_keys))
    journal.counts = {"products": products, "images": len(snapshot.image_sha256)}
    without = catalogue.counts()["products"] - products
    if without > 0:
        journal.counts["products_without_photo"] = without
    live = _live(store)
    if not snapshot.image_sha256:
        _require_no_loss(catalogue.counts()["products"], live)
    spec = backbone.spec if backbone else _resolve_spec(settings)
    return Job(
        settings=settings,
        full=full,
        backbone=backbone,
        ray=ray,
        journal=journal,
        catalogue=catalogue,
        store=store,
        spec=spec,
        features=FeatureStore(settings.home, spec.fingerprint, spec.dim),
        snapshot=snapshot,
        live=live,
    )


def _require_no_loss(products: int, live: GenerationFolder | None) -> None:
    """Refuses a catalogue without photos, unless it never had any: then words still find its products."""
    if not products:
        raise NothingToIndex("the catalogue must hold a product; got none. Run `lookalike import PATH` first.")
    photos = live.manifest.counts.get("images", 0) if live is not None else 0
    if photos:
        raise NothingToIndex(
            f"the catalogue must keep some of its {photos:,} photos; got {products:,} products and none. If the feed "
            "lost its image column, import it again with one (column `image`, or `--images FOLDER`)."
        )


def _resolve_spec(settings: Settings) -> BackboneSpec:
    from engine.backbones import resolve_spec

    return resolve_spec(settings)


def _live(store: GenerationStore) -> GenerationFolder | None:
    """Returns the live generation, or None; a damaged one counts as none, because this rebuild replaces it."""
    try:
        live = store.open()
        live.verify()
        return live
    except NoGeneration:
        return None
    except CorruptGeneration as error:
        _log.warning("the live generation is damaged and is replaced: %s", error)
        return None
