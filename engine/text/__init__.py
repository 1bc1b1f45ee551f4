"""Runs the text tower on words: a sentence encoder, and the head that maps its embeddings to the product space."""

from engine.text.encoders import (
    drop_unused_encoders,
    find_encoder,
    is_tuned,
    publish_encoder,
    staged_encoder,
    tuned_folder,
)
from engine.text.features import Encoder, text_features, text_width
from engine.text.head import HEAD_FILE, TextHead, fit_ridge
from engine.text.joint import JointModel, is_joint, joint_name
from engine.text.multilingual import MULTILINGUAL, check_multilingual, is_word
from engine.text.of_generation import describe_encoder, encoder_of, lost_encoder
from engine.text.recent import RecentRows
from engine.text.sentence_transformer import MINILM, bundled_model, load_model
from engine.text.tower import EncoderTextTower, TextEncoder, encoder_of_head, encoder_title
from engine.text.typed import typed_texts

__all__ = [
    "HEAD_FILE",
    "MINILM",
    "MULTILINGUAL",
    "Encoder",
    "EncoderTextTower",
    "JointModel",
    "RecentRows",
    "TextEncoder",
    "TextHead",
    "bundled_model",
    "check_multilingual",
    "describe_encoder",
    "drop_unused_encoders",
    "encoder_of",
    "encoder_of_head",
    "encoder_title",
    "find_encoder",
    "fit_ridge",
    "is_joint",
    "is_tuned",
    "is_word",
    "joint_name",
    "load_model",
    "lost_encoder",
    "publish_encoder",
    "staged_encoder",
    "text_features",
    "text_width",
    "tuned_folder",
    "typed_texts",
]
