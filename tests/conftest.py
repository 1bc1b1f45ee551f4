"""Fixtures, each built on the one before: settings -> catalogue -> generation -> app -> client."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser
from real_browser import launched
from s3_server import S3Server, s3_server
from shape_catalogue import draw_catalogue
from tiny_backbone import TinyBackbone

from data.catalogue import Catalogue
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine import backbones
from engine.backbones import load_backbone, resolve_spec
from engine.errors import BackboneUnavailable
from indexer.importing import import_feed
from indexer.rebuild import rebuild
from training.embedder.fit import Plan


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", backbone="efficientnet_lite2")


@pytest.fixture(scope="session")
def runtime_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose `runtime` folder holds EfficientNet-Lite2 with its real weights; exported once per session."""
    settings = Settings(home=tmp_path_factory.mktemp("runtime_cache"), backbone="efficientnet_lite2", precision="f32")
    load_backbone(settings, resolve_spec(settings))  # not what a test may have put in their place
    return settings.home


@pytest.fixture
def efficientnet_home(settings: Settings, runtime_cache: Path) -> Path:
    """`settings.home` with EfficientNet-Lite2 (f32 and bf16) already exported, for this and for child processes."""
    shutil.copytree(runtime_cache / "runtime", settings.home / "runtime")
    return settings.home


@pytest.fixture
def photo() -> Callable[..., bytes]:
    """Makes the bytes of a one-coloured photo: `photo("red", (64, 48), "PNG")`."""

    def make(colour: str = "red", size: tuple[int, int] = (64, 64), kind: str = "JPEG") -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, kind)
        return out.getvalue()

    return make


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny backbone in place of the one that the settings name."""
    monkeypatch.setattr(backbones, "resolve_spec", lambda settings: TinyBackbone.spec)
    monkeypatch.setattr(backbones, "load_backbone", lambda *_, **__: TinyBackbone())


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Voters and query embedder train for a few steps: enough for a test that does not ask how good they become."""
    monkeypatch.setattr("training.voters.softmax.MAX_EPOCHS", 10)
    monkeypatch.setattr("training.embedder.part.plan_of", lambda *_: Plan(steps=60, batch=128))


@pytest.fixture
def fake_engine(settings: Settings) -> FakeEngine:
    return FakeEngine(Catalogue(settings.home))


@pytest.fixture
def app(settings: Settings, fake_engine: FakeEngine) -> Flask:
    """The HTTP app over a real catalogue and a fake engine."""
    from api.app import create_app

    return create_app(settings, fake_engine)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose small catalogue was imported and rebuilt once with the tiny backbone; not to be changed.

    Its voters learn from the photos alone, also where the test that asks for it first has a backbone for more views.
    """

    def none(*_: object, **__: object) -> None:
        raise BackboneUnavailable("no backbone is loaded for the tests' home.")

    folder = tmp_path_factory.mktemp("built")
    settings = Settings(home=folder / "home")
    import_feed(settings, draw_catalogue(folder / "feed"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "load_backbone", none)
        rebuild(settings, backbone=TinyBackbone())
    return settings.home


@pytest.fixture(scope="module")
def tiny_everywhere() -> Iterator[None]:
    """The tiny backbone in place of every one that is loaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "load_backbone", lambda *_, **__: TinyBackbone())
        yield


@pytest.fixture
def generation(built_home: Path, settings: Settings) -> GenerationFolder:
    """The live generation of `settings.home`, which is the test's own copy of `built_home`."""
    shutil.copytree(built_home, settings.home, dirs_exist_ok=True)
    return GenerationStore(settings.home).open()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file: while it runs, its event loop forbids `asyncio.run`, which other files' tests call."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with a bucket named `shop`; the test is skipped where none is installed."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        server.client().create_bucket(Bucket="shop")
        yield server
