"""What the descriptions of all networks that users bring have in common; reads and writes such a TOML file."""

import dataclasses
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from data.storage import read_small
from engine.errors import InvalidModel

VERSION = 1
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Rules = Mapping[str, tuple[Any, ...]]  # entry -> the texts that it may be, or its lowest and highest number
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile("[0-9a-f]{64}")
_MOST_FILES = 20
_MOST_NUMBERS = 8192  # of a list
MOST_BYTES = 4_000_000_000  # of one file
_Section = TypeVar("_Section")


@dataclass(frozen=True, kw_only=True)
class PixelInput:
    """The input of a network that reads photos.

    Attributes:
        onnx: the network's file.
        input: name of the input.
        input_size: side in pixels of the square it reads.
        mean, std: of each channel, in the network's order; the network sees `(x / 255 - mean) / std`.
        channels: `RGB` or `BGR`.
        layout: `NCHW` or `NHWC`.
    """

    onnx: str
    input: str
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: str = "RGB"
    layout: str = "NCHW"

    def __post_init__(self) -> None:
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std that are not 3 numbers, or a std of 0 or less")


@dataclass(frozen=True, kw_only=True)
class OwnNetwork:
    """A network that a user brought: a folder of the home with its files and their description.

    Attributes:
        folder: where it lies.
        description: name of the file that describes it.
        digest: sha256 of that file, and so of everything that decides what the network answers.
        licence, source: of the network, in its user's words.
        files: file name -> sha256, of every other file.
    """

    folder: Path
    description: str
    digest: str
    licence: str
    source: str
    files: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.folder.name

    def most_bytes(self, file: str) -> int:
        """Returns how large one of its files may be."""
        return MOST_BYTES


class Tables:
    """A description that is being read.

    Attributes:
        fields: its entries and tables that were not read yet.
    """

    def __init__(self, folder: Path, file: str, content: bytes) -> None:
        self.fields = tomllib.loads(content.decode("utf-8"))
        self._of = {"folder": folder, "description": file, "digest": hashlib.sha256(content).hexdigest()}
        if self.fields.pop("version", None) != VERSION:
            raise ValueError(f"another version than {VERSION}; bring the network again with this program")

    def section(self, name: str, kind: type[_Section], rules: Rules) -> _Section:
        """Returns a table as `kind`, every value checked."""
        values: Any = self.fields.pop(name, None)
        if not isinstance(values, dict):
            raise ValueError(f"no table `{name}`")
        hints = get_type_hints(kind)
        if unknown := sorted(set(values) - set(hints)):
            raise ValueError(f"the unknown entry {name}.{unknown[0]:.80}")
        own: Any = kind  # a dataclass
        required = {each.name for each in dataclasses.fields(own) if each.default is dataclasses.MISSING}
        if missing := sorted(required - set(values)):
            raise ValueError(f"no {name}.{missing[0]}")
        checked = {key: _value(f"{name}.{key}", value, hints[key], rules.get(key)) for key, value in values.items()}
        return kind(**checked)

    def rest(self, needed: list[str]) -> dict[str, Any]:
        """Returns what every `OwnNetwork` has, after checking that nothing else is left.

        Args:
            needed: files that must be among those that are named with their sha256.
        """
        files = self.fields.pop("files", None)
        facts = {name: self.fields.pop(name, "") for name in ("licence", "source")}
        if self.fields or not all(isinstance(value, str) and len(value) <= 1000 for value in facts.values()):
            raise ValueError(f"an unknown or wrong entry: {', '.join(self.fields) or 'licence or source'}")
        return {**self._of, **facts, "files": _files(files, needed, str(self._of["description"]))}


@contextmanager
def described(folder: Path, file: str, page: str) -> Iterator[Tables]:
    """Opens the description in a folder; a ValueError inside says what is wrong with it.

    Args:
        page: the documentation that says what it must hold.

    Raises:
        InvalidModel: it is missing or breaks a rule.
    """
    path = folder / file
    try:
        if folder.is_symlink() or path.is_symlink():
            raise ValueError("a link, where a folder and a file of its own are needed")
        yield Tables(folder, file, read_small(path))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InvalidModel(f"{path} must describe a network as {page} says; got {error}.") from error


def write_toml(tables: Mapping[str, Mapping[str, Any]], top: Mapping[str, Any]) -> str:
    """Returns the text of a description: the values of `top`, then each table."""

    def lines(values: Mapping[str, Any]) -> list[str]:
        # JSON's text, numbers and lists are TOML's too, except for DEL, which JSON leaves as it is
        return [
            f"{json.dumps(name)} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
            for name, value in values.items()
        ]

    parts = [lines({"version": VERSION, **top})]
    parts += [[f"[{name}]", *lines(values)] for name, values in tables.items()]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _files(files: Any, needed: list[str], description: str) -> dict[str, str]:
    if not isinstance(files, dict) or not 1 <= len(files) <= _MOST_FILES:
        raise ValueError(f"no table `files` of 1 to {_MOST_FILES} names with their sha256")
    for name, digest in files.items():
        if not _FILE_NAME.fullmatch(name) or name == description:
            raise ValueError(f"the file name {name!r:.80}; names have letters, digits, `.`, `-` and `_`, no folders")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError(f"no sha256 of {name}")
    if missing := [name for name in needed if name not in files]:
        raise ValueError(f"no sha256 of {missing[0]!r:.80} in the table `files`")
    return files


def _value(label: str, value: Any, kind: Any, rule: tuple[Any, ...] | None) -> Any:
    if get_args(kind):
        if not isinstance(value, list) or len(value) > _MOST_NUMBERS:
            raise ValueError(f"{label} that is no list of numbers")
        return tuple(_value(label, each, float, None) for each in value)
    right = isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (kind is bool)
    if not right or (kind is float and not math.isfinite(value)) or (kind is str and len(value) > 200):
        raise ValueError(f"{label} = {value!r:.80}, where a {kind.__name__} is needed")
    if rule and kind is str and value not in rule:
        raise ValueError(f"{label} = {value!r:.80}, where one of {', '.join(rule)} is needed")
    if rule and kind is not str and not rule[0] <= value <= rule[1]:
        raise ValueError(f"{label} = {value}, where {rule[0]} to {rule[1]} is needed")
    return kind(value)
