"""Saves and loads the recogniser: one safetensors file with JSON metadata; no pickle, nothing that can run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.settings import Settings
from data.storage import parse_json, write_bytes
from engine.arrays import check_finite, read_safetensors
from engine.errors import InvalidModel
from engine.recognition.recogniser import FeatureMap, Recogniser
from engine.recognition.vote import Vote
from engine.recognition.voters import KnnVoter, LinearVoter

VOTERS_FILE = "voters.safetensors"
_FORMAT = 1
Arrays = dict[str, NDArray[Any]]


def save_recogniser(recogniser: Recogniser, folder: Path) -> None:
    """Writes `voters.safetensors`, atomically."""
    from safetensors.numpy import save

    voters = {"softmax": recogniser.softmax, "svm": recogniser.svm}
    arrays: Arrays = {
        "mean": recogniser.features.mean,
        "matrix": recogniser.features.matrix,
        "vote_weights": recogniser.vote.weights,
        # half precision: its 3 digits are more than enough to compare neighbours, and this is by far the largest array
        "knn_rows": recogniser.knn.rows.astype(np.float16),
        "knn_labels": recogniser.knn.row_labels,
        "knn_photos": recogniser.row_photos,
        "photos": np.frombuffer(b"".join(bytes.fromhex(p.decode()) for p in recogniser.photos), np.uint8),
    }
    for name, voter in voters.items():
        for number, (weights, bias) in enumerate(voter.layers):
            arrays |= {f"{name}_{number}_weights": weights, f"{name}_{number}_bias": bias}
    facts = {
        "format": _FORMAT,
        "fingerprint": recogniser.fingerprint,
        "label_kind": recogniser.label_kind,
        "labels": recogniser.labels,
        "transform": recogniser.features.transform,
        "views": recogniser.features.views,
        "layers": {name: len(voter.layers) for name, voter in voters.items()},
        "temperatures": {name: voter.temperature for name, voter in voters.items()},
        "knn": {
            "k": recogniser.knn.k,
            "bandwidth": recogniser.knn.bandwidth,
            "temperature": recogniser.knn.temperature,
        },
        "vote": {
            "rule": recogniser.vote.rule,
            "temperature": recogniser.vote.temperature,
            "threshold": recogniser.vote.threshold,
            "broader": recogniser.vote.broader,
        },
    }
    content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_bytes(folder / VOTERS_FILE, save(content, metadata={"recogniser": json.dumps(facts, ensure_ascii=False)}))


def load_recogniser(path: Path, settings: Settings | None = None) -> Recogniser:
    """Reads a recogniser whose sha256 was checked already (`GenerationFolder.path` does that).

    Args:
        settings: decide the device of the k-NN index; None: the CPU.

    Raises:
        InvalidModel: the file is no recogniser of this format, or its parts do not fit each other.
    """
    arrays, facts = _read(path)
    try:
        if facts["format"] != _FORMAT:
            raise InvalidModel(
                f"{path.name} must be of format {_FORMAT}; got {facts['format']}. Train the voters again."
            )
        labels = tuple(str(label) for label in facts["labels"])
        return Recogniser(
            fingerprint=str(facts["fingerprint"]),
            label_kind=str(facts["label_kind"]),
            labels=labels,
            features=FeatureMap(
                transform=str(facts["transform"]),
                mean=arrays["mean"],
                matrix=arrays["matrix"],
                views=tuple(str(view) for view in facts["views"]),
            ),
            softmax=_linear("softmax", arrays, facts),
            svm=_linear("svm", arrays, facts),
            knn=KnnVoter(
                arrays["knn_rows"],
                arrays["knn_labels"].astype(np.int64, casting="safe"),
                label_count=len(labels),
                k=int(facts["knn"]["k"]),
                bandwidth=float(facts["knn"]["bandwidth"]),
                temperature=float(facts["knn"]["temperature"]),
                settings=settings,
            ),
            vote=Vote(
                weights=arrays["vote_weights"],
                rule=str(facts["vote"]["rule"]),
                temperature=float(facts["vote"]["temperature"]),
                threshold=float(facts["vote"]["threshold"]),
                broader=tuple(float(value) for value in facts["vote"].get("broader", ())),
            ),
            photos=np.array([row.tobytes().hex() for row in arrays["photos"].reshape(-1, 32)], "S64"),
            row_photos=arrays["knn_photos"].astype(np.int64, casting="safe"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidModel(f"{path.name} must hold three voters and a vote; got {error!r}. Train again.") from error


def _linear(name: str, arrays: Arrays, facts: dict[str, Any]) -> LinearVoter:
    return LinearVoter(
        layers=tuple(
            (arrays[f"{name}_{number}_weights"], arrays[f"{name}_{number}_bias"])
            for number in range(int(facts["layers"][name]))
        ),
        temperature=float(facts["temperatures"][name]),
    )


def _read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    arrays, metadata = read_safetensors(path)
    check_finite(path, arrays)
    try:
        facts = parse_json(metadata["recogniser"])
    except (KeyError, ValueError) as error:
        raise InvalidModel(f"{path.name} must be a recogniser in safetensors; got {error}. Train again.") from error
    if not isinstance(facts, dict):
        raise InvalidModel(f"{path.name} must describe its recogniser; it does not. Train the voters again.")
    floats = {name: array.astype(np.float32) for name, array in arrays.items() if array.dtype.kind == "f"}
    return {**arrays, **floats}, facts
