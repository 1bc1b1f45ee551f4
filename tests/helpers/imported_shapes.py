"""Imports the small catalogue of shapes, so that a test can rebuild it in a moment."""

from pathlib import Path

import pytest
from shape_catalogue import draw_catalogue

from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from indexer.importing import import_feed
from indexer.rebuild import parts
from training.parts import SPACE


def import_shapes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Imports the shapes without texts and leaves the product space as the only part to train.

    Returns:
        The feed's path; the test may change the photos beside it.
    """
    monkeypatch.setattr(parts, "PARTS", (SPACE,))
    path = draw_catalogue(settings.home.parent / "feed", texts=False)
    import_feed(settings, path)
    return path


def live(settings: Settings) -> GenerationFolder:
    """Returns the live generation."""
    return GenerationStore(settings.home).open()
