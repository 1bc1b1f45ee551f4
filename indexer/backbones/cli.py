"""The command `backbone`: add, check, list and remove networks of a user's own."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data.settings import Settings

if TYPE_CHECKING:
    from indexer.backbones import Conformance


@click.group("backbone")
def backbone_command() -> None:
    """Add, check, list and remove networks of your own (docs/backbones.md)."""


@backbone_command.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the setting `backbone` will call it: small letters, digits, - and _.")
@click.option("--preprocessing", default="", help="Of an ONNX file alone: imagenet, clip, siglip or mobileclip.")
@click.option("--licence", default="", help="The network's licence, for your records.")
@click.option("--source", default="", help="Where the network came from, for your records.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@click.pass_obj
def add_command(
    settings: Settings, path: Path, name: str, preprocessing: str, licence: str, source: str, as_json: bool
) -> None:
    """Store a network of your own in this home, once it has passed every check.

    PATH is a folder with a backbone.toml, a folder that Hugging Face's transformers saved, or an ONNX file.

    Example: lookalike backbone add clip-folder --name clip
    """
    from indexer.backbones import BackboneNotes, add

    found = add(settings, path, name, BackboneNotes(preprocessing=preprocessing, licence=licence, source=source))
    _show_conformance(found, as_json=as_json)
    if not as_json:
        click.echo(f"Added. To use it, set backbone = {name!r} and run: lookalike rebuild")


@backbone_command.command("check")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@click.pass_obj
def check_command(settings: Settings, name: str, as_json: bool) -> None:
    """Check that a network of your own answers as it must, and how fast.

    Exit status: 0 it passed, 1 it did not.

    Example: lookalike backbone check clip
    """
    from indexer.backbones import check

    found = check(settings, name)
    _show_conformance(found, as_json=as_json)
    if found.problems:
        sys.exit(1)


@backbone_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the networks as one JSON list.")
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """List the networks of this home: those added, and those that `train backbone` made.

    Example: lookalike backbone list
    """
    from indexer.backbones import list_backbones

    found = list_backbones(settings)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], ensure_ascii=False))
        return
    for each in found:
        dim = f", {each.dim} features" if each.dim else ""
        used = f", used by {', '.join(each.used)}" if each.used else ""
        licence = f", licence {each.licence}" if each.licence else ""
        click.echo(f"{each.name}: {each.kind}{dim}, {each.size_bytes / 1e6:.1f} MB{licence}{used}")
    if not found:
        click.echo("None. `lookalike backbone add` brings one.")


@backbone_command.command("remove")
@click.argument("name")
@click.pass_obj
def remove_command(settings: Settings, name: str) -> None:
    """Delete a network of your own that neither the settings nor a kept generation use.

    Example: lookalike backbone remove clip
    """
    from indexer.backbones import remove

    remove(settings, name)
    click.echo(f"{name} is gone.")


def _show_conformance(found: "Conformance", *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
        return
    kind = "image and text" if found.has_text else "image"
    click.echo(f"{found.name}: {kind}, {found.dim} features")
    click.echo(f"{found.images_per_s:.1f} photos per second in float32, {found.memory_bytes / 1e6:.0f} MB of memory")
    if found.reference_cosine is None:
        click.echo("No reference is given, so wrong preprocessing would not show (docs/backbones.md).")
    else:
        click.echo(f"Reference photo: cosine {found.reference_cosine:.5f}")
    click.echo("".join(f"REFUSED: {problem}\n" for problem in found.problems) or "Every check passed.")
