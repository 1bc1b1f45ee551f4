"""Publishes generations of two small files, and flips single bits of files."""

from pathlib import Path
from typing import Any

from data.generations import GenerationFolder, GenerationStore

FIELDS: dict[str, Any] = {
    "fingerprint": "f" * 64,
    "dim": 256,
    "metric": "inner_product",
    "counts": {"products": 2, "images": 5},
    "seq": 17,
    "backbone": {"name": "tiny", "dim": 192},
    "versions": {"numpy": "2.0"},
    "metrics": {"recall_at_10": 0.99, "parts": {"space": {"dim": 256}}},
    "gates": [{"name": "counts", "passed": True}],
}


def publish(store: GenerationStore, content: bytes = b"vectors") -> GenerationFolder:
    """Publishes `index.bin` of this content and `deep/head.bin`."""
    staged = store.stage()
    (staged.folder / "index.bin").write_bytes(content)
    (staged.folder / "deep").mkdir()
    (staged.folder / "deep" / "head.bin").write_bytes(b"head")
    return store.publish(staged, **FIELDS)


def flip(path: Path, position: int, bit: int = 0) -> None:
    """Changes one bit of a file; the same call again undoes it."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)
