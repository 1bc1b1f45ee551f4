"""A generation: everything a query needs, immutable, written and loaded, and verified before it is parsed."""

from engine.generation.files import load_generation, write_generation_files
from engine.generation.generation import Generation
from engine.generation.models import Models
from engine.generation.rows import ROWS_FILE, RowTable

__all__ = ["ROWS_FILE", "Generation", "Models", "RowTable", "load_generation", "write_generation_files"]
