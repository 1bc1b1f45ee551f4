"""Checks the files of fine-tuned backbones against the sha256 that were written with them."""

from pathlib import Path

from data.storage import sha256_file, write_text
from engine.backbones.load import custom_backbone
from engine.errors import BackboneUnavailable, InvalidModel
from engine.own_backbones import check_files, is_own, read_own

_SUMS = "SHA256SUMS"  # in the form of the program sha256sum


def write_sums(folder: Path) -> None:
    """Writes the sha256 of every file of a new backbone beside them."""
    write_text(folder / _SUMS, _sums(folder))


def damaged_backbones(home: Path) -> dict[Path, str]:
    """Returns the folders of fine-tuned and brought backbones that are damaged, each with what is wrong.

    Of backbones of older versions only the weights have a sha256.
    """
    found = {}
    for folder in sorted(path for path in (home / "backbones").glob("[!.]*") if path.is_dir()):
        try:
            if is_own(home, folder.name):
                check_files(read_own(home, folder.name))
                continue
            custom_backbone(home, folder.name)
            if (folder / _SUMS).exists() and (folder / _SUMS).read_bytes() != _sums(folder).encode():
                found[folder] = f"{folder} must hold the files that {_SUMS} names; one is missing or was changed."
        except (InvalidModel, BackboneUnavailable, OSError) as error:
            found[folder] = str(error)
    return found


def _sums(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.name != _SUMS)
    return "".join(f"{sha256_file(path)}  {path.name}\n" for path in files)
