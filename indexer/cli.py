"""The indexer's commands: import, rebuild, rollback, status, doctor."""

import json
from pathlib import Path

import click

from data.settings import Settings


@click.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(("auto", "csv", "jsonl", "parquet", "folder", "google-csv")),
    default="auto",
    show_default=True,
    help="Format of the feed; auto looks at its name and first bytes.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that image paths are relative to; without it, the feed's own.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="JSONL file for the rows with problems."
)
@click.option("--strict", is_flag=True, help="Stop at the first row with a problem, with nothing written.")
@click.option("--full-feed", is_flag=True, help="Delete products that this feed does not name.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_obj
def import_command(
    settings: Settings,
    path: Path,
    format_: str,
    images: Path | None,
    report: Path | None,
    strict: bool,
    full_feed: bool,
    as_json: bool,
) -> None:
    """Add or change products from a catalogue file or a folder of photos.

    Rows with problems are reported and skipped; the others go in. Importing the same feed again changes nothing.

    Example: lookalike import catalogue.csv --images photos --report problems.jsonl
    """
    from indexer.import_report import summary
    from indexer.importing import import_feed

    done = import_feed(settings, path, format=format_, images=images, strict=strict, full_feed=full_feed, report=report)
    click.echo(json.dumps(done.fields(), ensure_ascii=False) if as_json else summary(done, report))
