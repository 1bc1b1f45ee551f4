"""The parts of `rebuild --ray` that need no cluster: address and token, shards, photos at other addresses."""

import hashlib
import shutil
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from doc_blocks import ROOT
from tiny_backbone import TinyBackbone

import lookalike
from data.catalogue import Catalogue
from data.errors import ImageTooLarge, InvalidImage, SettingsError
from data.features import FeatureStore
from data.photos import read_original
from data.settings import Settings
from engine.protocols import BackboneSpec
from indexer.cluster import require_cluster
from indexer.cluster.connection import token_file
from indexer.cluster.places import PhotoAddresses
from indexer.cluster.shards import Shard, Shards, name_of
from indexer.cluster.worker import Orders, Worker, deciding_versions
from indexer.errors import ClusterUnavailable, InvalidShard
from indexer.operating import examine
from indexer.operating.contents import other_files

fsspec = pytest.importorskip("fsspec", reason="the extra `ray` is not installed")
SPEC = TinyBackbone.spec
KEYS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(3)]


@pytest.fixture
def memory() -> str:
    """An address in memory, where nothing is a path."""
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return Settings(home=tmp_path / "home")


@pytest.fixture
def ray() -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")


def some_shard() -> Shard:
    rows = np.random.default_rng(0).random((2, SPEC.dim)).astype(np.float16)
    return Shard(KEYS[:2], rows, {KEYS[2]: ("source_gone", "it is gone")})


def test_a_shard_comes_back_as_it_was_written(memory: str) -> None:
    shards, shard = Shards(memory, SPEC), some_shard()
    assert shards.names() == []
    name = name_of(KEYS)
    assert not shards.holds(name)
    shards.write(name, shard)
    assert shards.names() == [name]
    assert shards.holds(name)
    found = shards.read(name)
    assert (found.sha256s, found.failed) == (shard.sha256s, shard.failed)
    assert np.array_equal(found.rows, shard.rows)
    shards.remove(name)
    assert shards.names() == []


def test_shards_of_another_backbone_are_not_seen(memory: str) -> None:
    Shards(memory, SPEC).write("a.parquet", some_shard())
    other = BackboneSpec.from_json({**SPEC.to_json(), "weights_digest": "1" * 64})
    assert Shards(memory, other).names() == []


@pytest.mark.parametrize("damage", ["cut", "text", "fingerprint", "width", "keys"])
def test_a_shard_that_is_none_is_refused(tmp_path: Path, damage: str) -> None:
    shards = Shards(str(tmp_path), SPEC)
    path = tmp_path / SPEC.fingerprint / "a.parquet"
    other = BackboneSpec.from_json({**SPEC.to_json(), "weights_digest": "1" * 64})
    wide = BackboneSpec.from_json({**SPEC.to_json(), "dim": 8})
    shards.write("a.parquet", some_shard())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "text":
        path.write_text("hello")
    elif damage == "fingerprint":
        path.write_bytes(Shards("memory://none", other)._encoded(some_shard()))
    elif damage == "width":
        path.write_bytes(Shards("memory://none", wide)._encoded(Shard([], np.zeros((0, 8), np.float16), {})))
    else:
        path.write_bytes(shards._encoded(Shard(["../a"], np.zeros((1, SPEC.dim), np.float16), {})))
    with pytest.raises(InvalidShard, match="must be a shard of format 1"):
        shards.read("a.parquet")


def test_what_a_writer_that_died_left_is_no_shard(tmp_path: Path) -> None:
    shards = Shards(str(tmp_path), SPEC)
    shards.write("a.parquet", some_shard())
    (tmp_path / SPEC.fingerprint / "b.parquet.0.part").write_bytes(b"half")
    assert shards.names() == ["a.parquet"]
    assert [path.name for path in tmp_path.glob("*/*")] == ["a.parquet"]


def test_photos_are_read_at_their_addresses(memory: str, settings: Settings) -> None:
    content = b"a photo's bytes"
    sha256 = hashlib.sha256(content).hexdigest()
    address = PhotoAddresses(f"/srv/other=memory://none, /srv/photos={memory}/").of("/srv/photos/mugs/1 ä.jpg")
    assert address == f"{memory}/mugs/1 ä.jpg"
    with pytest.raises(InvalidImage, match="must be a file that can be read") as gone:
        read_original("/srv/photos/mugs/1 ä.jpg", sha256, settings, address=address)
    assert gone.value.code == "source_gone"
    fsspec.filesystem("memory").pipe_file(address.removeprefix("memory://"), content)
    assert read_original("/srv/photos/mugs/1 ä.jpg", sha256, settings, address=address) == content
    with pytest.raises(InvalidImage) as changed:
        read_original("/srv/photos/mugs/1 ä.jpg", "0" * 64, settings, address=address)
    assert changed.value.code == "source_changed"
    with pytest.raises(ImageTooLarge):
        read_original("1.jpg", sha256, settings.replace(max_image_bytes=len(content) - 1), address=address)
    assert PhotoAddresses(f"/srv/photos={memory}").of("/srv/photos2/1.jpg") == ""


@pytest.mark.parametrize("pairs", ["/srv/photos", "srv=s3://shop", "/srv=/mnt", "/srv=none://shop"])
def test_pairs_of_folder_and_address_are_checked(pairs: str) -> None:
    with pytest.raises(SettingsError, match="ray_photos must be"):
        PhotoAddresses(pairs)


@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize("address", ["", "auto", "ray://head:10001", "head", "head:0", "head:6379/x"])
def test_an_address_names_a_head(settings: Settings, address: str) -> None:
    with pytest.raises(SettingsError, match="--ray must be local, or HOST:PORT"):
        require_cluster(address, settings)


@pytest.mark.usefixtures("ray")
def test_the_token_is_for_its_owner_alone(settings: Settings) -> None:
    path = token_file(settings)
    with pytest.raises(SettingsError, match=r"ray\.token must hold the token.*openssl rand"):
        require_cluster("127.0.0.1:9", settings)
    require_cluster("local", settings)
    assert path.stat().st_mode & 0o777 == 0o600
    made = path.read_text()
    require_cluster("local", settings)
    assert path.read_text() == made
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="got mode 640"):
        require_cluster("local", settings)
    short = path.with_name("short")
    short.touch(mode=0o600)
    short.write_text("secret")
    with pytest.raises(SettingsError, match="at least 32 characters; got 6"):
        require_cluster("local", settings.replace(ray_token_file=str(short)))


def test_a_worker_needs_only_the_packages_of_the_runtime() -> None:
    trains = {"keras", "tensorflow", "tensorflow-cpu"}  # which the extra `serve` does not bring
    serves = deciding_versions("openvino").keys()
    assert {"lookalike", "numpy", "openvino"} <= serves
    assert not trains & serves
    assert trains & deciding_versions("keras").keys()


@pytest.mark.usefixtures("ray")
def test_a_worker_with_other_packages_does_nothing(memory: str, settings: Settings) -> None:
    spec = BackboneSpec.from_json({**SPEC.to_json(), "runtime": "openvino"})
    versions = {**deciding_versions("openvino"), "numpy": "0.1"}
    worker = Worker(Orders(spec=spec, settings=settings, shards=memory, model=None, versions=versions))
    task = {"name": name_of(KEYS), "photos": [{"sha256": KEYS[0], "source": "/srv/1.jpg", "address": ""}]}
    told = worker(pa.Table.from_pylist([task])).to_pylist()
    assert "every machine must have the packages" in told[0]["problem"]
    assert Shards(memory, spec).names() == []


def test_doctor_knows_the_files_of_it(settings: Settings) -> None:
    token_file(settings).write_text("token")
    shards = Shards(str(settings.home / "shards"), SPEC)
    shards.write(name_of(KEYS), some_shard())
    (settings.home / "shards" / SPEC.fingerprint / "a.parquet.0.part").touch()
    told = [finding.detail for finding in other_files(settings, repair=False)]
    assert len(told) == 1
    assert "1 are not finished" in told[0]


@pytest.mark.usefixtures("ray")
def test_where_no_head_answers_the_rebuild_says_so_at_once(settings: Settings) -> None:
    Catalogue(settings.home)
    require_cluster("local", settings)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ClusterUnavailable, match="a Ray cluster must answer at"):
            require_cluster(address, settings)
        told = CliRunner().invoke(
            lookalike.cli, ["--home", str(settings.home), "rebuild", "--ray", address], catch_exceptions=False
        )
        found = [finding for finding in examine(settings, ray=address) if finding.subject == "ray"]
    assert told.exit_code == 1
    assert f"a Ray cluster must answer at {address}" in told.output
    assert [(finding.level, finding.detail.partition(";")[0]) for finding in found] == [
        ("FAIL", f"a Ray cluster must answer at {address}")
    ]


WITHOUT_RAY = """
import sys
sys.modules.update(dict.fromkeys(("ray", "fsspec"), None))
from rebuild_driver import main
main("run", sys.argv[1:])
"""


def test_the_default_needs_nothing_of_it(settings: Settings, built_home: Path) -> None:
    shutil.copytree(built_home, settings.home, dirs_exist_ok=True)
    features = FeatureStore(settings.home, SPEC.fingerprint, SPEC.dim)
    features.compact(features.keys())
    done, asked = (
        subprocess.run(
            [sys.executable, "-c", WITHOUT_RAY, "--home", str(settings.home), "rebuild", "--json", *more],
            cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'helpers'}"},
            capture_output=True, text=True, check=False, timeout=120,
        ) for more in ([], ["--ray", "local"])
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"embedded": 120' in done.stdout
    assert asked.returncode == 1
    assert "this needs the extra `ray`" in asked.stdout
