"""The command `detector`: add, check, list and remove networks that find things in photos."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data.settings import Settings

if TYPE_CHECKING:
    from indexer.detectors import DetectorReport


@click.group("detector")
def detector_command() -> None:
    """Add, check, list and remove networks that find things in photos (docs/objects.md)."""


@detector_command.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the setting `detector` will call it: small letters, digits, - and _.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@click.pass_obj
def add_command(settings: Settings, path: Path, name: str, as_json: bool) -> None:
    """Store a detector in this home, once it has passed every check.

    PATH is a folder with a detector.toml and the ONNX file that it names.

    Example: lookalike detector add yolox-folder --name yolox
    """
    from indexer.detectors import add

    _show(add(settings, path, name), as_json=as_json)
    if not as_json:
        click.echo(f"Added. To use it, set detector = {name!r} and start the server again.")


@detector_command.command("check")
@click.argument("name")
@click.option(
    "--photo",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Photo of which the boxes are shown: wrong preprocessing shows best in what is found.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@click.pass_obj
def check_command(settings: Settings, name: str, photo: Path | None, as_json: bool) -> None:
    """Check that a detector answers as it must, how fast, and what it finds in a photo.

    Exit status: 0 it passed, 1 it did not.

    Example: lookalike detector check yolox --photo shelf.jpg
    """
    from data.photos import photo_bytes
    from indexer.detectors import check

    found = check(settings, name, photo_bytes(photo, settings) if photo else None)
    _show(found, as_json=as_json)
    if found.problems:
        sys.exit(1)


@detector_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the detectors as one JSON list.")
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """List the detectors of this home.

    Example: lookalike detector list
    """
    from indexer.detectors import list_detectors

    found = list_detectors(settings)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], ensure_ascii=False))
        return
    for each in found:
        facts = [f"{each.size_bytes / 1e6:.1f} MB", *([f"licence {each.licence}"] if each.licence else [])]
        facts += ["used by the settings"] if each.used else []
        click.echo(f"{each.name}: {', '.join([*facts, *([f'DAMAGED: {each.damage}'] if each.damage else [])])}")
    if not found:
        click.echo("None. `lookalike detector add` brings one.")


@detector_command.command("remove")
@click.argument("name")
@click.pass_obj
def remove_command(settings: Settings, name: str) -> None:
    """Delete a detector that the settings do not name.

    Example: lookalike detector remove yolox
    """
    from indexer.detectors import remove

    remove(settings, name)
    click.echo(f"{name} is gone.")


def _show(found: "DetectorReport", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
        return
    click.echo(f"{found.name}: {found.took_ms:.1f} ms for a photo, {found.memory_bytes / 1e6:.0f} MB of memory")
    if found.boxes is not None:
        click.echo("\n".join(f"{list(each.box)} {each.score:.3f}" for each in found.boxes) or "No box is found.")
    click.echo("".join(f"REFUSED: {problem}\n" for problem in found.problems) or "Every check passed.")
