"""Sentence-transformers models without torch: exported once for OpenVINO, and served from there.

An export lies in `$LOOKALIKE_HOME/runtime/<digest of the model>/`, with its tokenizer. Torch runs a model only until it
is exported, and one whose export does not give the same embeddings.
"""

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data.storage import parse_json, read_small
from engine.errors import InvalidModel
from engine.exports import drop_export, export_folder, is_exported, processor_has_bf16, publish_export, read_export
from engine.protocols import Floats
from engine.text.networks import TextNetwork, read_tokenizer
from engine.text.sentence_transformer import SentenceTransformerModel

_TOKENIZER, _FACTS = "tokenizer.json", "sentences.json"
_LONGEST = 512  # pieces, of models that name no limit
_NEAR = {"f32": 0.9999, "bf16": 0.999}  # least cosine to the reference
_PROBES = (
    "red mug", "빨간 머그잔", "USB-C cable, 2 m (black)", "A", "Fußballschuhe Größe 42", "  spaces  around  ", "靴",
    "a chair of oak with a woven seat, for the kitchen or a small dining room; it can be stacked. " * 8,
)  # fmt: skip
_log = logging.getLogger("lookalike.text")


class ExportedSentences:
    """An exported sentence-transformers model. Not safe to use from several threads at once.

    Args:
        folder: of the export.
        threads: processor threads the model may use.

    Attributes:
        prompt: what the model's own settings put before each text.

    Raises:
        InvalidModel: a file is missing or was changed.
        MissingExtra: the package `tokenizers` is not installed.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        model = read_export(folder)
        try:
            facts = parse_json(read_small(folder / _FACTS))
            self.dim, self.prompt, precision = int(facts["dim"]), str(facts["prompt"]), str(facts["precision"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidModel(f"{folder / _FACTS} must describe the exported model; got {error!r}.") from error
        self.digest = folder.name
        self._network = TextNetwork(read_tokenizer(folder / _TOKENIZER), model, threads, precision)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, dim), L2 norm 1, of one text or more."""
        return self._network.encode([f"{self.prompt}{text}".strip() for text in texts])


Sentences = ExportedSentences | SentenceTransformerModel


def load_sentences(name: str, threads: int, home: Path | None, digest: str = "") -> Sentences:
    """Loads a sentence-transformers model; exports it the first time.

    Args:
        name: see `load_model`.
        threads: processor threads the model may use.
        home: `$LOOKALIKE_HOME`, for exports and tuned encoders; None: the model is run by torch.
        digest: of the model, if known: its own files are not read if it was exported.

    Raises:
        InvalidModel: there is no such model, or its files were changed.
        MissingExtra: it was exported, and the package `tokenizers` is not installed.
    """
    if home is not None and digest and is_exported(export_folder(home, digest)):
        return ExportedSentences(export_folder(home, digest), threads)
    reference = SentenceTransformerModel(name, threads, home)
    if home is None:
        return reference
    folder = export_folder(home, reference.digest)
    if is_exported(folder):
        found = ExportedSentences(folder, threads)
        if found.prompt == _prompt(reference.model):  # which is not in the digest
            return found
        drop_export(home, reference.digest)
    return ExportedSentences(folder, threads) if _export(folder, reference) else reference


def _export(folder: Path, reference: SentenceTransformerModel) -> bool:
    """Exports a model; returns False, and logs why, if its embeddings would not be the same."""
    try:
        tokenizer, model = _tokenizer(reference.model), _convert(reference.model)
        prompt = _prompt(reference.model)
        facts = {"dim": reference.dim, "prompt": prompt, "precision": _precision(reference, tokenizer, model, prompt)}
    # a network of a stranger's make: torch and OpenVINO raise whatever they like on what they cannot trace
    except Exception as error:
        _log.warning("the text encoder runs with torch, for it cannot be exported: %s", f"{error!s:.300}")
        return False
    files = {_TOKENIZER: tokenizer.to_str(), _FACTS: json.dumps(facts, indent=1)}
    publish_export(folder, model, files)
    return True


def _precision(reference: SentenceTransformerModel, tokenizer: Any, model: Any, prompt: str) -> str:
    """Returns the fastest precision whose embeddings are near enough to the reference."""
    wanted = reference.encode(_PROBES)
    asked = [f"{prompt}{text}".strip() for text in _PROBES]
    for precision in ("bf16", "f32") if processor_has_bf16() else ("f32",):
        found = TextNetwork(tokenizer, model, 1, precision).encode(asked)
        nearness = float(np.sum(found * wanted, axis=1).min())
        if nearness >= _NEAR[precision]:
            return precision
    raise InvalidModel(f"its embeddings must have a cosine of at least {_NEAR['f32']} to torch's; got {nearness:.5f}")


def _prompt(model: Any) -> str:
    """Returns what the model's own settings put before each text."""
    return str((model.prompts or {}).get(model.default_prompt_name or "", ""))


def _tokenizer(model: Any) -> Any:
    """Returns the model's `tokenizers.Tokenizer`, which cuts and pads as sentence-transformers does."""
    from tokenizers import Tokenizer

    own = model.tokenizer
    tokenizer = Tokenizer.from_str(own.backend_tokenizer.to_str())
    tokenizer.enable_truncation(min(model.max_seq_length or _LONGEST, own.model_max_length))
    tokenizer.enable_padding(pad_id=own.pad_token_id, pad_token=own.pad_token, direction=own.padding_side)
    return tokenizer


def _convert(model: Any) -> Any:
    """Returns the model as `openvino.Model`: numbers of pieces and mask, int64 (n, pieces) -> float32 (n, dim)."""
    import openvino
    import torch

    def embed(ids: Any, mask: Any) -> Any:
        return model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]

    model.requires_grad_(requires_grad=False)
    pieces = model.tokenizer(list(_PROBES[:2]), padding=True, return_tensors="pt")
    example = pieces["input_ids"], pieces["attention_mask"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of every branch
        return openvino.convert_model(torch.jit.trace(embed, example), example_input=example)
