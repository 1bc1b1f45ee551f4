"""Says which files of a home a search in one generation needs, beside the catalogue."""

from collections.abc import Iterator
from pathlib import Path

from data.generations import GenerationFolder
from engine.backbones import model_folder
from engine.exports import export_folder
from engine.protocols import BackboneSpec
from engine.text import HEAD_FILE, TextHead, is_joint, is_tuned

MANIFEST = "manifest.json"


def contents_of(home: Path, folder: GenerationFolder) -> dict[str, Path]:
    """Returns path in the home -> file: the generation, the networks it runs, and the tower of its words.

    Raises:
        CorruptGeneration: a file of the generation differs from its manifest.
        InvalidModel: its text head is damaged.
    """
    folder.verify()
    files = [folder.folder / MANIFEST, *(folder.path(name) for name in folder.manifest.files)]
    for needed in _models(home, folder):
        files += sorted(path for path in needed.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path for path in files}


def _models(home: Path, folder: GenerationFolder) -> Iterator[Path]:
    yield model_folder(home, BackboneSpec.from_json(folder.manifest.backbone))
    if not folder.has(HEAD_FILE):
        return
    head = TextHead.load(folder.path(HEAD_FILE))
    exported = export_folder(home, head.encoder_digest)
    yield exported
    if is_joint(head.encoder_name) or (is_tuned(head.encoder_name) and not exported.exists()):
        yield home / head.encoder_name
