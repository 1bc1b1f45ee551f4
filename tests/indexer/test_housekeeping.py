"""What a rebuild clears away: old generations, features of photos and of backbones that are gone."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from imported_shapes import import_shapes
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue, Product
from data.database import Connections
from data.events import Event, Events
from data.features import FeatureStore
from data.generations import GenerationStore
from data.photos import Intake
from data.settings import Settings
from indexer.errors import NothingToIndex
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


def searched(days_ago: int) -> Event:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    return Event(event_id=f"s{days_ago}", kind="search", at=at, session="s", query_text=f"mug {days_ago}",
                 photo_sha256="a" * 64)  # fmt: skip


def test_events_and_queries_are_kept_as_long_as_the_settings_say(feed: Path, settings: Settings) -> None:
    events = Events(settings.home)
    events.append([searched(1), searched(10), searched(100)])
    first = rebuild(settings, backbone=TinyBackbone())
    assert events.count == 3, "for ever"
    again = rebuild(settings.replace(keep_events_days=50, keep_queries_days=5), backbone=TinyBackbone())
    kept = [(event.event_id, event.query_text, event.photo_sha256, event.session) for event in events.iterate()]
    assert kept == [("s10", "", "", ""), ("s1", "mug 1", "a" * 64, "s")]
    assert not first.unchanged
    assert not again.unchanged, "what was learned from the others is learned anew without them"
    assert rebuild(settings.replace(keep_events_days=50, keep_queries_days=5), backbone=TinyBackbone()).unchanged


def test_what_was_deleted_goes_even_where_nothing_is_left_to_publish(
    settings: Settings, photo: Callable[..., bytes]
) -> None:
    catalogue = Catalogue(settings.home)
    catalogue.upsert(Product(product_id="a"), [Intake(settings, catalogue).accept_bytes(photo())])
    catalogue.delete("a")
    long_ago = (datetime.now(UTC) - timedelta(days=31)).isoformat(timespec="microseconds")
    Connections(settings.home).query("UPDATE released_images SET released_at = ?", (long_ago,))
    for path in (files := list(settings.home.glob("*/*/*"))):
        os.utime(path, (0, 0))
    for keep, left in ((0, 2), (40, 2), (30, 0)):
        with pytest.raises(NothingToIndex):
            rebuild(settings.replace(keep_deleted_days=keep), backbone=TinyBackbone())
        assert sum(path.exists() for path in files) == left, keep
