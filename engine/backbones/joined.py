"""Several backbones as one, such as `efficientnet_lite2+shoes`: features of each, of length 1, one behind the other."""

import hashlib
from collections.abc import Sequence
from typing import Any

from data.errors import SettingsError
from engine.protocols import BackboneSpec

SHORTEST = 1e-12  # length of features below which they are not made longer


def joined_spec(parts: Sequence[BackboneSpec]) -> BackboneSpec:
    """Returns the spec of several backbones joined; they read the same square of a photo.

    Raises:
        SettingsError: they do not cut photos alike.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.preprocessing != first.preprocessing:
            raise SettingsError(
                f"backbones that are joined must cut photos alike; {first.name} takes {first.preprocessing}, "
                f"{part.name} takes {part.preprocessing}. Take another backbone."
            )
    return BackboneSpec(
        name="+".join(part.name for part in parts),
        dim=sum(part.dim for part in parts),
        input_size=first.input_size,
        weights_digest=hashlib.sha256(" ".join(part.weights_digest for part in parts).encode()).hexdigest(),
        preprocessing=first.preprocessing,
        runtime=first.runtime,
        precision=first.precision,
        pooling="+".join(part.pooling for part in parts),
    )


def joined_model(models: Sequence[Any]) -> Any:
    """Returns an `openvino.Model` that gives a photo to each of several, and joins their features; it takes them over.

    Args:
        models: uint8 (n, size, size, 3) -> float32 (n, dim) each, of one size.
    """
    import openvino
    from openvino import opset13

    photos = models[0].get_parameters()[0]
    for model in models[1:]:
        model.input(0).replace(photos.output(0))
    features = [model.get_results()[0].input_value(0) for model in models]
    rows = [opset13.normalize_l2(each, [1], SHORTEST, "max") for each in features]
    return openvino.Model([opset13.concat(rows, 1)], [photos], "joined")


def joined_rows(rows: Any) -> list[Any]:
    """Returns the features of each network, where `rows` is the output of a joined one; else nothing."""
    parts = [value.get_node() for value in rows.get_node().input_values()]
    is_joined = rows.get_node().get_type_name() == "Concat" and all(
        part.get_type_name() == "NormalizeL2" for part in parts
    )
    return [part.input_value(0) for part in parts] if is_joined else []
