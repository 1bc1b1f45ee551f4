"""Takes a network that a user brings into the home, once it has passed every check."""

import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.settings import Settings
from data.storage import fsync_path, make_folder, read_small, sha256_file, sweep_abandoned
from engine.errors import BackboneUnavailable, InvalidModel
from engine.own_backbones import FILE, FOLDER, VERSION, check_name, check_onnx, check_plain, read_folder, write_toml
from indexer.backbones.conformance import Conformance, examine_own
from indexer.backbones.hugging_face import export_folder, is_hugging_face
from indexer.backbones.onnx_drafts import draft

_STAGED = ".new-"


@dataclass(frozen=True, kw_only=True)
class BackboneNotes:
    """What a user says about a network that has no `backbone.toml`.

    Attributes:
        preprocessing: a name of `indexer.backbones.PREPROCESSINGS`; empty where it is not known.
        licence, source: in the user's words.
    """

    preprocessing: str = ""
    licence: str = ""
    source: str = ""


def add(settings: Settings, path: Path, name: str, told: BackboneNotes) -> Conformance:
    """Copies a network into `$LOOKALIKE_HOME/backbones/<name>/`, converted where needed; the folder appears whole.

    Args:
        path: a folder with a `backbone.toml`, a folder of Hugging Face's library transformers, or an ONNX file.

    Raises:
        BackboneUnavailable: the name cannot be taken, or is taken.
        InvalidModel: a file breaks a rule, or the network does not answer as it must; the message says how.
        MissingExtra: what converts it is not installed.
    """
    check_name(name)
    with new_folder(settings.home / FOLDER / name, "backbone") as folder:
        _stage(path, folder, told)
        found = examine_own(read_folder(folder), settings)
        if found.problems:
            raise InvalidModel(f"{path} must pass every check; {'; '.join(found.problems)}.")
    return found


@contextmanager
def new_folder(target: Path, kind: str) -> Iterator[Path]:
    """Lends an empty folder that becomes `target` at once at the end; nothing is stored if anything fails inside.

    Args:
        kind: of network, as the commands call it.

    Raises:
        BackboneUnavailable: the name is taken.
    """
    if target.exists() or target.is_symlink():
        raise BackboneUnavailable(
            f"{target} exists already. Take another name, or remove it with `lookalike {kind} remove {target.name}`."
        )
    make_folder(target.parent)
    sweep_abandoned(target.parent, f"{_STAGED}*")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=_STAGED) as temporary:
        folder = Path(temporary) / target.name
        folder.mkdir()
        yield folder
        for each in (*folder.iterdir(), folder):
            fsync_path(each)
        folder.rename(target)
    fsync_path(target.parent)


def _stage(path: Path, staged: Path, told: BackboneNotes) -> None:
    """Writes the network's files and its `backbone.toml` into the empty folder `staged`."""
    if path.is_dir() and (path / FILE).exists():
        copy_described(path, staged, FILE, "docs/backbones.md")
    elif path.is_dir() and is_hugging_face(path):
        _describe(
            staged, FILE, export_folder(path, staged), {"licence": told.licence, "source": told.source or str(path)}
        )
    elif path.suffix == ".onnx":
        check_plain(path)
        _copy(path.parent, staged, [path.name, *check_onnx(path, _sizes(path.parent))])
        tables = draft(staged / path.name, told.preprocessing)
        _describe(staged, FILE, tables, {"licence": told.licence, "source": told.source or path.name})
    else:
        raise InvalidModel(
            f"{path} must be a folder with a {FILE}, a folder that transformers saved, or an .onnx file; it is none."
        )


def copy_described(path: Path, staged: Path, description: str, page: str) -> None:
    """Copies what a description names, and writes the description with the sha256 of each file.

    Args:
        description: name of its file in the folder `path`.
        page: the documentation that says what it must hold.

    Raises:
        InvalidModel: a file breaks a rule, or is not what the description says.
    """
    try:
        fields = tomllib.loads(read_small(path / description).decode("utf-8"))
        tables: dict[str, Any] = {name: table for name, table in fields.items() if isinstance(table, dict)}
        sides = [tables[side] for side in ("image", "text") if side in tables]
        networks = sorted({str(side["onnx"]) for side in sides})
        named = [str(side["tokenizer"]) for side in sides if "tokenizer" in side]
        named += [str(tables["reference"]["photo"])] if "reference" in tables else []
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise InvalidModel(f"{path / description} must be as {page} says; got {error!r}.") from error
    for network in networks:
        check_plain(path / Path(network).name)
        named += [network, *check_onnx(path / Path(network).name, _sizes(path))]
    _copy(path, staged, named)
    for file, digest in tables.pop("files", {}).items():
        if (staged / Path(str(file)).name).exists() and sha256_file(staged / Path(str(file)).name) != digest:
            raise InvalidModel(
                f"{path / file} must have the sha256 that {description} names, {digest!r:.80}; it has another."
            )
    if fields.pop("version", None) != VERSION:
        raise InvalidModel(f"{path / description} must have version = {VERSION}.")
    _describe(
        staged, description, tables, {name: value for name, value in fields.items() if not isinstance(value, dict)}
    )


def _describe(staged: Path, description: str, tables: Mapping[str, Mapping[str, Any]], top: Mapping[str, Any]) -> None:
    files = {path.name: sha256_file(path) for path in sorted(staged.iterdir())}
    (staged / description).write_text(write_toml({**tables, "files": files}, top), encoding="utf-8")


def _copy(source: Path, staged: Path, names: list[str]) -> None:
    for name in names:
        if name != Path(name).name or name.endswith(".toml"):
            raise InvalidModel(f"{source} must hold its files itself; {name!r:.80} leads to another folder.")
        check_plain(source / name)
        shutil.copyfile(source / name, staged / name, follow_symlinks=False)


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    return {path.name: path.stat().st_size for path in files}
