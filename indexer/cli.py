"""The indexer's commands: import, restore, import-events, rebuild, rollback, status, doctor."""

import dataclasses
import gc
import json
import logging
import sys
from pathlib import Path

import click

from data.errors import LookalikeError
from data.settings import Settings

_log = logging.getLogger("lookalike.rebuild")


@click.command("import")
@click.argument("path", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(("auto", "csv", "json", "jsonl", "parquet", "xlsx", "xml", "google-csv", "folder")),
    default="auto",
    show_default=True,
    help="Format of the feed; auto looks at its name and first bytes.",
)
@click.option("--encoding", default="", help="Encoding of the feed's text, such as cp949; it is detected otherwise.")
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that image paths are relative to, tried before the feed's own folder.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="JSONL file for the rows with problems."
)
@click.option(
    "--strict", is_flag=True, help="Stop at the first row with a problem, a warning too, with nothing written."
)
@click.option(
    "--full-feed",
    is_flag=True,
    help="Delete products that this feed does not name. Deletes none, and exits 1, if a row had no readable product_id "
    "or if they are more than max_full_feed_drop (0.2) of all.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would change; nothing is written.")
@click.option("--force", is_flag=True, help="Let --full-feed delete more than max_full_feed_drop.")
@click.option("--dates", type=click.Choice(("dmy", "mdy")), help="How to read dates such as 05/11/2026.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="THEIRS=OURS",
    help="Read a column of the feed as a fact, or as several: tone=colour, TITLE=product_id,title; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_obj
def import_command(
    settings: Settings,
    path: Path,
    format_: str,
    encoding: str,
    images: Path | None,
    report: Path | None,
    strict: bool,
    full_feed: bool,
    dry_run: bool,
    force: bool,
    dates: str | None,
    mapping: tuple[str, ...],
    as_json: bool,
) -> None:
    """Add or change products from a catalogue file, a zip, a folder of photos, or standard input (`-`).

    CSV, TSV, JSON, Parquet and Excel (.xlsx), also in gzip or in a zip with the photos.

    A row without a usable product_id is refused; a fact or photo that cannot be used is left out with a warning, and a
    product that has it already keeps it. Exports of Naver Shopping, Google Merchant Center, Meta, Shopify, WooCommerce
    and Magento, and schema.org JSON-LD, are known by their columns. Importing the same feed again changes nothing.

    Example: lookalike import catalogue.csv --images photos --report problems.jsonl
    """
    from indexer.importing import describe, import_feed

    gc.set_threshold(50_000)  # a batch of rows holds no cycles, and looking for some takes a tenth of the time
    if force and not full_feed:
        raise click.UsageError("--force goes with --full-feed.")
    pairs = [(theirs.strip(), ours.strip()) for theirs, _, ours in (text.rpartition("=") for text in mapping)]
    if any(not theirs or not ours for theirs, ours in pairs):
        raise click.UsageError("--map must read THEIRS=OURS, such as code=product_id.")
    done = import_feed(
        settings, path, format=format_, encoding=encoding, images=images, strict=strict, full_feed=full_feed,
        force=force, dry_run=dry_run, dates=dates or "", mapping=dict(pairs), report=report,
    )  # fmt: skip
    click.echo(json.dumps(done.fields(), ensure_ascii=False) if as_json else describe(done, report))
    if done.refusal:
        click.echo(f"Error: {done.refusal}", err=True)
        sys.exit(1)


@click.command("restore")
@click.option(
    "--import",
    "run",
    type=int,
    required=True,
    metavar="RUN",
    help="Number of the import, as its report and status say.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_obj
def restore_command(settings: Settings, run: int, as_json: bool) -> None:
    """Bring back the products that an import with --full-feed deleted, with their facts and photos.

    A product that has come back meanwhile stays as it is. The next search finds what was restored. What the last 20
    deleting imports deleted can be restored.

    Example: lookalike restore --import 12
    """
    from data.database import require_home
    from indexer.importing import describe_restored, restore

    require_home(settings.home)
    done = restore(settings, run)
    click.echo(json.dumps(dataclasses.asdict(done), ensure_ascii=False) if as_json else describe_restored(done))


@click.command("import-events")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(("auto", "csv", "jsonl")),
    default="auto",
    show_default=True,
    help="Format of the log; auto looks at its name and first bytes.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="JSONL file for the rows with problems."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_obj
def import_events_command(settings: Settings, path: Path, format_: str, report: Path | None, as_json: bool) -> None:
    """Add shoppers' events from a log: searches and the products shown, clicks, carts and purchases.

    A row is one event (`kind`, `at`, `query_text`, `product_id`, `position`, ...) or, without a kind, one search with
    `shown`, `clicked`, `added_to_cart` and `purchased`. Rows with problems are reported and skipped. Importing the same
    log again changes nothing. Events of products that are not in the catalogue are kept and marked.

    Example: lookalike import-events clicks.csv --report problems.jsonl
    """
    from data.database import require_home
    from indexer.importing import describe, import_events

    require_home(settings.home)
    done = import_events(settings, path, format=format_, report=report)
    click.echo(json.dumps(done.fields(), ensure_ascii=False) if as_json else describe(done, report))


@click.command("rebuild")
@click.option("--no-train", is_flag=True, help="Only embed and index; keep the live generation's trained parts.")
@click.option(
    "--full",
    is_flag=True,
    help="Read every photo's source again, leave out photos whose source is gone or changed, and train even if nothing "
    "changed. Photos that are embedded already are not embedded again.",
)
@click.option(
    "--ray",
    default="",
    metavar="ADDRESS",
    help="Embed on a Ray cluster, HOST:PORT of its head, or on `local`, one that lasts as long as the rebuild. Needs "
    "the extra `ray`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.pass_obj
def rebuild_command(settings: Settings, no_train: bool, full: bool, ray: str, as_json: bool) -> None:
    """Embed new photos, train, build a generation, verify it and publish it: the nightly job.

    Ends in about ten lines; with --json, in one JSON object instead. Exit status: 0 published, 1 nothing was published
    (another rebuild runs, a gate refused, a step failed; the live generation stays as it is), 2 wrong usage.

    Example: lookalike rebuild --json
    """
    from data.database import require_home
    from indexer.rebuild import Journal, describe, reason_of, rebuild

    journal = Journal()
    try:
        require_home(settings.home)
        summary = rebuild(settings, train=not no_train, full=full, ray=ray, journal=journal)
    # whatever fails, the nightly job ends with its summary line; the reason goes into that line and the log
    except Exception as error:
        summary = journal.summary(reason_of(error))
        _log.error("rebuild failed: %s", summary.reason, exc_info=not isinstance(error, LookalikeError | OSError))
    told = json.dumps(summary.to_json(), ensure_ascii=False) if as_json else describe(summary, settings.home)
    click.echo(told)
    if not summary.published:
        sys.exit(1)


@click.command("rollback")
@click.argument("generation", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_obj
def rollback_command(settings: Settings, generation: str | None, as_json: bool) -> None:
    """Make an earlier generation live: the one you name, or the one before the live one.

    Its files, and the text encoder tuned for it if there is one, are verified first. Running servers swap to it by
    themselves. `lookalike status` lists the kept generations.

    Example: lookalike rollback
    """
    from data.database import require_home
    from engine.rollback import roll_back

    require_home(settings.home)
    live = roll_back(settings, generation)
    click.echo(json.dumps({"generation": live}) if as_json else f"Generation {live} is live.")


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as one JSON object.")
@click.pass_obj
def status_command(settings: Settings, as_json: bool) -> None:
    """Show the live generation, waiting changes, kept generations, and how the last import and rebuild went.

    Example: lookalike status --json
    """
    from data.database import require_home
    from indexer.operating import describe_status, status

    require_home(settings.home)
    facts = status(settings)
    click.echo(json.dumps(facts, ensure_ascii=False) if as_json else describe_status(facts))


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Mend what can be mended on this machine; nothing is lost.")
@click.option("--ray", default="", metavar="ADDRESS", help="Also look at the Ray cluster of `rebuild --ray`.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
@click.pass_obj
def doctor_command(settings: Settings, repair: bool, ray: str, as_json: bool) -> None:
    """Check this machine, every file of the home and the parts in use, and say what to do.

    With --repair, damaged indexes, thumbnails and exported networks are made anew, old feature rows get a checksum, and
    the newest whole generation goes live if the live one is damaged. Nothing is deleted that cannot be made again.

    Each line begins with OK, WARN or FAIL. Exit status: 0 without any FAIL, 1 otherwise.

    Example: lookalike doctor
    """
    from indexer.operating import examine

    findings = examine(settings, repair=repair, ray=ray)
    failed = any(finding.level == "FAIL" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "findings": [dataclasses.asdict(found) for found in findings]}))
    else:
        click.echo("\n".join(str(finding) for finding in findings))
    if failed:
        sys.exit(1)
