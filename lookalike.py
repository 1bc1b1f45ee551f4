"""The `lookalike` command: joins the three command groups, loading each only when one of its commands is called."""

import importlib
import logging
import sys
from collections.abc import Sequence

import click

from data.errors import LookalikeError, SettingsError
from data.settings import Settings, load_settings, write_setting

VERSION = "0.1.0"
DEMO_FALLBACK = "efficientnet_lite2"
USAGE_ERRORS = {"bad_filter", "bad_query", "bad_training", "cursor_expired"}
# command -> (module that defines it, one line of help); so that `--help` imports none of them
COMMANDS = {
    "demo": ("lookalike", "Make a sample catalogue, import it, build the index and serve it."),
    "import": ("indexer.cli", "Add or change products from a catalogue file or folder."),
    "import-events": ("indexer.cli", "Add searches, clicks and purchases from a log."),
    "rebuild": ("indexer.cli", "Embed what is new, build a generation, verify it and publish it."),
    "rollback": ("indexer.cli", "Make an earlier generation the live one."),
    "status": ("indexer.cli", "Say what is live and what is waiting."),
    "doctor": ("indexer.cli", "Check this machine, the files on disk and what is in use."),
    "train": ("training.cli", "Train one part alone and say how good it is."),
    "evaluate": ("training.cli", "Measure recognition on photos it did not learn from."),
    "search": ("api.cli", "Search by words, by photo or by product."),
    "recognize": ("api.cli", "Say what a photo shows."),
    "serve": ("api.cli", "Answer over HTTP."),
    "keys": ("api.cli", "Make, list and revoke API keys."),
}


SETTING_FLAGS = {
    "home": "Folder of all run-time files (LOOKALIKE_HOME, ./var).",
    "backbone": "CNN that embeds photos (LOOKALIKE_BACKBONE, inception_v3).",
}


def _accept_settings(command: click.Command) -> None:
    """Lets `--home` and `--backbone` stand after the command's name as well as before it."""
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _accept_settings(child)
    elif not any(parameter.name == "home" for parameter in command.params):
        command.params += [_setting_option(name) for name in SETTING_FLAGS]


def _setting_option(name: str) -> click.Option:
    return click.Option([f"--{name}"], help=SETTING_FLAGS[name], expose_value=False, is_eager=True, callback=_set)


def _set(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name:
        flags = ctx.meta.setdefault("lookalike.flags", {})
        flags[parameter.name] = value
        ctx.obj = load_settings(**flags)


class _Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[name][0])
        command: click.Command = getattr(module, f"{name.replace('-', '_')}_command")
        _accept_settings(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="lookalike")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool) -> None:
    """Self-hosted visual product search: photo, text and "similar to this" over your own catalogue.

    Example: lookalike import catalogue.jsonl && lookalike rebuild && lookalike serve
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("lookalike").setLevel(logging.DEBUG if verbose else logging.INFO)
    if ctx.obj is None:
        ctx.obj = load_settings()


cli.params += [_setting_option(name) for name in SETTING_FLAGS]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on.")
@click.option("--products", default=240, show_default=True, help="Products in the sample catalogue.")
@click.option("--serve/--no-serve", "serving", default=True, show_default=True, help="Serve when the index is built.")
@click.pass_context
def demo_command(ctx: click.Context, host: str, port: int, products: int, serving: bool) -> None:
    """Make a synthetic sample catalogue, import it, build the index and serve it.

    Example: lookalike demo --port 8080
    """
    from data.sample import generate_sample
    from indexer.importing import import_feed
    from indexer.rebuild import rebuild

    settings = _demo_settings(ctx.obj)
    click.echo(f"1/4 Drawing a synthetic sample catalogue of {products} products under {settings.home / 'sample'}")
    feed = generate_sample(settings.home / "sample", products=products)
    click.echo("2/4 Importing it")
    click.echo(f"    {import_feed(settings, feed).summary}")
    click.echo("3/4 Embedding its photos and building the index")
    summary = rebuild(settings)
    click.echo(f"    generation {summary.generation} is live")
    if serving:
        from api.cli import serve_command

        click.echo("4/4 Starting the server (Ctrl-C stops it)")
        ctx.obj = settings
        ctx.invoke(serve_command, host=host, port=port)


def _demo_settings(settings: Settings) -> Settings:
    """Refuses a home with a shop's own products; falls back, aloud, to the backbone that needs no download."""
    from data.catalogue import Catalogue
    from engine.backbones import resolve_spec
    from engine.errors import BackboneUnavailable

    if not (settings.home / "sample").exists() and Catalogue(settings.home).counts()["products"]:
        raise LookalikeError(
            f"demo needs an empty home; got {settings.home} with products of its own. Name another with --home."
        )
    click.echo(f"Looking for the weights of {settings.backbone}")
    try:
        resolve_spec(settings)
    except BackboneUnavailable as error:
        notice = f"{settings.backbone} is not available here, so the demo uses {DEMO_FALLBACK}: results differ."
        click.secho(f"NOTE: {notice}\n      {error}", fg="yellow", err=True)
        write_setting(settings.home, "backbone", DEMO_FALLBACK)
        write_setting(settings.home, "backbone_notice", notice)
        return load_settings(home=settings.home, backbone=DEMO_FALLBACK)
    return settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line. Exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    try:
        cli.main(arguments, prog_name="lookalike", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except LookalikeError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, SettingsError) or error.code in USAGE_ERRORS else 1)


if __name__ == "__main__":
    main()
