"""Finds the sentence encoder that a generation needs, and checks one that was tuned for it in this home."""

from pathlib import Path

from data.generations import GenerationFolder
from engine.errors import BackboneUnavailable, InvalidModel
from engine.own_backbones import check_files, read_own
from engine.text.encoders import is_tuned, tuned_folder
from engine.text.head import HEAD_FILE, TextHead
from engine.text.joint import is_joint
from engine.text.tower import encoder_title


def encoder_of(folder: GenerationFolder) -> str:
    """Returns the name of the encoder that a generation's text head was fitted on, or "" if it has no text head."""
    return TextHead.load(folder.path(HEAD_FILE)).encoder_name if folder.has(HEAD_FILE) else ""


def describe_encoder(folder: GenerationFolder) -> str:
    """Returns what status calls a generation's text encoder, or "" if it has no text head that can be read."""
    try:
        return encoder_title(encoder_of(folder)) if folder.has(HEAD_FILE) else ""
    except InvalidModel:
        return ""


def lost_encoder(home: Path, folder: GenerationFolder) -> str:
    """Returns what is wrong with the encoder of a generation that this home holds, or "" if nothing is."""
    name = encoder_of(folder)
    if is_tuned(name) or is_joint(name):
        try:
            tuned_folder(home, name) if is_tuned(name) else check_files(read_own(home, name.partition("/")[2]))
        except (InvalidModel, BackboneUnavailable):
            return f"{name} is {'damaged' if (home / name).exists() else 'missing'}"
    return ""
