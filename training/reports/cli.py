"""The command `evaluate`, with one subcommand for each thing that can be measured."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from data.settings import Settings

_report = click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group("evaluate")
def evaluate_command() -> None:
    """Measure one part on photos or queries that it did not learn from.

    Example: lookalike evaluate recognition --report recognition.html
    """


@evaluate_command.command("recognition")
@click.option(
    "--split", type=click.Choice(["test"]), default="test", show_default=True, help="Photos held out in training."
)
@click.option(
    "--photos",
    type=click.Path(exists=True, path_type=Path),
    help="Measure on these photos instead: a folder per label, or a CSV with path,label.",
)
@_report
@_json
@click.pass_obj
def evaluate_recognition_command(
    settings: Settings, split: str, photos: Path | None, report: Path | None, as_json: bool
) -> None:
    """Measure the live voters on the photos held out in training, or on your own labelled photos.

    Example: lookalike evaluate recognition --photos labelled/ --report recognition.html
    """
    from data.database import require_home
    from training.evaluation import recognition
    from training.reports import recognition as recognition_report
    from training.reports import tables

    require_home(settings.home)
    result = recognition.evaluate(settings, photos)
    if report:
        recognition_report.write_report(report, result)
    if as_json:
        click.echo(json.dumps(result.to_json(), ensure_ascii=False))
        return
    click.echo(tables.models_table(result.models))
    click.echo(tables.summary(result.measured.figures()))


@evaluate_command.command("retrieval")
@click.option(
    "--queries",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="CSV with query_text or query_photo, and product_id or facts such as category. May be repeated.",
)
@click.option("--untrained/--no-untrained", default=True, show_default=True, help="Measure the untrained space too.")
@_report
@_json
@click.pass_obj
def evaluate_retrieval_command(
    settings: Settings, queries: tuple[Path, ...], untrained: bool, report: Path | None, as_json: bool
) -> None:
    """Measure how well words and photos find products, compared with the untrained product space.

    Without --queries, the queries are held-out photos, shoppers' searches since the live generation was built, and the
    words that it learned (marked with *).

    Example: lookalike evaluate retrieval --queries queries.csv --report retrieval.html
    """
    from data.database import require_home
    from training.evaluation import retrieval
    from training.reports import retrieval as retrieval_report

    require_home(settings.home)
    found = retrieval.evaluate(settings, queries, untrained=untrained)
    if report:
        retrieval_report.write_report(report, found)
    if as_json:
        click.echo(json.dumps(retrieval_report.to_json(found), ensure_ascii=False))
        return
    click.echo(retrieval_report.describe(found))


@evaluate_command.command("cold-start")
@click.option(
    "--queries",
    type=click.IntRange(1, 100_000),
    default=1_000,
    show_default=True,
    help="How many of the most frequent queries to measure.",
)
@click.option(
    "--split",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Events before this time (UTC) are known, later ones held out. Default: when the live generation was built.",
)
@_report
@_json
@click.pass_obj
def evaluate_cold_start_command(
    settings: Settings, queries: int, split: datetime | None, report: Path | None, as_json: bool
) -> None:
    """Measure how many new products are shown when ranking by past behaviour, by the joint embedding, or by both.

    Each row also shows the price: click nDCG@20 on later events. It needs events; see `lookalike import-events`.

    Example: lookalike evaluate cold-start --queries 1000 --report cold-start.html
    """
    from data.database import require_home
    from training.evaluation import cold_start
    from training.reports import cold_start as cold_start_report

    require_home(settings.home)
    found = cold_start.evaluate(settings, queries=queries, split=split.replace(tzinfo=UTC) if split else None)
    if report:
        cold_start_report.write_report(report, found)
    click.echo(json.dumps(found.to_json(), ensure_ascii=False) if as_json else cold_start_report.describe(found))


@evaluate_command.command("labels")
@click.option("--label", metavar="NAME", help="Which label: category, or attr.NAME. Default: as in the live voters.")
@click.option("--keep", multiple=True, metavar="PHOTO", help="Decide that its label is right; may be repeated.")
@click.option(
    "--correct", multiple=True, metavar="PHOTO=LABEL", help="Decide that this label is right; may be repeated."
)
@click.option(
    "--decisions", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take the decisions of a CSV."
)
@click.option("--csv", "table", type=click.Path(dir_okay=False, path_type=Path), help="Write the doubts as a CSV.")
@_report
@_json
@click.pass_obj
def evaluate_labels_command(
    settings: Settings,
    label: str | None,
    keep: tuple[str, ...],
    correct: tuple[str, ...],
    decisions: Path | None,
    table: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """List photos whose label may be wrong: voters that did not learn from them all name another label.

    A photo is named by its sha256. What you decide with --keep, --correct, --decisions or on the page /admin/labels is
    remembered: the photo is not listed again, and the next training uses the corrected label. The catalogue's own facts
    stay as they are.

    Example: lookalike evaluate labels --report labels.html
    """
    from data.database import require_home
    from training.evaluation import labels
    from training.reports import labels as labels_report

    require_home(settings.home)
    if keep or correct or decisions:
        if report or table:
            raise click.UsageError("--report and --csv list doubts; give decisions in a command of their own, before.")
        count = labels.decide(settings, label, keep, correct, decisions)
        click.echo(json.dumps({"decided": count}) if as_json else f"Decided: {count}. The next training respects it.")
        return
    found = labels.evaluate(settings, label)
    if report:
        labels_report.write_report(report, found)
    if table:
        labels_report.write_csv(table, found)
    click.echo(json.dumps(found.to_json(), ensure_ascii=False) if as_json else labels_report.describe(found))
