"""Runs backbones, the networks that turn photos into pool_3 features: their weights, runtimes and preprocessing."""

from engine.backbones.efficientnet_lite import load_state
from engine.backbones.embedding import embed_photos, load_input
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
from engine.backbones.load import NAME, load_backbone, resolve_spec
from engine.backbones.openvino_runtime import OpenVinoBackbone, export, model_folder
from engine.backbones.preprocess import PREPROCESSING, View, decode_target, looked_at, to_input, view_of
from engine.backbones.sums import damaged_backbones, write_sums
from engine.backbones.weights import ClassifierRows, Weights, classifier_rows, find_weights, lite2_state

__all__ = [
    "ARCHITECTURES",
    "NAME",
    "PREPROCESSING",
    "Architecture",
    "ClassifierRows",
    "KerasBackbone",
    "OpenVinoBackbone",
    "View",
    "Weights",
    "build_network",
    "classifier_rows",
    "damaged_backbones",
    "decode_target",
    "embed_photos",
    "export",
    "find_weights",
    "import_keras",
    "lite2_state",
    "load_backbone",
    "load_input",
    "load_state",
    "load_weights",
    "looked_at",
    "model_folder",
    "precision_policy",
    "resolve_spec",
    "to_input",
    "to_openvino",
    "trunk_of",
    "view_of",
    "write_sums",
]
