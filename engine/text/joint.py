"""The text tower of a joint model, which puts words beside the photos that they describe (CLIP and its kin).

A shop that takes it (`text_encoder = backbone`) needs no trained text head: the product space is that of the image
tower, and a text's own embedding is its point there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidModel, MissingExtra
from engine.exports import RECORD, XML, publish_export, verified_export
from engine.own_backbones import FOLDER, OwnBackbone, TextSide, check_files, convert_text, read_own
from engine.protocols import Floats
from engine.space import normalise

_LONGEST = 500  # characters, as of the other encoders
_BATCH = 32


def is_joint(name: str) -> bool:
    """Returns whether an encoder's name is that of a joint model's text tower, `backbones/<name>`."""
    return name.partition("/")[0] == FOLDER


def joint_name(backbone: str) -> str:
    """Returns the encoder's name of the text tower of this backbone."""
    return f"{FOLDER}/{backbone}"


class JointModel:
    """The text tower of a network that a user brought. Not safe to use from several threads at once.

    Args:
        own: the network; its files are checked first.
        text: its text tower.
        model: the tower as `openvino.Model`, see `convert_text`.
        threads: processor threads the model may use.

    Raises:
        InvalidModel: its files were changed, or it has no usable tokenizer.
        MissingExtra: the package `tokenizers` is not installed.
    """

    def __init__(self, own: OwnBackbone, text: TextSide, model: Any, threads: int) -> None:
        check_files(own)
        self.digest, self.dim, self._text = own.digest, own.image.dim, text
        self._tokenizer = _tokenizer(own.folder, text)
        self._network = _compiled(model, threads)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, dim), L2 norm 1; the first 500 characters of each text count."""
        rows = [self._infer(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
        return normalise(np.concatenate(rows)) if rows else np.zeros((0, self.dim), np.float32)

    def _infer(self, texts: Sequence[str]) -> Floats:
        tidy = [text[:_LONGEST].encode("utf-8", "replace").decode() for text in texts]
        pieces = self._tokenizer.encode_batch(tidy)
        inputs = [np.array([each.ids for each in pieces], np.int64)]
        if self._text.mask:
            inputs.append(np.array([each.attention_mask for each in pieces], np.int64))
        return np.array(self._network(inputs)[0], np.float32)


def load_joint(home: Path, name: str, threads: int) -> JointModel:
    """Loads the text tower of this encoder's name, `backbones/<name>`; converts it for OpenVINO the first time.

    Raises:
        BackboneUnavailable: there is no such network.
        InvalidModel: it has no text tower, or its files were changed.
        MissingExtra: it is not converted yet, and what converts it is not installed.
    """
    import openvino

    own = read_own(home, name.partition("/")[2])
    if own.text is None:
        raise InvalidModel(f"{own.folder} must have a text tower; it has none. Rebuild with another text_encoder.")
    folder = home / "runtime" / own.digest
    if not (folder / RECORD).exists():
        publish_export(folder, convert_text(own, own.text))
    return JointModel(own, own.text, openvino.Core().read_model(verified_export(folder) / XML), threads)


def _tokenizer(folder: Path, text: TextSide) -> Any:
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the words of {folder.name} need the package tokenizers, of the extra `serve`.") from error
    path = folder / text.tokenizer
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    # tokenizers raises bare Exception on a file that it cannot use
    except Exception as error:
        raise InvalidModel(f"{path} must be a file of the library tokenizers; got {error!s:.200}.") from error
    tokenizer.enable_truncation(text.length)
    tokenizer.enable_padding(length=text.length, pad_id=text.pad_id)
    return tokenizer


def _compiled(model: Any, threads: int) -> Any:
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(model, "CPU", options)
