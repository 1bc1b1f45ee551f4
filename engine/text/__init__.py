"""Runs the text tower on words: a sentence encoder, and the head that maps its embeddings to the product space."""

from engine.text.encoders import (
    drop_unused_encoders,
    find_encoder,
    is_tuned,
    publish_encoder,
    staged_encoder,
    tuned_folder,
)
from engine.text.features import CHARACTERS, Encoder, text_features
from engine.text.head import HEAD_FILE, TextHead, fit_ridge
from engine.text.tower import EncoderTextTower, TextEncoder, bundled_model, load_model

__all__ = [
    "CHARACTERS",
    "HEAD_FILE",
    "Encoder",
    "EncoderTextTower",
    "TextEncoder",
    "TextHead",
    "bundled_model",
    "drop_unused_encoders",
    "find_encoder",
    "fit_ridge",
    "is_tuned",
    "load_model",
    "publish_encoder",
    "staged_encoder",
    "text_features",
    "tuned_folder",
]
