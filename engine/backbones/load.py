"""Chooses and loads the backbone that the settings name."""

import importlib.util
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.errors import SettingsError
from data.settings import BACKBONES, Settings, backbone_parts
from data.storage import parse_json, read_small
from engine.backbones import openvino_runtime
from engine.backbones.efficientnet_lite import load_state
from engine.backbones.joined import joined_model, joined_spec
from engine.backbones.keras_import import import_keras
from engine.backbones.keras_networks import (
    ARCHITECTURES,
    Architecture,
    KerasBackbone,
    build_network,
    load_weights,
    precision_policy,
    to_openvino,
    trunk_of,
)
from engine.backbones.preprocess import PREPROCESSING, View, view_of
from engine.backbones.weights import Weights, file_digest, find_weights, lite2_state
from engine.errors import BackboneUnavailable, InvalidModel, MissingExtra
from engine.exports import processor_has_bf16
from engine.own_backbones import OF_BACKBONE, convert_image, is_own, read_own
from engine.protocols import Backbone, BackboneSpec

_log = logging.getLogger("lookalike.backbones")
_LEAST_SIZE = 96  # pixels; Inception-v3 and Xception take no square of less than 75
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class CustomBackbone:
    """A fine-tuned backbone, which `lookalike train backbone` wrote to `$LOOKALIKE_HOME/backbones/<name>/`.

    Attributes:
        name: its own name.
        base: the architecture it was fine-tuned from.
        input_size: side in pixels of the square it reads.
        weights: its `weights.weights.h5`, checked against the sha256 in its `backbone.json`.
    """

    name: str
    base: str
    input_size: int
    weights: Weights


def resolve_spec(settings: Settings) -> BackboneSpec:
    """Returns the spec of the backbone that the settings ask for, without loading a network.

    Raises:
        BackboneUnavailable: there is no such backbone, or its weights cannot be found or downloaded.
        InvalidModel: a weights file has another sha256 than the one that was named.
        SettingsError: this machine or runtime does not support the runtime or precision that the settings name.
    """
    own = is_own(settings.home, settings.backbone)
    if settings.text_encoder == OF_BACKBONE and not (own and read_own(settings.home, settings.backbone).text):
        raise SettingsError(
            f"text_encoder = {OF_BACKBONE} needs a backbone with a text tower; {settings.backbone} has none. Take "
            "another text_encoder, or see docs/backbones.md."
        )
    return _spec(settings)


def _spec(settings: Settings) -> BackboneSpec:
    if len(backbone_parts(settings.backbone)) > 1:
        return joined_spec(_part_specs(settings))
    if is_own(settings.home, settings.backbone):
        return own_spec(settings)
    runtime = _runtime(settings)
    precision = _precision(settings, runtime)
    architecture, own_size, weights = _resolve(settings)
    return BackboneSpec(
        name=settings.backbone,
        dim=architecture.dim,
        input_size=_size(settings) or own_size,
        weights_digest=weights.digest,
        preprocessing=PREPROCESSING,
        runtime=runtime,
        precision=precision,
    )


def own_spec(settings: Settings) -> BackboneSpec:
    """Returns the spec of the network that a user brought under the name that the settings give.

    Raises:
        InvalidModel: its description breaks a rule.
        SettingsError: the settings name another runtime than OpenVINO, or another input size than its own.
    """
    _require_openvino(settings)
    own = read_own(settings.home, settings.backbone)
    image = own.image
    if settings.input_size not in (0, image.input_size):
        raise SettingsError(
            f"input_size must be 0 with {own.name}, whose file says {image.input_size}; got {settings.input_size}."
        )
    return BackboneSpec(
        name=own.name,
        dim=image.dim,
        input_size=image.input_size,
        weights_digest=own.digest,
        preprocessing=View(image.fit, image.shown, image.resample).preprocessing,
        runtime="openvino",
        precision=_precision(settings, "openvino"),
        pooling=image.pooling,
    )


def _part_specs(settings: Settings) -> list[BackboneSpec]:
    """Returns the specs of the backbones that the settings join: all read a square of the first one's size."""
    _require_openvino(settings)
    if settings.weights != "imagenet":
        raise SettingsError(
            f"weights must be imagenet where backbones are joined ({settings.backbone}); got {settings.weights}. "
            "Networks trained by `lookalike train backbone` are joined by their names."
        )
    specs = list[BackboneSpec]()
    for name in backbone_parts(settings.backbone):
        size = specs[0].input_size if specs else settings.input_size
        specs.append(_spec(settings.replace(backbone=name, input_size=size, runtime="openvino")))
    return specs


def _require_openvino(settings: Settings) -> None:
    if settings.runtime == "keras" or importlib.util.find_spec("openvino") is None:
        raise SettingsError(f"the backbone {settings.backbone} runs in OpenVINO only. Set runtime to openvino.")


def load_backbone(
    settings: Settings,
    spec: BackboneSpec,
    *,
    latency: bool = False,
    calibration: Iterable[NDArray[np.uint8]] | None = None,
) -> Backbone:
    """Loads the network that `spec` describes; for OpenVINO, exports it from Keras first if that was not done yet.

    Args:
        settings: where weights and exported models are stored, and how many threads to use.
        spec: from `resolve_spec`, or from a generation's manifest.
        latency: prepare for single queries rather than for bulk work.
        calibration: network inputs, uint8 (input_size, input_size, 3) each, to calibrate an int8 model that does not
            exist yet; the first 200 are used.

    Raises:
        BackboneUnavailable: the weights cannot be found or downloaded, `spec` has another preprocessing version, int8
            has not been calibrated, or this processor has no bf16.
        MissingExtra: the network is not exported yet, and what exports it is not installed.
        InvalidModel: the weights or the exported model differ from what `spec` names.
    """
    if view_of(spec.preprocessing).preprocessing != spec.preprocessing:
        raise BackboneUnavailable(
            f"features must be of preprocessing {PREPROCESSING}; got {spec.preprocessing}, made by another version. "
            "Run lookalike rebuild --full."
        )
    if spec.runtime == "keras":
        return KerasBackbone(spec, _network(settings, spec))
    if spec.precision == "bf16" and not processor_has_bf16():
        raise BackboneUnavailable(
            "features of precision bf16 need a processor that computes in bf16; this one does not. "
            "Run lookalike rebuild here, or with LOOKALIKE_PRECISION=f32 where the catalogue is built."
        )
    if not openvino_runtime.is_exported(settings.home, spec):
        _export(settings, spec)
        if spec.precision == "int8":
            openvino_runtime.quantise(settings.home, spec, () if calibration is None else calibration)
    return openvino_runtime.OpenVinoBackbone(settings.home, spec, threads=settings.cores, latency=latency)


def _export(settings: Settings, spec: BackboneSpec) -> None:
    _log.info("converting %s for OpenVINO, once", spec.name)
    openvino_runtime.export(settings.home, spec, lambda: _converted(settings, spec))


def _converted(settings: Settings, spec: BackboneSpec) -> Any:
    """Returns the network as `openvino.Model`, uint8 (n, input_size, input_size, 3) -> float32 (n, dim)."""
    if len(backbone_parts(spec.name)) > 1:
        settings = settings.replace(
            backbone=spec.name, weights="imagenet", input_size=spec.input_size, runtime="openvino", precision="f32"
        )
        parts = _part_specs(settings)
        if joined_spec(parts).weights_digest != spec.weights_digest:
            raise InvalidModel(f"{spec.name} must be as it was when the features were made. Run lookalike rebuild.")
        return joined_model([_converted(settings, part) for part in parts])
    if is_own(settings.home, spec.name):
        own = read_own(settings.home, spec.name)
        if own.digest != spec.weights_digest:
            raise InvalidModel(f"{own.folder} must be as it was when the features were made. Run lookalike rebuild.")
        return convert_image(own)
    try:
        import_keras()
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{spec.name} must be converted for OpenVINO once, which needs the extra `train` (there is no module "
            f"{error.name}); {settings.home / 'runtime'} does not hold it yet. Run `lookalike rebuild` where that "
            "extra is installed, and copy its home here as a whole."
        ) from error
    return to_openvino(_network(settings, spec, dtype="uint8"))


def custom_backbone(home: Path, name: str) -> CustomBackbone:
    """Returns the fine-tuned backbone of this name, after checking its weights.

    Raises:
        BackboneUnavailable: there is none of this name.
        InvalidModel: its description or its weights are damaged.
    """
    folder = home / "backbones" / name
    path = folder / "backbone.json"
    if not NAME.fullmatch(name) or not path.exists():
        raise BackboneUnavailable(
            f"backbone must be one of {', '.join(BACKBONES)}, or a name that `lookalike train backbone` or `lookalike "
            f"backbone add` made; got {name!r}."
        )
    try:
        fields = parse_json(read_small(path))
        base, input_size, digest = str(fields["base"]), int(fields["input_size"]), str(fields["weights_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidModel(
            f"{path} must name base, input_size and weights_sha256; got {error}. Train it again."
        ) from error
    weights = folder / "weights.weights.h5"
    if base not in ARCHITECTURES or not 32 <= input_size <= 1024:
        raise InvalidModel(f"{path} must name a known base and a size of 32 to 1024; got {base!r}, {input_size}.")
    if not weights.is_file() or file_digest(weights) != digest:
        raise InvalidModel(f"{weights} must have sha256 {digest}; it is missing or was changed. Train it again.")
    return CustomBackbone(name, base, input_size, Weights(weights, digest))


def _resolve(settings: Settings) -> tuple[Architecture, int, Weights]:
    if settings.backbone in ARCHITECTURES:
        architecture = ARCHITECTURES[settings.backbone]
        return architecture, architecture.input_size, find_weights(settings)
    custom = custom_backbone(settings.home, settings.backbone)
    return ARCHITECTURES[custom.base], custom.input_size, custom.weights


def _size(settings: Settings) -> int:
    """Returns the side of the input that the settings ask for; 0: the backbone's own."""
    if 0 < settings.input_size < _LEAST_SIZE:
        raise SettingsError(f"input_size must be 0 or at least {_LEAST_SIZE}; got {settings.input_size}.")
    return settings.input_size


def _network(settings: Settings, spec: BackboneSpec, *, dtype: str = "float32") -> Any:
    # `settings.weights` belongs to `settings.backbone`; a generation may have been built with another backbone.
    weights_setting = settings.weights if spec.name == settings.backbone else "imagenet"
    architecture, _, weights = _resolve(settings.replace(backbone=spec.name, weights=weights_setting))
    if weights.digest != spec.weights_digest:
        raise InvalidModel(
            f"weights of {spec.name} must have sha256 {spec.weights_digest}; got {weights.digest} from {weights.path}. "
            "Give the weights that the generation was built with, or run lookalike rebuild."
        )
    import_keras()
    with precision_policy(spec.precision if spec.runtime == "keras" else "f32"):
        network = build_network(architecture, spec.input_size, dtype=dtype)
    if weights.path.suffix == ".pth":
        load_state(trunk_of(network), lite2_state())
    else:
        load_weights(network, weights.path)
    return network


def _runtime(settings: Settings) -> str:
    has_openvino = importlib.util.find_spec("openvino") is not None
    if settings.runtime == "auto":
        return "keras" if settings.device == "gpu" or not has_openvino else "openvino"
    if settings.runtime == "openvino" and not has_openvino:
        raise SettingsError(
            "runtime openvino needs the package openvino. Install the extra `cpu`, or set runtime to keras."
        )
    return settings.runtime


def _precision(settings: Settings, runtime: str) -> str:
    if runtime == "keras" and settings.precision == "int8":
        raise SettingsError("precision int8 needs runtime openvino; got runtime keras. Set precision to f32 or bf16.")
    if settings.precision in ("f32", "int8") or runtime == "keras":
        return "f32" if settings.precision == "auto" else settings.precision
    if processor_has_bf16():
        return "bf16"
    if settings.precision == "bf16":
        raise SettingsError("precision bf16 needs a processor that computes in bf16; this one does not. Set it to f32.")
    return "f32"
