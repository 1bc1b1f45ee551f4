"""What a rebuild clears away: old generations, features of photos and of backbones that are gone."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from imported_shapes import import_shapes
from tiny_backbone import TinyBackbone

from data.events import Event, Events
from data.features import FeatureStore
from data.generations import GenerationStore
from data.settings import Settings
from indexer.rebuild import rebuild


@pytest.fixture
def feed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    return import_shapes(settings, monkeypatch)


def test_only_the_newest_generations_are_kept(feed: Path, settings: Settings) -> None:
    few = settings.replace(keep_generations=2)
    made = [rebuild(few, backbone=TinyBackbone()) for _ in range(4)]
    kept = [folder.id for folder in GenerationStore(settings.home).list()]
    assert kept == [made[3].generation, made[2].generation]
    assert made[3].pruned == (made[1].generation,)


def test_features_of_photos_and_backbones_that_are_gone_are_dropped(feed: Path, settings: Settings) -> None:
    rebuild(settings, backbone=TinyBackbone())
    spec = TinyBackbone().spec
    store = FeatureStore(settings.home, spec.fingerprint, spec.dim)
    before = store.keys()
    # stored beforehand as no photo's of the catalogue: enough of them to be worth a rewrite
    gone = [f"{number:064x}" for number in range(len(before))] + [f"{0:064x}+flip"]
    store.append(gone, np.ones((len(gone), spec.dim), np.float32))
    searched = "a" * 64
    store.append([searched], np.ones((1, spec.dim), np.float32))
    search = Event(event_id="1", kind="search", at=datetime.now(UTC), photo_sha256=searched)
    Events(settings.home).append([search])
    old = FeatureStore(settings.home, "0" * 64, 4)
    old.append(["a"], np.ones((1, 4), np.float32))
    rebuild(settings, backbone=TinyBackbone())
    assert store.keys() == [*before, searched]
    assert old.count == 1, "another backbone's features stay while they are young"
    long_ago = time.time() - 40 * 86_400
    os.utime(settings.home / "features" / ("0" * 64) / "rows-0.f16", (long_ago, long_ago))
    rebuild(settings, backbone=TinyBackbone())
    assert [path.name for path in (settings.home / "features").iterdir()] == [spec.fingerprint]
    assert store.keys() == [*before, searched]
