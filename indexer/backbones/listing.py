"""Lists the networks in a home's `backbones` folder, and removes those that nothing uses."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from data.errors import CorruptGeneration
from data.generations import GenerationStore
from data.settings import Settings, backbone_parts
from engine.errors import BackboneUnavailable, InvalidModel
from engine.own_backbones import FILE, FOLDER, is_own, read_own


@dataclass(frozen=True, kw_only=True)
class KeptBackbone:
    """One network in the home.

    Attributes:
        name: its name, as the setting `backbone` gives it.
        kind: `image`, `image and text`, `fine-tuned`, or `damaged`.
        dim: width of its features; None where it was fine-tuned or is damaged.
        licence, source: in the words of who brought it.
        size_bytes: of all its files.
        used: by what: `settings`, and the ids of generations.
    """

    name: str
    kind: str
    dim: int | None
    licence: str
    source: str
    size_bytes: int
    used: tuple[str, ...]


def list_backbones(settings: Settings) -> list[KeptBackbone]:
    """Returns the networks that were brought to this home or fine-tuned in it, by name."""
    folders = sorted(path for path in (settings.home / FOLDER).glob("[!.]*") if path.is_dir())
    return [_kept(settings, folder.name) for folder in folders]


def remove(settings: Settings, name: str) -> None:
    """Deletes a network that was brought to this home; what was converted of it stays in `runtime`.

    Raises:
        BackboneUnavailable: there is none of this name, or the settings or a kept generation use it.
    """
    if not is_own(settings.home, name):
        raise BackboneUnavailable(f"only a backbone that `lookalike backbone add` stored can be removed; got {name!r}.")
    if used := _used(settings, name):
        raise BackboneUnavailable(
            f"{name} is in use by {', '.join(used)}. Take another backbone, rebuild, and remove it once the "
            "generations that need it are gone (keep_generations)."
        )
    remove_folder(settings.home / FOLDER / name)


def remove_folder(folder: Path) -> None:
    """Deletes a network's folder at once, so that nobody sees half of it."""
    gone = folder.with_name(f".new-removed-{folder.name}")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone)


def _kept(settings: Settings, name: str) -> KeptBackbone:
    folder = settings.home / FOLDER / name
    kind, dim, licence, source = "fine-tuned", None, "", ""
    if (folder / FILE).exists():
        try:
            own = read_own(settings.home, name)
            kind, dim = "image and text" if own.text else "image", own.image.dim
            licence, source = own.licence, own.source
        except (InvalidModel, BackboneUnavailable):
            kind = "damaged"
    size = sum(path.lstat().st_size for path in folder.iterdir())
    used = _used(settings, name)
    return KeptBackbone(
        name=name, kind=kind, dim=dim, licence=licence, source=source, size_bytes=size, used=tuple(used)
    )


def _used(settings: Settings, name: str) -> list[str]:
    used = ["the settings"] if name in backbone_parts(settings.backbone) else []
    for folder in GenerationStore(settings.home).list():
        try:
            if name in backbone_parts(str(folder.manifest.backbone.get("name"))):
                used.append(f"generation {folder.id}")
        except CorruptGeneration:
            continue
    return used
