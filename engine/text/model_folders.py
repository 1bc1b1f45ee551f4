"""Finds the folder of a sentence-transformers model, and refuses one that could run code when it is loaded."""

from pathlib import Path

from data.storage import parse_json, read_small
from engine.arrays import check_safetensors
from engine.errors import InvalidModel

# Python's pickle, under the names that PyTorch and others give it; Keras's .h5 can hold code, too.
PICKLED = (".bin", ".ckpt", ".h5", ".joblib", ".keras", ".pickle", ".pkl", ".pt", ".pth")
_OWN = "sentence_transformers."  # modules of the library; other names would be imported from anywhere


def model_folder(name: str) -> Path:
    """Returns the folder of a model: `name` itself, or where its download lies.

    Raises:
        InvalidModel: there is no such model, or it holds a pickled file or names classes of other packages.
    """
    folder = Path(name) if Path(name).is_dir() else _downloaded(name)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLED:
            raise InvalidModel(
                f"{path} must not lie in a text encoder's folder: loading it can run code. Save the model as "
                "safetensors and delete this file."
            )
        if path.suffix.lower() == ".safetensors":
            check_safetensors(path)
    _check_modules(folder / "modules.json")
    return folder


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download

    full_name = name if "/" in name else f"sentence-transformers/{name}"
    ignored = [f"*{ending}" for ending in PICKLED]
    try:
        return Path(snapshot_download(full_name, ignore_patterns=[*ignored, "onnx/*", "openvino/*"]))
    except (OSError, ValueError) as error:
        raise InvalidModel(f"text_encoder must name a sentence-transformers model; got {name!r}: {error}") from error


def _check_modules(path: Path) -> None:
    if not path.exists():
        return
    try:
        kinds = [str(module["type"]) for module in parse_json(read_small(path))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidModel(f"{path} must list the model's modules; got {error!r}.") from error
    if others := [kind for kind in kinds if not kind.startswith(_OWN)]:
        raise InvalidModel(f"{path} must name modules of sentence-transformers only; got {others[0]!r:.100}.")
