"""`lookalike rebuild --ray` on a real Ray cluster: the same features as in one process, though a node dies."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doc_blocks import ROOT
from shape_catalogue import draw_catalogue

from data.catalogue import Catalogue
from data.features import FeatureStore
from data.settings import Settings
from engine import backbones
from indexer.cluster.connection import token_file
from indexer.importing import import_feed
from indexer.rebuild import Journal
from indexer.rebuild.job import open_job
from indexer.rebuild.photos import embed

# Most of it waits for Ray, and much longer where other tests take the processors.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]
HELPERS = ROOT / "tests" / "helpers"
# A network and process ids of its own: nobody else reaches its ports, and nothing of it outlives it.
ALONE = ("unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def shut_off(arguments: Sequence[str]) -> list[str]:
    """Returns a command that runs another in a network of its own, where this machine allows that."""
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        return list(arguments)
    return [*ALONE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *arguments]


@dataclass(frozen=True)
class Seen:
    """What one process and a cluster made of the same photos.

    Attributes:
        one, many: their homes.
        journal: of the one process.
        report: of ray_nodes.py.
    """

    one: Settings
    many: Settings
    journal: Journal
    report: dict[str, Any]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, runtime_cache: Path) -> Seen:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    folder = tmp_path_factory.mktemp("ray")
    one = Settings(home=folder / "one", backbone="efficientnet_lite2", precision="f32")
    many = one.replace(home=folder / "many")
    feed = draw_catalogue(folder / "feed", texts=False)
    for settings in (one, many):
        import_feed(settings, feed)
        shutil.copytree(runtime_cache / "runtime", settings.home / "runtime")
    (folder / "feed" / "red-disc-0.png").unlink()
    shutil.copyfile(folder / "feed" / "red-bar-0.png", folder / "feed" / "red-bar-1.png")
    token_file(many).touch(mode=0o600)
    token_file(many).write_text("0123456789abcdef" * 4, encoding="ascii")
    journal = Journal()
    embed(open_job(one, journal, False, None))
    done = subprocess.run(
        shut_off([sys.executable, str(HELPERS / "ray_nodes.py"), str(many.home), str(folder / "report.json")]),
        env={"PYTHONPATH": f"{ROOT}:{HELPERS}", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder)},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Seen(one, many, journal, json.loads((folder / "report.json").read_text(encoding="utf-8")))


def test_the_features_are_those_of_one_process_to_the_last_bit(seen: Seen) -> None:
    spec = backbones.resolve_spec(seen.one)
    one, many = (FeatureStore(settings.home, spec.fingerprint, spec.dim) for settings in (seen.one, seen.many))
    assert sorted(many.keys()) == sorted(one.keys())
    assert np.array_equal(many.read(one.keys()), one.read(one.keys()))


def test_no_photo_is_embedded_twice_though_a_node_was_killed(seen: Seen) -> None:
    photos = set(Catalogue(seen.many.home).snapshot().image_sha256)
    unusable = {photo["sha256"] for photo in seen.journal.unreadable}
    assert 0 < seen.report["died"] < len(seen.report["taken"])
    assert sorted(itertools.chain(*seen.report["taken"])) == sorted(photos - unusable)


def test_what_a_failed_rebuild_left_on_disk_is_taken_over(seen: Seen) -> None:
    left = seen.report["left"]  # the photos themselves are gone by now
    assert left
    assert [shard for shard in left.values() if shard not in seen.report["taken"]] == []
    assert [path for path in (seen.many.home / "shards").glob("*/*") if path.name in left] == []


def test_unreadable_photos_are_told_as_by_one_process(seen: Seen) -> None:
    def told(photos: list[dict[str, str]]) -> list[dict[str, str]]:
        return sorted(photos, key=lambda photo: photo["sha256"])

    assert {photo["code"] for photo in seen.journal.unreadable} == {"source_gone", "source_changed"}
    assert told(seen.report["unreadable"]) == told(seen.journal.unreadable)
    assert seen.report["counts"]["unreadable"] == seen.journal.counts["unreadable"] == 2


def test_doctor_says_what_the_cluster_has_room_for(seen: Seen) -> None:
    assert len(seen.report["doctor"]) == 1
    assert "has room for 2 actors with 1 processors each" in seen.report["doctor"][0]
