"""The command `train`, with one subcommand for each part that can be trained alone."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from data.settings import Settings

_LABELLED = "a folder per label, or a CSV with path,label."
_data = click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help=f"Learn from these photos instead of the catalogue's: {_LABELLED}",
)
_test = click.option(
    "--test",
    type=click.Path(exists=True, path_type=Path),
    help=f"Measure the result on these photos: {_LABELLED}",
)
_seed = partial(click.option, "--seed", type=int, help="Random seed.")
_publish = click.option(
    "--publish", is_flag=True, help="Make the result live. Without it, the result is only measured, then discarded."
)
_report = click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_UNPUBLISHED = "Nothing was published; add --publish to make the result live."


@click.group("train")
def train_command() -> None:
    """Train one part on its own and measure it; the nightly rebuild trains all parts.

    Example: lookalike train voters --augment 5 --publish
    """


@train_command.command("voters")
@click.option(
    "--label", metavar="NAME", help="What to recognise: category, or attr.NAME. Default: as in the live voters."
)
@click.option("--folds", type=click.IntRange(2, 20), help="Cross-validation folds, instead of one 80/20 split.")
@click.option("--augment", type=click.IntRange(0, 50), help="Augmented copies. Default: 2; 0 above 5,000 photos.")
@click.option(
    "--close-ups/--no-close-ups", default=None, help="Look at each photo's middle too. Default: up to 5,000 photos."
)
@_seed()
@click.option(
    "--precision", type=click.FloatRange(0.5, 1), help="Wanted share of right answers; the vote abstains on the rest."
)
@_data
@_test
@click.option(
    "--preview",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a picture of one photo's augmented copies, and train nothing.",
)
@_report
@_publish
@_json
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
    """Train the three voters and their vote. They are measured on held-out photos, then trained on all.

    With --publish they go live in a copy of the live generation, and later rebuilds use the same options;
    `lookalike rollback` undoes this. Options that you leave out are taken from the live voters.

    Example: lookalike train voters --augment 5 --close-ups --report voters.html --publish
    """
    from data.database import require_home
    from training.reports import tables
    from training.sessions import VoterSession

    require_home(settings.home)
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
    click.echo(tables.models_table(trained.metrics["models"]))
    click.echo(tables.summary(trained.metrics["held_out"]))
    if trained.metrics["imbalance"]:
        click.echo(f"Imbalance: {trained.metrics['imbalance']}")
    click.echo(f"Generation {generation} is live." if generation else _UNPUBLISHED)


@train_command.command("query-embedder")
@click.option(
    "--source",
    "sources",
    multiple=True,
    help="Learn only from pairs of this source, such as title; may be repeated. Default: all but click and purchase.",
)
@click.option("--loss", help="info_nce, or margin (the baseline with one random negative).")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the pairs or photos. Default: by their number.")
@click.option("--batch", type=click.IntRange(8), help="Pairs per step. Default: by their number.")
@click.option("--close-ups/--no-close-ups", default=None, help="Learn from each photo's middle, larger, too.")
@click.option("--augment", "copies", type=click.IntRange(0, 4), help="Augmented copies of each photo to learn from.")
@click.option("--classifier-names/--no-classifier-names", default=None, help="Learn ImageNet's class names too.")
@click.option(
    "--tune-encoder", type=click.IntRange(0), metavar="N", help="Fine-tune the text encoder's last N layers first."
)
@click.option("--adapter/--no-adapter", default=None, help="Learn to move phone photos towards catalogue photos.")
@click.option("--precision", help="f32, bf16 (mixed), or auto: bf16 on a GPU or a processor with bf16.")
@_seed()
@click.option("--compare", is_flag=True, help="Train with the margin loss too, and show both side by side.")
@_publish
@_json
@click.pass_obj
def train_query_embedder_command(
    settings: Settings, /, sources: tuple[str, ...], compare: bool, publish: bool, as_json: bool, **given: Any
) -> None:
    """Train the product space that words and photos share, on the shop's own texts, clicks and purchases.

    It is measured on held-out queries and products, and compared with the untrained space. With --publish it goes live
    unless it is worse, and later rebuilds use the same options; `lookalike rollback` undoes this. Options that you
    leave out are taken from the live query embedder. An interrupted training continues where it stopped.

    Example: lookalike train query-embedder --close-ups --augment 2 --compare --publish
    """
    from data.database import require_home
    from training.embedder import describe
    from training.sessions import EmbedderSession, table

    require_home(settings.home)
    chosen = {name: value for name, value in given.items() if value is not None}
    session = EmbedderSession.open(settings, {**chosen, "sources": sources} if sources else chosen)
    try:
        metrics = session.train()
        baseline = session.baseline() if compare else None
        generation = session.publish(metrics) if publish else None
    finally:
        session.close()
    if as_json:
        found = {**metrics, "baseline": baseline, "generation": generation}
        click.echo(json.dumps(found, ensure_ascii=False, default=float))
        return
    used = ", ".join(f"{count} {name}" for name, count in metrics["pairs"].items() if count)
    click.echo(f"Pairs: {used or 'none'}. {metrics['plan']['steps']} steps of {metrics['plan']['batch']}.")
    if encoder := metrics.get("encoder"):
        click.echo(f"Text encoder: {encoder['kept']}. {encoder['reason']}".rstrip())
    click.echo(table(metrics, baseline))
    click.echo(metrics["reason"] or "The trained space is at least as good as the untrained one.")
    if adapter := metrics.get("adapter"):
        click.echo(describe(adapter))
    click.echo(f"Generation {generation} is live." if generation else _UNPUBLISHED)


@train_command.command("backbone")
@click.option("--name", required=True, help="Name of the new backbone; use it later with `--backbone NAME`.")
@click.option("--base", default="efficientnet_lite2", show_default=True, help="Pretrained architecture to start from.")
@click.option(
    "--mode", default="finetune", show_default=True, help="features: train a classifier; finetune: upper layers too."
)
@click.option("--from-layer", default="", metavar="NAME", help="First layer to train. Default: by the base.")
@click.option("--size", "input_size", default=0, help="Side of the square input in pixels. Default: the base's own.")
@click.option("--epochs", default=20, show_default=True, help="Passes over the photos.")
@click.option("--batch", default=32, show_default=True, help="Photos per step.")
@click.option("--lr", "learning_rate", default=0.0005, show_default=True, help="Highest learning rate.")
@click.option("--warmup", default=0.1, show_default=True, help="Share of the steps in which the learning rate rises.")
@click.option("--weight-decay", default=0.01, show_default=True, help="Weight decay of AdamW.")
@click.option("--label-smoothing", default=0.1, show_default=True, help="Probability spread over all labels.")
@click.option("--mixup", default=0.2, show_default=True, help="How strongly two photos are blended; 0: not at all.")
@click.option("--held-out", default=0.1, show_default=True, help="Share of each label's photos to validate on.")
@click.option("--patience", default=0, show_default=True, help="Epochs without progress before it stops; 0: never.")
@click.option(
    "--class-weights/--no-class-weights", default=True, help="Let a small label count as much as a large one."
)
@click.option("--precision", default="auto", show_default=True, help="f32, bf16 (mixed), or auto: bf16 on a GPU.")
@_seed(default=0, show_default=True)
@click.option("--label", default="category", show_default=True, help="What to learn: category, or attr.NAME.")
@_data
@_test
@click.option("--resume", is_flag=True, help="Continue the same training where it was stopped.")
@_json
@click.pass_obj
def train_backbone_command(
    settings: Settings,
    /,
    label: str,
    data: Path | None,
    test: Path | None,
    resume: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Fine-tune a backbone on labelled photos, or train a classifier on its frozen features.

    The result is stored under backbones/NAME in the home. `lookalike rebuild --backbone NAME` embeds the catalogue
    with it.

    Example: lookalike train backbone --name shop1 --from-layer block16_expand_conv
    """
    from data.database import require_home
    from training.backbone import BackboneOptions, train_backbone
    from training.reports import tables

    if data is None:
        require_home(settings.home)
    trained = train_backbone(settings, BackboneOptions(**given), data=data, test=test, label=label, resume=resume)
    record = trained.record
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False))
        return
    click.echo(tables.curve(record["curve"]))
    held, best = record["photos"]["held_out"], record["held_out"]
    click.echo(
        f"Best epoch {record['best_epoch']}: Top-1 {best['top1']:.1%}, Top-5 {best['top5']:.1%} of {held} held out."
    )
    if record["test"]:
        tested = record["test"]
        click.echo(f"Test: Top-1 {tested['top1']:.1%}, Top-5 {tested['top5']:.1%} of {tested['photos']} photos.")
    click.echo(f"{trained.folder} is ready: lookalike rebuild --backbone {record['name']}")
