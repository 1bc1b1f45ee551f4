"""Checkpoints of a training run: weights, optimiser and position in one file, replaced atomically."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.storage import parse_json, write_bytes
from engine.arrays import read_safetensors
from engine.errors import InvalidModel

CHECKPOINT_FILE = "checkpoint.safetensors"
Arrays = dict[str, NDArray[Any]]


@dataclass(kw_only=True)
class Position:
    """How far a run has come.

    Attributes:
        epoch, step: the next step to make, both from 0.
        loss_sum: sum of the losses in the unfinished epoch.
        seconds: time spent on training so far, in all sessions.
        history: one entry per finished epoch.
        best_epoch: the epoch (from 1) with the best validation; 0: none yet.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0


def save(folder: Path, run: str, position: Position, model: Any, best: Arrays) -> None:
    """Replaces the checkpoint, atomically.

    Args:
        run: identity of the run: a checkpoint of another run is never continued.
        best: weights of the best epoch.
    """
    from safetensors.numpy import save as pack

    arrays = {**_prefixed("model", weights_of(model)), **_prefixed("best", best)}
    arrays |= {f"optimizer.{n}": _numpy(v) for n, v in enumerate(model.optimizer.variables)}
    facts = {"run": run, "position": json.dumps(asdict(position))}
    write_bytes(folder / CHECKPOINT_FILE, pack(arrays, metadata=facts))


def load(folder: Path, run: str, model: Any) -> tuple[Position, Arrays] | None:
    """Restores weights and optimiser of `model`; returns None if this run has no checkpoint.

    Returns:
        The position, and the weights of the best epoch.

    Raises:
        InvalidModel: the file is damaged or does not fit.
    """
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    try:
        arrays, facts = read_safetensors(path)
        if facts["run"] != run:
            return None
        set_weights(model, _unprefixed("model", arrays))
        for number, variable in enumerate(model.optimizer.variables):
            variable.assign(arrays[f"optimizer.{number}"])
        return Position(**parse_json(facts["position"])), _unprefixed("best", arrays)
    except (InvalidModel, KeyError, ValueError, TypeError) as error:
        raise InvalidModel(f"{path} must be a checkpoint of this run; got {error}. Train without --resume.") from error


def weights_of(model: Any) -> Arrays:
    """Returns C-contiguous copies of a model's trained weights by number."""
    return {str(number): _numpy(variable) for number, variable in enumerate(model.trainable_variables)}


def set_weights(model: Any, arrays: Arrays) -> None:
    """Sets a model's trained weights to what `weights_of` returned."""
    for number, variable in enumerate(model.trainable_variables):
        variable.assign(arrays[str(number)])


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _unprefixed(prefix: str, arrays: Arrays) -> Arrays:
    cut = len(prefix) + 1
    return {name[cut:]: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}


def _numpy(variable: Any) -> NDArray[Any]:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable), order="C")
