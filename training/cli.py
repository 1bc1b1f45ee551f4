"""The training commands: `train` and `evaluate`, each a group with one subcommand per part."""

import json
from pathlib import Path
from typing import Any

import click

from data.settings import Settings


@click.group("train")
def train_command() -> None:
    """Train one part alone and say how good it is; the nightly rebuild trains all of them.

    Example: lookalike train voters --augment 5 --publish
    """


@click.group("evaluate")
def evaluate_command() -> None:
    """Measure one part on photos or queries that it did not learn from.

    Example: lookalike evaluate recognition --report recognition.html
    """


@train_command.command("voters")
@click.option("--label", metavar="NAME", help="What to recognise: category, or attr.NAME. Default: as the live voters.")
@click.option("--folds", type=click.IntRange(2, 20), help="Measure by k-fold cross-validation, not one 80/20 split.")
@click.option("--augment", type=click.IntRange(0, 50), help="Augmented copies of each photo, embedded once and kept.")
@click.option("--flips/--no-flips", default=None, help="Recognise a photo together with its mirror image.")
@click.option("--seed", type=int, help="Of every random draw.")
@click.option(
    "--precision", type=click.FloatRange(0.5, 1), help="Right answers wanted where the vote does not abstain."
)
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Learn from these instead of the catalogue: a folder per label, or a CSV with path,label.",
)
@click.option(
    "--test",
    type=click.Path(exists=True, path_type=Path),
    help="Measure on these, learn from all others: a folder per label, or a CSV with path,label.",
)
@click.option("--preview", type=click.Path(dir_okay=False, path_type=Path), help="Write a contact sheet and stop.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write what was measured as HTML.")
@click.option("--publish", is_flag=True, help="Make the result live. Without it, it is measured and let go.")
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON.")
@click.pass_obj
def train_voters_command(
    settings: Settings,
    /,
    data: Path | None,
    test: Path | None,
    preview: Path | None,
    report: Path | None,
    publish: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Train the three voters and their vote: measured on photos held out, then trained on all.

    With --publish they go live in a copy of the live generation; rebuilds keep the options from then on, and
    `lookalike rollback` undoes it. Options that are not given are taken over from the live voters.

    Example: lookalike train voters --augment 5 --flips --report voters.html --publish
    """
    from training.voter_session import VoterSession

    session = VoterSession.open(
        settings, data, test, {name: value for name, value in given.items() if value is not None}
    )
    if preview:
        session.preview(preview)
        click.echo(f"Contact sheet: {preview}")
        return
    trained = session.train()
    if report:
        session.report(trained, report)
    generation = session.publish(trained) if publish else None
    if as_json:
        click.echo(json.dumps({**trained.metrics, "published": generation}, ensure_ascii=False))
        return
    click.echo(_table(trained.metrics["models"]))
    click.echo(_summary(trained.metrics["held_out"]))
    if trained.metrics["imbalance"]:
        click.echo(f"Imbalance: {trained.metrics['imbalance']}")
    click.echo(f"Generation {generation} is live." if generation else "Nothing was published; --publish would.")


@evaluate_command.command("recognition")
@click.option(
    "--split", type=click.Choice(["test"]), default="test", show_default=True, help="Photos held out in training."
)
@click.option(
    "--photos",
    type=click.Path(exists=True, path_type=Path),
    help="Measure on these instead: a folder per label, or a CSV with path,label.",
)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def evaluate_recognition_command(
    settings: Settings, split: str, photos: Path | None, report: Path | None, as_json: bool
) -> None:
    """Measure the live voters: on the photos held out when they were trained, or on labelled photos of your own.

    Example: lookalike evaluate recognition --photos labelled/ --report recognition.html
    """
    from training.recognition_evaluation import evaluate

    result = evaluate(settings, photos)
    if report:
        from training.recognition_report import write_report

        write_report(report, result)
    if as_json:
        click.echo(json.dumps(result.to_json(), ensure_ascii=False))
        return
    click.echo(_table(result.models))
    click.echo(_summary(result.measured.figures()))


def _table(models: list[dict[str, Any]]) -> str:
    """Returns the comparison table as aligned columns."""
    names = ("model", "labels", "images", "steps", "training_s", "inference_ms", "top1", "top3", "top5")
    rows = [names, *([_cell(name, model.get(name)) for name in names] for model in models)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if name.startswith("top") else str(value)


def _summary(figures: dict[str, Any]) -> str:
    gain = figures["vote_minus_best_voter"]
    verdict = f"The vote is {abs(gain):.1%} {'better' if gain > 0 else 'worse'} than the best single voter."
    if not gain:
        verdict = "The vote is as good as the best single voter."
    precision = figures["precision_where_answered"]
    return (
        f"{verdict} It answers for {figures['coverage']:.1%} of {figures['photos']} photos"
        f"{f', right in {precision:.1%} of those' if precision is not None else ''}; "
        f"expected calibration error {figures['expected_calibration_error']:.3f}."
    )
