"""Generations on disk, the complete builds that are searched: staged, checked, published atomically, rolled back."""

from data.generations.figures import FIGURES, Figure, main_figures
from data.generations.manifest import is_file_name, is_generation_id, new_id
from data.generations.store import (
    REBUILD_LOCK,
    GenerationFolder,
    GenerationStore,
    Manifest,
    StagedGeneration,
    id_of_staged,
)

__all__ = [
    "FIGURES",
    "REBUILD_LOCK",
    "Figure",
    "GenerationFolder",
    "GenerationStore",
    "Manifest",
    "StagedGeneration",
    "id_of_staged",
    "is_file_name",
    "is_generation_id",
    "main_figures",
    "new_id",
]
