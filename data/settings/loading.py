"""Reads the settings of a run from defaults < file < environment < flags, and writes them into the file."""

import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from data.errors import SettingsError
from data.settings.settings import BACKBONES, TEXT_ENCODERS, Settings, backbone_parts, checked
from data.settings.spelling import VARIABLE, nearest
from data.storage import read_small, write_text

# Kubernetes sets such variables in every container beside a service named `lookalike`, as links of containers do.
_OF_A_SERVICE = re.compile(r"LOOKALIKE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")


def load_settings(environment: Mapping[str, str] | None = None, /, **flags: Any) -> Settings:
    """Returns the settings of this run, from defaults, file, environment and flags.

    Args:
        environment: variables to read, by default the process's own.
        flags: values from the command line or a program; None means not given.

    Raises:
        SettingsError: a setting, or a variable that begins with LOOKALIKE_, is unknown, or a value is wrong; the
            message names it, says what it must be, and names the nearest right one.
    """
    environment = os.environ if environment is None else environment
    given = {key: value for key, value in flags.items() if value is not None}
    variables = {
        name: text
        for name, text in environment.items()
        if name.startswith(VARIABLE) and not _OF_A_SERVICE.fullmatch(name)
    }
    home = Path(given.get("home") or variables.get("LOOKALIKE_HOME") or Settings.home)
    values: dict[str, Any] = _read_file(home / "lookalike.toml")
    for variable, text in variables.items():
        name = variable.removeprefix(VARIABLE).lower()
        values[name] = _convert(variable, name, text)
    values.update({key: _convert(key, key, value) for key, value in given.items()})
    settings = checked(Settings(**{**values, "home": home.absolute()}))
    _require_backbone(settings)
    _require_detector(settings)
    return settings


def write_setting(home: Path, name: str, value: str) -> None:
    """Adds or replaces one text setting in `home/lookalike.toml`, atomically.

    Raises:
        SettingsError: the name is not a known text setting, or the file would not be valid.
    """
    path = home / "lookalike.toml"
    if _types().get(name) is not str:
        raise SettingsError(f"{name} must be a known setting that is text. See README, Settings.")
    lines = read_small(path).decode("utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.split("=")[0].strip() != name]
    # A JSON string is also a TOML string, except for DEL, which JSON leaves unescaped.
    quoted = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    text = "\n".join([*kept, f"{name} = {quoted}"]) + "\n"
    checked(Settings(**_parse(path, text)))
    write_text(path, text)


def _types() -> dict[str, Any]:
    return get_type_hints(Settings)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return _parse(path, read_small(path).decode("utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise SettingsError(f"home must be a folder; got {path.parent}, which is a file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} must be a readable file in UTF-8; got {error}. Correct or delete it.") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path} must be TOML; got {error}. Correct the file or delete it.") from error
    return {name: _convert(f"{path}: {name}", name, value) for name, value in values.items()}


def _convert(label: str, name: str, value: Any) -> Any:
    if name not in _types():
        hint = nearest(name, _types(), capitals=label.startswith(VARIABLE)) or " See README, Settings."
        raise SettingsError(f"{label} must be a known setting; there is none of that name.{hint}")
    kind = _types()[name]
    read, expected = _KINDS[kind]
    try:
        return read(value)
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{label} must be {expected}; got {value!r}.") from error


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | str):
        raise TypeError
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]


def _whole(value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str | Path):
        raise TypeError
    return str(value)


def _paths(value: Any) -> tuple[Path, ...]:
    parts = value.split(os.pathsep) if isinstance(value, str) else value
    return tuple(Path(part) for part in parts if part)


_KINDS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    bool: (_flag, "true or false"),
    int: (_whole, "a whole number"),
    float: (_number, "a number"),
    str: (_text, "text"),
    Path: (Path, "a path"),
    tuple[Path, ...]: (_paths, f"paths, a list in the file and separated by {os.pathsep} elsewhere"),
}


def _require_backbone(settings: Settings) -> None:
    """Refuses names of backbones and text encoders that there cannot be; whether their files are whole shows later."""
    own = sorted(path.parent.name for path in (settings.home / "backbones").glob("[!.]*/backbone.*"))
    for backbone in backbone_parts(settings.backbone):
        if backbone not in (*BACKBONES, *own):
            raise SettingsError(
                f"backbone must be one of {', '.join(BACKBONES)}, or one that `lookalike train backbone` or `backbone "
                f"add` made in {settings.home} ({', '.join(own) or 'none'}); got {backbone!r}."
                f"{nearest(backbone, (*BACKBONES, *own))}"
            )
    encoder = settings.text_encoder
    near = "/" not in encoder and not Path(encoder).exists() and nearest(encoder, TEXT_ENCODERS)
    if near and encoder not in TEXT_ENCODERS:
        raise SettingsError(
            f"text_encoder must be {', '.join(TEXT_ENCODERS)}, or the name or folder of a sentence-transformers "
            f"model; got {encoder!r}.{near}"
        )


def _require_detector(settings: Settings) -> None:
    own = sorted(path.parent.name for path in (settings.home / "detectors").glob("[!.]*/detector.toml"))
    if (detector := settings.detector) and detector not in own:
        raise SettingsError(
            f"detector must be one that `lookalike detector add` stored in {settings.home} "
            f"({', '.join(own) or 'none'}); got {detector!r}.{nearest(detector, own)}"
        )
