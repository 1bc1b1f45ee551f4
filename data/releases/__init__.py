"""Releases: what servers that only search need of a home, in storage that they all reach, and as their local copy."""

from data.releases.cache import ReleaseCache
from data.releases.catalogue_copy import copy_catalogue
from data.releases.release import File, Release
from data.releases.storage import ReleaseStorage
from data.releases.thumbnails import StoredThumbnails

__all__ = [
    "File",
    "Release",
    "ReleaseCache",
    "ReleaseStorage",
    "StoredThumbnails",
    "copy_catalogue",
]
