"""Generations on disk: staged, verified, published atomically, rolled back."""

from data.generations.store import GenerationFolder, GenerationStore, StagedGeneration

__all__ = ["GenerationFolder", "GenerationStore", "StagedGeneration"]
