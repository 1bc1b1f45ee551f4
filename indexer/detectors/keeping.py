"""Takes detectors into a home, lists them, and removes those that are not in use."""

from dataclasses import dataclass
from pathlib import Path

from data.settings import Settings
from engine.detectors import FILE, FOLDER, is_own, read_folder
from engine.errors import InvalidModel
from engine.own_backbones import NAME
from indexer.backbones import copy_described, new_folder, remove_folder
from indexer.detectors.conformance import DetectorReport, examine


@dataclass(frozen=True, kw_only=True)
class KeptDetector:
    """One detector in the home.

    Attributes:
        name: its name, as the setting `detector` gives it.
        licence, source: in the words of who brought it.
        size_bytes: of all its files.
        used: whether the settings name it.
        damage: what is wrong with its description; "": nothing.
    """

    name: str
    licence: str
    source: str
    size_bytes: int
    used: bool
    damage: str


def add(settings: Settings, path: Path, name: str) -> DetectorReport:
    """Copies a detector into `$LOOKALIKE_HOME/detectors/<name>/`; the folder appears whole.

    Args:
        path: a folder with a `detector.toml` and the ONNX file that it names.

    Raises:
        BackboneUnavailable: the name is taken.
        InvalidModel: the name or a file breaks a rule, or the network does not answer as it must; the message says how.
        MissingExtra: what checks it is not installed.
    """
    if not NAME.fullmatch(name):
        raise InvalidModel(
            f"a detector's name must have up to 64 small letters, digits, - and _; got {name!r:.80}. Take another name."
        )
    with new_folder(settings.home / FOLDER / name, "detector") as folder:
        copy_described(path, folder, FILE, "docs/objects.md")
        found = examine(read_folder(folder), settings)
        if found.problems:
            raise InvalidModel(f"{path} must pass every check; {'; '.join(found.problems)}.")
    return found


def list_detectors(settings: Settings) -> list[KeptDetector]:
    """Returns the detectors of this home, by name."""
    folders = sorted(path for path in (settings.home / FOLDER).glob("[!.]*") if path.is_dir())
    return [_kept(settings, folder) for folder in folders]


def remove(settings: Settings, name: str) -> None:
    """Deletes a detector; a server that has loaded it keeps it until it starts again.

    Raises:
        InvalidModel: there is none of this name, or the settings name it.
    """
    if not is_own(settings.home, name):
        raise InvalidModel(f"only a detector that `lookalike detector add` stored can be removed; got {name!r:.80}.")
    if settings.detector == name:
        raise InvalidModel(f"{name} is in use by the settings. Take another detector, or none, and remove it then.")
    remove_folder(settings.home / FOLDER / name)


def _kept(settings: Settings, folder: Path) -> KeptDetector:
    licence = source = damage = ""
    try:
        own = read_folder(folder)
        licence, source = own.licence, own.source
    except InvalidModel as error:
        damage = str(error)
    size = sum(path.lstat().st_size for path in folder.iterdir())
    return KeptDetector(
        name=folder.name, licence=licence, source=source, size_bytes=size, used=settings.detector == folder.name,
        damage=damage,
    )  # fmt: skip
