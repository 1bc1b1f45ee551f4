"""Saves and loads the attribute voters: one safetensors file with JSON metadata, as for the recogniser."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from data.photos import COLOUR_NAMES
from data.storage import parse_json, write_bytes
from engine.arrays import check_finite, read_safetensors
from engine.errors import InvalidModel
from engine.recognition.attributes import AttributeVoter, AttributeVoters, Value
from engine.recognition.recogniser import FeatureMap

ATTRIBUTES_FILE = "attributes.safetensors"
_FORMAT = 1


def save_attribute_voters(voters: AttributeVoters, folder: Path) -> None:
    """Writes `attributes.safetensors`, atomically."""
    from safetensors.numpy import save

    arrays = {
        "mean": voters.features.mean,
        "matrix": voters.features.matrix,
        "weights": np.concatenate([voter.weights for voter in voters.voters], axis=1),
        "bias": np.concatenate([voter.bias for voter in voters.voters]),
    }
    facts = {
        "format": _FORMAT,
        "fingerprint": voters.fingerprint,
        "transform": voters.features.transform,
        "colours": list(COLOUR_NAMES),
        "attributes": [
            {name: getattr(voter, name) for name in ("name", "values", "offset", "slope", "threshold")}
            for voter in voters.voters
        ],
    }
    content = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    text = json.dumps(facts, ensure_ascii=False, allow_nan=False)
    write_bytes(folder / ATTRIBUTES_FILE, save(content, metadata={"attributes": text}))


def load_attribute_voters(path: Path) -> AttributeVoters:
    """Reads attribute voters whose sha256 was checked already (`GenerationFolder.path` does that).

    Raises:
        InvalidModel: the file holds none of this format, or its parts do not fit each other.
    """
    arrays, metadata = read_safetensors(path)
    check_finite(path, arrays)
    try:
        facts = parse_json(metadata["attributes"])
        if facts["format"] != _FORMAT:
            raise InvalidModel(f"{path.name} must be of format {_FORMAT}; got {facts['format']}. Rebuild.")
        if facts["colours"] != list(COLOUR_NAMES):
            raise InvalidModel(f"{path.name} must read the {len(COLOUR_NAMES)} colours of this version. Rebuild.")
        features = FeatureMap(transform=str(facts["transform"]), mean=arrays["mean"], matrix=arrays["matrix"])
        return AttributeVoters(
            fingerprint=str(facts["fingerprint"]), features=features, voters=_voters(arrays, facts["attributes"])
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InvalidModel(f"{path.name} must hold attribute voters; got {error!r}. Rebuild.") from error


def _voters(arrays: dict[str, Any], entries: list[dict[str, Any]]) -> tuple[AttributeVoter, ...]:
    """Returns the voters, each with its columns of the joint arrays."""
    weights, bias = arrays["weights"], arrays["bias"]
    values = [tuple(_value(value) for value in entry["values"]) for entry in entries]
    ends = np.cumsum([len(each) for each in values]).tolist()
    if weights.ndim != 2 or bias.shape != (ends[-1],) or weights.shape[1] != ends[-1]:
        raise ValueError(f"{weights.shape} weights for {ends[-1]} values")
    return tuple(
        AttributeVoter(
            name=str(entry["name"]),
            values=each,
            weights=weights[:, end - len(each) : end],
            bias=bias[end - len(each) : end],
            offset=float(entry["offset"]),
            slope=float(entry["slope"]),
            threshold=float(entry["threshold"]),
        )
        for entry, each, end in zip(entries, values, ends, strict=True)
    )


def _value(value: Any) -> Value:
    if not isinstance(value, str | float | int):
        raise TypeError(f"a value must be a text, a number, or true or false; got {type(value).__name__}")
    return value
