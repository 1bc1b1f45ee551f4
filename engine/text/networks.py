"""Runs text networks that were converted for OpenVINO, with their tokenizers; torch is not needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidModel, MissingExtra
from engine.exports import processor_options
from engine.protocols import Floats
from engine.space import normalise

_BATCH = 32


class TextNetwork:
    """A text network and its tokenizer. Not safe to use from several threads at once.

    Args:
        tokenizer: a `tokenizers.Tokenizer` that cuts and pads texts as the network needs it.
        model: the `openvino.Model`: token numbers int64 (n, tokens) and, if it has a second input, the mask of those
            that count -> float32 (n, dim).
        threads: processor threads the network may use.
        precision: `f32` or `bf16`.
    """

    def __init__(self, tokenizer: Any, model: Any, threads: int, precision: str = "f32") -> None:
        import openvino

        self._tokenizer = tokenizer
        self._network = openvino.Core().compile_model(model, "CPU", processor_options(threads, precision))

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, dim), L2 norm 1, of one text or more."""
        return normalise(np.concatenate([self._infer(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]))

    def _infer(self, texts: Sequence[str]) -> Floats:
        pieces = self._tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in texts])
        columns = [[piece.ids for piece in pieces], [piece.attention_mask for piece in pieces]]
        inputs = [np.array(column, np.int64) for column in columns[: len(self._network.inputs)]]
        return np.array(self._network(inputs)[0], np.float32)


def read_tokenizer(path: Path) -> Any:
    """Returns the `tokenizers.Tokenizer` of a JSON file.

    Raises:
        InvalidModel: the library cannot use the file.
        MissingExtra: the package `tokenizers` is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the words of {path.parent} need the package tokenizers, of the extra `serve`.") from error
    try:
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))
    # tokenizers raises bare Exception on a file that it cannot use
    except Exception as error:
        raise InvalidModel(f"{path} must be a file of the library tokenizers; got {error!s:.200}.") from error
