"""The text tower of a joint model, which puts words beside the photos that they describe (CLIP and its kin).

A shop that takes it (`text_encoder = backbone`) needs no trained text head: the product space is that of the image
tower, and a text's own embedding is its point there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import InvalidModel
from engine.exports import export_folder, is_exported, publish_export, read_export
from engine.own_backbones import FOLDER, OwnBackbone, TextSide, check_files, convert_text, read_own
from engine.protocols import Floats
from engine.text.networks import TextNetwork, read_tokenizer

_LONGEST = 500  # characters, as of the other encoders


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
        self.digest, self.dim = own.digest, own.image.dim
        tokenizer = read_tokenizer(own.folder / text.tokenizer)
        tokenizer.enable_truncation(text.length)
        tokenizer.enable_padding(length=text.length, pad_id=text.pad_id)
        self._network = TextNetwork(tokenizer, model, threads)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, dim), L2 norm 1, of one text or more; 500 characters of each count."""
        return self._network.encode([text[:_LONGEST] for text in texts])


def load_joint(home: Path, name: str, threads: int) -> JointModel:
    """Loads the text tower of this encoder's name, `backbones/<name>`; converts it for OpenVINO the first time.

    Raises:
        BackboneUnavailable: there is no such network.
        InvalidModel: it has no text tower, or its files were changed.
        MissingExtra: it is not converted yet, and what converts it is not installed.
    """
    own = read_own(home, name.partition("/")[2])
    if own.text is None:
        raise InvalidModel(f"{own.folder} must have a text tower; it has none. Rebuild with another text_encoder.")
    folder = export_folder(home, own.digest)
    if not is_exported(folder):
        publish_export(folder, convert_text(own, own.text))
    return JointModel(own, own.text, read_export(folder), threads)
