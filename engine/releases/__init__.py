"""Releases what servers that only search need of the live generation and the catalogue."""

from engine.releases.contents import contents_of
from engine.releases.publishing import Releaser, keep_released, release

__all__ = ["Releaser", "contents_of", "keep_released", "release"]
