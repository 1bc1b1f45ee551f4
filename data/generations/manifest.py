"""The manifest, a generation's record of itself: written last, read first, and checked against any changed bit."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from data.storage import parse_json

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
MOST_DIMENSIONS = 65_536
_GENERATION_ID = re.compile(r"[0-9]{8}T[0-9]{9}Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The record of one generation.

    Attributes:
        format_version: version of the format of this record and of the folder.
        generation: the generation's id.
        fingerprint: identifies the backbone that computed its features.
        created_at: ISO 8601, UTC.
        dim: width of the product space.
        metric: how vectors are compared, for example `inner_product`.
        counts: numbers of products, images and so on.
        seq: the catalogue's counter at the snapshot that the generation was built from.
        files: name relative to the folder -> hex sha256, of every file except the manifest.
        sizes: name -> size in bytes, of the same files.
        backbone: the fields of the backbone's specification.
        versions: library -> version.
        metrics: measured recall, latency and held-out quality.
        gates: results of the checks that the generation passed.
    """

    format_version: int
    generation: str
    fingerprint: str
    created_at: str
    dim: int
    metric: str
    counts: Mapping[str, int]
    seq: int
    files: Mapping[str, str]
    sizes: Mapping[str, int]
    backbone: Mapping[str, Any]
    versions: Mapping[str, str]
    metrics: Mapping[str, Any]
    gates: Sequence[Mapping[str, Any]]

    def to_json(self) -> str:
        """Returns the record as JSON text whose field `digest` is the sha256 of all other fields.

        Raises:
            ValueError: a field has a value that `from_json` would refuse.
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        try:
            text = _text(json.loads(json.dumps(fields, allow_nan=False)))
        except TypeError as error:
            raise ValueError(f"a manifest must hold plain JSON values: {error}") from error
        Manifest.from_json(text)
        return text

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Returns the record in a JSON text.

        Raises:
            ValueError: the text is not exactly what `to_json` writes; the message says why.
        """
        try:
            return cls._checked(text)
        except RecursionError as error:  # a text that can just be read may be too deep to be written
            raise ValueError("it must not be nested that deeply") from error

    @classmethod
    def _checked(cls, text: str) -> "Manifest":
        fields = parse_json(text)
        if not isinstance(fields, dict):
            raise ValueError("it must be a JSON object")
        digest = fields.pop("digest", None)
        if digest != _digest(fields):
            raise ValueError("its digest must be that of its fields; got another one")
        if fields.get("format_version") != FORMAT_VERSION:
            raise ValueError(f"format_version must be {FORMAT_VERSION}; got {fields.get('format_version')}")
        wrong = sorted(set(fields) ^ set(_CHECKS))
        if wrong:
            raise ValueError(f"it must have exactly the known fields; {', '.join(wrong)} differ")
        for name, check in _CHECKS.items():
            if not check(fields[name]):
                raise ValueError(f"{name} must be valid; got {fields[name]!r:.200}")
        if set(fields["files"]) != set(fields["sizes"]):
            raise ValueError("files and sizes must name the same files")
        # Other bytes with the same meaning, such as another indentation, are refused too: every changed bit is found.
        if text != _text(fields):
            raise ValueError("it must be written as it was published; got other bytes")
        return cls(**fields)


def is_generation_id(text: str) -> bool:
    """Returns whether `text` has the form of a generation's id, so that it is safe as a folder name."""
    return _GENERATION_ID.fullmatch(text) is not None


def new_id(newest: str) -> str:
    """Returns an id for what is made now, which sorts after `newest`; "": there is none yet.

    It is at least one millisecond after `newest`, so that ids ascend even if the clock goes back.
    """
    now = _id(datetime.now(UTC))
    if not newest:
        return now
    moment = datetime.strptime(newest[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return max(now, _id(moment + timedelta(milliseconds=int(newest[15:18]) + 1)))


def _id(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z"


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps({**fields, "digest": _digest(fields)}, indent=2, sort_keys=True) + "\n"


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_map(key_is: Callable[[Any], bool], value_is: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(key_is(key) and value_is(item) for key, item in value.items())


def is_file_name(value: str) -> bool:
    """Returns whether a text is a plain relative name, which cannot point outside its folder."""
    parts = PurePosixPath(value).parts
    return (
        bool(parts)
        and value == "/".join(parts)
        and not {"..", ".", "/"} & set(parts)
        and "\\" not in value
        and value.isprintable()
    )


def _is_own_file(value: Any) -> bool:
    return is_file_name(value) and value != FILE_NAME


def _is_moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_ANY: Callable[[Any], bool] = lambda _: True  # noqa: E731
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "format_version": _is_count,
    "generation": lambda value: _is_text(value) and is_generation_id(value),
    "fingerprint": _is_text,
    "created_at": _is_moment,
    "dim": lambda value: _is_count(value) and 0 < value <= MOST_DIMENSIONS,
    "metric": _is_text,
    "counts": _is_map(_is_text, _is_count),
    "seq": _is_count,
    "files": _is_map(_is_own_file, lambda value: _is_text(value) and _SHA256.fullmatch(value) is not None),
    "sizes": _is_map(_is_own_file, _is_count),
    "backbone": _is_map(_is_text, _ANY),
    "versions": _is_map(_is_text, _is_text),
    "metrics": lambda value: _is_map(_is_text, _ANY)(value) and _is_map(_is_text, _is_object)(value.get("parts", {})),
    "gates": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
}
