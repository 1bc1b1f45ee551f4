"""The `lookalike` command: joins the three command groups, loading each only when one of its commands is called."""

import importlib
import logging
import sys
from collections.abc import Sequence

import click

from data.errors import LookalikeError, SettingsError
from data.settings import load_settings

VERSION = "0.1.0"
# command -> (module that defines it, one line of help); so that `--help` imports none of them
COMMANDS = {
    "demo": ("demo", "Make a sample catalogue, import it, build the index and serve it."),
    "import": ("indexer.cli", "Add or change products from a catalogue file or folder."),
    "rebuild": ("indexer.cli", "Embed what is new, build a generation, verify it and publish it."),
    "rollback": ("indexer.cli", "Make an earlier generation the live one."),
    "status": ("indexer.cli", "Say what is live and what is waiting."),
    "doctor": ("indexer.cli", "Check this machine, the files on disk and what is in use."),
    "search": ("api.cli", "Search by words, by photo or by product."),
    "serve": ("api.cli", "Answer over HTTP."),
    "keys": ("api.cli", "Make, list and revoke API keys."),
}


class _Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[name][0])
        command: click.Command = getattr(module, f"{name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="lookalike")
@click.option("--home", type=click.Path(file_okay=False), help="Folder of all run-time files (LOOKALIKE_HOME, ./var).")
@click.option("--backbone", help="CNN that embeds photos (LOOKALIKE_BACKBONE, inception_v3).")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_context
def cli(ctx: click.Context, home: str | None, backbone: str | None, verbose: bool) -> None:
    """Self-hosted visual product search: photo, text and "similar to this" over your own catalogue.

    Example: lookalike import catalogue.jsonl && lookalike rebuild && lookalike serve
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("lookalike").setLevel(logging.DEBUG if verbose else logging.INFO)
    ctx.obj = load_settings(home=home, backbone=backbone)


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


USAGE_ERRORS = {"bad_filter", "bad_query"}

if __name__ == "__main__":
    main()
