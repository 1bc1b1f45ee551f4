"""Generations on disk, the complete builds that are searched: staged, checked, published atomically, rolled back."""

from data.generations.store import REBUILD_LOCK, GenerationFolder, GenerationStore, Manifest, StagedGeneration

__all__ = ["REBUILD_LOCK", "GenerationFolder", "GenerationStore", "Manifest", "StagedGeneration"]
