"""All settings in one frozen object, built once from defaults < file < environment < flags."""

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from data.errors import SettingsError

BACKBONES = ("inception_v3", "xception", "efficientnet_lite2")
_CHOICES: dict[str, tuple[str, ...]] = {
    "runtime": ("auto", "openvino", "keras"),
    "precision": ("auto", "f32", "bf16", "int8"),
    "device": ("auto", "cpu", "gpu"),
    "space": ("pca", "pool3"),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run needs to know. Field `x` is set by `LOOKALIKE_X` or by `x = ...` in `$LOOKALIKE_HOME/lookalike.toml`.

    Attributes:
        home: folder of everything written at run time.
        backbone: name of the CNN that gives pool_3 features: one of `BACKBONES`, or a name that `train backbone` made.
        backbone_notice: why this backbone is in use, shown by status and the page; set where `demo` had to fall back.
        weights: `imagenet`, or the path of a `.weights.h5` file for `backbone`.
        weights_sha256: hex digest that the weights file must have; empty: not checked.
        runtime: what runs the backbone; `auto` takes OpenVINO on a CPU and Keras on a GPU.
        precision: arithmetic of the backbone; `auto` takes bf16 where the processor has it, else f32.
        device: where the index lives; `auto` takes a GPU that passes its smoke test.
        space: `pca` (whitened projection) or `pool3` (plain features).
        space_dim: width of the projected product space.
        text_encoder: sentence-transformers model name or folder; empty: the one that is installed with the project.
        threads: processor threads for decoding and for the network; 0: all cores.
        max_image_bytes, max_pixels: caps on one image.
        image_roots: folders that paths in `POST /v1/products:batch` may point into.
        fetch_urls: whether images may be fetched from http(s) URLs.
        keep_generations: how many published generations are kept.
        fresh_days: a product younger than this is `fresh`.
        max_quality_drop: largest loss of held-out quality (0..1) at which a rebuild still publishes.
        queue_size: queries that may wait at the server before it answers 503.
        deadline_s: seconds after which a waiting query is dropped.
        rate_limit: requests per minute for one key or address; 0: no limit.
    """

    home: Path = Path("var")
    backbone: str = "inception_v3"
    backbone_notice: str = ""
    weights: str = "imagenet"
    weights_sha256: str = ""
    runtime: str = "auto"
    precision: str = "auto"
    device: str = "auto"
    space: str = "pca"
    space_dim: int = 256
    text_encoder: str = ""
    threads: int = 0
    max_image_bytes: int = 10_000_000
    max_pixels: int = 40_000_000
    image_roots: tuple[Path, ...] = ()
    fetch_urls: bool = False
    keep_generations: int = 3
    fresh_days: int = 90
    max_quality_drop: float = 0.02
    queue_size: int = 64
    deadline_s: float = 10.0
    rate_limit: int = 0

    @property
    def cores(self) -> int:
        """Processor threads to use: `threads`, or every core this process may run on."""
        return self.threads or len(os.sched_getaffinity(0))

    def replace(self, **changes: Any) -> "Settings":
        """Returns a copy with `changes`, checked like any other value."""
        return _checked(dataclasses.replace(self, **changes))


def load_settings(environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """Builds the settings of this run.

    Args:
        environment: variables to read, by default the process's own.
        flags: values from the command line; None means not given.

    Raises:
        SettingsError: a key is unknown or a value has the wrong type; the message names key, value and type.
    """
    environment = os.environ if environment is None else environment
    given = {key: value for key, value in flags.items() if value is not None}
    home = Path(given.get("home") or environment.get("LOOKALIKE_HOME") or Settings.home)
    values: dict[str, Any] = _read_file(home / "lookalike.toml")
    for name in _types():
        if (text := environment.get(f"LOOKALIKE_{name.upper()}")) is not None:
            values[name] = _convert(f"LOOKALIKE_{name.upper()}", name, text)
    values.update({key: _convert(key, key, value) for key, value in given.items()})
    return _checked(Settings(**{**values, "home": home.absolute()}))


def write_setting(home: Path, name: str, value: str) -> None:
    """Adds or replaces one text setting in `home/lookalike.toml`, atomically."""
    path = home / "lookalike.toml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.split("=")[0].strip() != name]
    from data.durable import write_text

    write_text(path, "\n".join([*kept, f'{name} = "{value}"']) + "\n")


def _types() -> dict[str, Any]:
    return get_type_hints(Settings)


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} must be TOML in UTF-8; got {error}. Correct the file or delete it.") from error
    unknown = sorted(set(values) - set(_types()))
    if unknown:
        raise SettingsError(f"{path} must only hold known settings; got {', '.join(unknown)}. See README, Settings.")
    return {name: _convert(f"{path}: {name}", name, value) for name, value in values.items()}


def _convert(label: str, name: str, value: Any) -> Any:
    if name not in _types():
        raise SettingsError(f"{label} must be a known setting. See README, Settings.")
    kind = _types()[name]
    try:
        if kind is bool and isinstance(value, str):
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[value.lower()]
        if get_args(kind):
            parts = value.split(os.pathsep) if isinstance(value, str) else value
            return tuple(Path(part) for part in parts if part)
        return kind(value)
    except (KeyError, TypeError, ValueError) as error:
        expected = getattr(kind, "__name__", str(kind))
        raise SettingsError(f"{label} must be of type {expected}; got {value!r}.") from error


def _checked(settings: Settings) -> Settings:
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}; got {getattr(settings, name)!r}.")
    positive = ("space_dim", "max_image_bytes", "max_pixels", "keep_generations", "queue_size", "deadline_s")
    for name in positive:
        if getattr(settings, name) <= 0:
            raise SettingsError(f"{name} must be above 0; got {getattr(settings, name)}.")
    return settings
