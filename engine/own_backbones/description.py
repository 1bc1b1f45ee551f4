"""Reads `backbone.toml`, which describes a network that a user brought: what it reads, what it answers, its files."""

import dataclasses
import hashlib
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from data.settings import BACKBONES
from data.storage import read_small
from engine.errors import BackboneUnavailable, InvalidModel

FILE = "backbone.toml"
VERSION = 1
FOLDER = "backbones"
OF_BACKBONE = "backbone"  # as the setting text_encoder: the text tower of the backbone
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile("[0-9a-f]{64}")
_MOST_FILES = 20
_CHOICES = {
    "channels": ("RGB", "BGR"),
    "layout": ("NCHW", "NHWC"),
    "fit": ("middle", "centre", "whole"),
    "resample": ("bilinear", "bicubic"),
    "pooling": ("none", "average", "first"),
}
_RANGES = {
    "input_size": (32, 1024),
    "shown": (0.5, 1.0),
    "dim": (2, 8192),
    "length": (4, 512),
    "pad_id": (0, 10_000_000),
}


@dataclass(frozen=True, kw_only=True)
class ImageSide:
    """The image tower.

    Attributes:
        onnx: its file.
        input, output: names of its input and of the output that is taken.
        dim: width of a photo's features.
        input_size: side in pixels of the square it reads.
        mean, std: of each channel, in the network's order; the network sees `(x / 255 - mean) / std`.
        channels: `RGB` or `BGR`.
        layout: `NCHW` or `NHWC`.
        fit, shown, resample: which part of a photo it sees, see `engine.backbones.View`.
        pooling: how the output becomes one row: `none`, the output is (n, dim); `average` over the map (n, c, h, w), or
            over the pieces (n, pieces, dim); `first`, the first of the pieces.
    """

    onnx: str
    input: str
    output: str
    dim: int
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: str = "RGB"
    layout: str = "NCHW"
    fit: str = "middle"
    shown: float = 0.875
    resample: str = "bilinear"
    pooling: str = "none"


@dataclass(frozen=True, kw_only=True)
class TextSide:
    """The text tower of a joint model: its output (n, dim) lies in the space of the image tower's.

    Attributes:
        onnx: its file, which may be the image tower's.
        tokenizer: a file of the library `tokenizers`.
        output: name of the output that is taken.
        ids, mask: names of the inputs for the pieces' numbers and for which of them count; an empty `mask`: none.
        length: how many pieces it reads; longer texts are cut, shorter ones filled with `pad_id`.
    """

    onnx: str
    tokenizer: str
    output: str
    length: int
    pad_id: int
    ids: str = "input_ids"
    mask: str = ""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the network's authors compute of a photo, and of a text, by which wrong preprocessing shows.

    Attributes:
        photo: its file.
        vector: its features, in any length.
        text, text_vector: the same of a text; both empty: none was given.
    """

    photo: str
    vector: tuple[float, ...]
    text: str = ""
    text_vector: tuple[float, ...] = ()


_Section = TypeVar("_Section", ImageSide, TextSide, Reference)


@dataclass(frozen=True, kw_only=True)
class OwnBackbone:
    """A network that a user brought, in `$LOOKALIKE_HOME/backbones/<name>/`.

    Attributes:
        folder: where it lies.
        digest: sha256 of its `backbone.toml`, and so of everything that decides its features.
        licence, source: of the network, in its user's words.
        files: file name -> sha256, of every file but `backbone.toml`.
    """

    folder: Path
    digest: str
    licence: str
    source: str
    image: ImageSide
    text: TextSide | None
    reference: Reference | None
    files: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.folder.name


def is_own(home: Path, name: str) -> bool:
    """Returns whether `name` is a network that a user brought to this home; its files are not looked at."""
    return bool(_NAME.fullmatch(name)) and (home / FOLDER / name / FILE).exists()


def read_own(home: Path, name: str) -> OwnBackbone:
    """Returns the description of the network of this name.

    Raises:
        BackboneUnavailable: there is none.
        InvalidModel: its `backbone.toml` breaks a rule; the message says which.
    """
    check_name(name)
    if not is_own(home, name):
        raise BackboneUnavailable(f"backbone must be one that `lookalike backbone add` stored; got {name!r}.")
    return read_folder(home / FOLDER / name)


def check_name(name: str) -> None:
    """Raises BackboneUnavailable unless `name` may name a backbone of a user."""
    if not _NAME.fullmatch(name) or name in BACKBONES:
        raise BackboneUnavailable(
            f"a backbone's name must have up to 64 small letters, digits, - and _, and must not be one of "
            f"{', '.join(BACKBONES)}; got {name!r:.80}."
        )


def read_folder(folder: Path) -> OwnBackbone:
    """Returns the description in a folder.

    Raises:
        InvalidModel: it is missing or breaks a rule.
    """
    path = folder / FILE
    try:
        if folder.is_symlink() or path.is_symlink():
            raise ValueError("a link, where a folder and a file of its own are needed")
        content = read_small(path)
        fields = tomllib.loads(content.decode("utf-8"))
        if fields.pop("version", None) != VERSION:
            raise ValueError(f"another version than {VERSION}; bring the backbone again with this program")
        own = _own(folder, hashlib.sha256(content).hexdigest(), fields)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InvalidModel(f"{path} must describe a backbone as docs/backbones.md says; got {error}.") from error
    return own


def write_toml(tables: Mapping[str, Mapping[str, Any]], top: Mapping[str, Any]) -> str:
    """Returns the text of a `backbone.toml`: the values of `top`, then each table."""
    import json

    def lines(values: Mapping[str, Any]) -> list[str]:
        # JSON's text, numbers and lists are TOML's too, except for DEL, which JSON leaves as it is
        return [
            f"{json.dumps(name)} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
            for name, value in values.items()
        ]

    parts = [lines({"version": VERSION, **top})]
    parts += [[f"[{name}]", *lines(values)] for name, values in tables.items()]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _own(folder: Path, digest: str, fields: dict[str, Any]) -> OwnBackbone:
    image = _section("image", fields.pop("image", None), ImageSide)
    text = _section("text", fields.pop("text"), TextSide) if "text" in fields else None
    reference = _section("reference", fields.pop("reference"), Reference) if "reference" in fields else None
    files = fields.pop("files", None)
    facts = {name: fields.pop(name, "") for name in ("licence", "source")}
    if fields or not all(isinstance(value, str) and len(value) <= 1000 for value in facts.values()):
        raise ValueError(f"an unknown or wrong entry: {', '.join(fields) or 'licence or source'}")
    if len(image.mean) != 3 or len(image.std) != 3 or min(image.std) <= 0:
        raise ValueError("mean and std that are not 3 numbers, or a std of 0 or less")
    for vector in (reference.vector, reference.text_vector or reference.vector) if reference else ():
        if len(vector) != image.dim:
            raise ValueError(f"a reference vector of {len(vector)} numbers where dim is {image.dim}")
    needed = [image.onnx, *([text.onnx, text.tokenizer] if text else []), *([reference.photo] if reference else [])]
    return OwnBackbone(
        folder=folder, digest=digest, image=image, text=text, reference=reference, files=_files(files, needed), **facts
    )


def _files(files: Any, needed: list[str]) -> dict[str, str]:
    if not isinstance(files, dict) or not 1 <= len(files) <= _MOST_FILES:
        raise ValueError(f"no table `files` of 1 to {_MOST_FILES} names with their sha256")
    for name, digest in files.items():
        if not _FILE_NAME.fullmatch(name) or name == FILE:
            raise ValueError(f"the file name {name!r:.80}; names have letters, digits, `.`, `-` and `_`, no folders")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"no sha256 of {name}")
    if missing := [name for name in needed if name not in files]:
        raise ValueError(f"no sha256 of {missing[0]!r:.80} in the table `files`")
    return files


def _section(name: str, values: Any, kind: type[_Section]) -> _Section:
    """Returns a table as `kind`, every value checked."""
    if not isinstance(values, dict):
        raise ValueError(f"no table `{name}`")
    hints = get_type_hints(kind)
    if unknown := sorted(set(values) - set(hints)):
        raise ValueError(f"the unknown entry {name}.{unknown[0]:.80}")
    required = {each.name for each in dataclasses.fields(kind) if each.default is dataclasses.MISSING}
    if missing := sorted(required - set(values)):
        raise ValueError(f"no {name}.{missing[0]}")
    return kind(**{key: _value(f"{name}.{key}", key, value, hints[key]) for key, value in values.items()})


def _value(label: str, key: str, value: Any, kind: Any) -> Any:
    if get_args(kind):
        if not isinstance(value, list) or len(value) > _RANGES["dim"][1]:
            raise ValueError(f"{label} that is no list of numbers")
        return tuple(_value(label, "", each, float) for each in value)
    right = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
    if not right or (kind is float and not math.isfinite(value)) or (kind is str and len(value) > 200):
        raise ValueError(f"{label} = {value!r:.80}, where a {kind.__name__} is needed")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise ValueError(f"{label} = {value!r:.80}, where one of {', '.join(_CHOICES[key])} is needed")
    least, most = _RANGES.get(key, (-math.inf, math.inf)) if kind is not str else (0, 0)
    if kind is not str and not least <= value <= most:
        raise ValueError(f"{label} = {value}, where {least} to {most} is needed")
    return kind(value)
