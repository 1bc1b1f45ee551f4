"""The sentence encoder that a generation reads words with; one that was tuned for it lies beside it in the home."""

from pathlib import Path

from data.generations import GenerationFolder
from engine.errors import InvalidModel
from engine.text import HEAD_FILE, TextHead, is_tuned, tuned_folder


def encoder_of(folder: GenerationFolder) -> str:
    """Returns what a generation's text head calls its encoder; "" where it has no text head."""
    return TextHead.load(folder.path(HEAD_FILE)).encoder_name if folder.has(HEAD_FILE) else ""


def lost_encoder(home: Path, folder: GenerationFolder) -> str:
    """Returns how the encoder that was tuned for a generation was lost, "" where nothing is amiss."""
    name = encoder_of(folder)
    if is_tuned(name):
        try:
            tuned_folder(home, name)
        except InvalidModel:
            return f"{name} is {'damaged' if (home / name).exists() else 'missing'}"
    return ""
