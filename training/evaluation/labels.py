"""`lookalike evaluate labels`: finds photos whose label the voters contradict, out of fold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import Catalogue, LabelDecision, LabelDoubt, PhotoLabels
from data.errors import InvalidLabel
from data.settings import Settings
from training.evaluation.label_decisions import decisions_about, read_decisions
from training.live import live_generation, spec_beside
from training.measures import doubtful
from training.photos import (
    BackboneLoader,
    LabelledPhotos,
    PhotoReader,
    TrainingRows,
    from_catalogue,
    gather,
    learned_photos,
)
from training.voters import VoterOptions, capped, choose

_GUESSES = 3


@dataclass(frozen=True, kw_only=True)
class CheckedLabels:
    """The photos whose label may be wrong.

    Attributes:
        label_kind: `category` or `attr.<name>`.
        photos: how many photos were checked.
        left_out: how many were not: they cannot be read, or their label has more than 1,000 photos.
        learned: how many of those checked the fine-tuned backbone has learned from; of these, fewer errors are found.
        right: share of the photos whose label the vote names, out of fold, 0..1.
        doubts: strongest first, without those that were decided.
        decisions: how many decisions were made before.
        read: returns a photo's bytes by its sha256.
    """

    label_kind: str
    photos: int
    left_out: int
    learned: int
    right: float
    doubts: tuple[LabelDoubt, ...]
    decisions: tuple[LabelDecision, ...]
    read: Callable[[str], bytes]
    settings: Settings

    def to_json(self) -> dict[str, Any]:
        """Returns all figures and doubts as plain JSON values."""
        return {
            "label_kind": self.label_kind,
            "photos": self.photos,
            "left_out": self.left_out,
            "learned": self.learned,
            "right": round(self.right, 4),
            "doubts": [
                {
                    "photo": doubt.photo,
                    "label": doubt.label,
                    "probability": round(doubt.probability, 4),
                    "guesses": [{"label": label, "probability": round(share, 4)} for label, share in doubt.guesses],
                    "products": list(doubt.products),
                }
                for doubt in self.doubts
            ],
            "decisions": [vars(decision) for decision in self.decisions],
        }


def evaluate(settings: Settings, label_kind: str | None = None) -> CheckedLabels:
    """Checks the labels of the catalogue's photos, and stores the doubts for the operators' page.

    The voters learn in folds, from the photos that are not in the fold; photos of one label that look alike share a
    fold. A photo that was decided is not listed again. One whose label was corrected is checked under the right label.

    Args:
        label_kind: `category` or `attr.<name>`; None: as in the live voters.

    Raises:
        NotEnoughData: too few labels or photos.
        BackboneUnavailable: photos still need embedding, and the backbone cannot be had.
    """
    options = _options(settings, label_kind)
    catalogue = Catalogue(settings.home)
    spec = spec_beside(settings, live_generation(settings))
    everything = from_catalogue(catalogue, catalogue.snapshot(), options.label)
    loader = BackboneLoader(settings=settings, spec=spec)
    photos, rows = gather(settings, spec, capped(everything, options.seed), get_backbone=loader)
    doubts, right = find_doubts(photos, rows, options)
    labels = PhotoLabels(settings.home, options.label)
    labels.note_doubts(doubts, len(photos))
    learned = learned_photos(settings.home, spec.name)
    return CheckedLabels(
        label_kind=options.label,
        photos=len(photos),
        left_out=len(everything) - len(photos),
        learned=sum(key in learned for key in photos.keys),
        right=right,
        doubts=tuple(labels.open_doubts()),
        decisions=tuple(labels.decisions()),
        read=PhotoReader(settings).read,
        settings=settings,
    )


def decide(
    settings: Settings,
    label_kind: str | None,
    keep: Sequence[str] = (),
    correct: Sequence[str] = (),
    path: Path | None = None,
) -> int:
    """Stores decisions about labels, all or none, and returns how many.

    Args:
        keep: sha256 of photos whose label is right.
        correct: `SHA256=LABEL` of photos whose label is wrong.
        path: a CSV of further decisions, see `read_decisions`.

    Raises:
        InvalidLabel: a decision is not understood, or names a photo or label that is not there.
        InvalidFeed: the CSV cannot be read.
    """
    labels = PhotoLabels(settings.home, _options(settings, label_kind).label)
    pairs = [text.partition("=") for text in correct]
    if bad := [photo for photo, _, right in pairs if not right.strip()]:
        raise InvalidLabel(f"--correct must be PHOTO=LABEL; got {bad[0][:80]!r} without a label.")
    decisions = list(decisions_about(labels, keep, {photo.strip(): right.strip() for photo, _, right in pairs}))
    decisions += read_decisions(path) if path else []
    labels.decide(decisions)
    return len(decisions)


def find_doubts(photos: LabelledPhotos, rows: TrainingRows, options: VoterOptions) -> tuple[list[LabelDoubt], float]:
    """Returns the doubts about these photos' labels, strongest first, and the vote's Top-1 out of fold.

    Args:
        rows: the photos' features; all photos are judged, also those that the backbone has learned from.
    """
    choices = choose(replace(rows, unseen=None), photos.labels, options.fit)
    found = doubtful(choices.tables, photos.y[choices.judged])
    mean = choices.tables.mean(axis=0)

    def doubts() -> Iterator[LabelDoubt]:
        for at in found:
            row = choices.judged[at]
            best = np.argsort(-mean[at], kind="stable")[:_GUESSES]
            yield LabelDoubt(
                photo=photos.keys[row],
                label=photos.labels[photos.y[row]],
                probability=float(mean[at, photos.y[row]]),
                guesses=tuple((photos.labels[label], float(mean[at, label])) for label in best),
            )

    once: dict[str, LabelDoubt] = {}
    for doubt in doubts():
        once.setdefault(doubt.photo, doubt)  # a photo of several products is judged once for each
    return [*once.values()], choices.vote.accuracy["vote"]


def _options(settings: Settings, label_kind: str | None) -> VoterOptions:
    """Returns the live voters' options, for labels of this kind."""
    live = live_generation(settings)
    options = VoterOptions.from_json((live.measured("voters") if live else {}).get("options") or {})
    return options if label_kind is None else replace(options, label=label_kind)
