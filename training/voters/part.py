"""The rebuild's part `voters`: trains the recogniser on the catalogue and measures it on held-out photos."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from data.settings import Settings
from engine.errors import BackboneUnavailable
from engine.protocols import BackboneSpec, Floats
from engine.recognition import Recogniser, save_recogniser
from training.context import TrainingContext
from training.errors import NotEnoughData
from training.measures import MODELS, Measured, from_tables, join, measure_recogniser
from training.photos import (
    BackboneLoader,
    Fold,
    GetBackbone,
    LabelledPhotos,
    TrainingRows,
    folds,
    from_catalogue,
    gather,
    gather_known,
    learned_photos,
    split,
)
from training.voters.fit import Choices, FitOptions, Timings, choose, fit
from training.voters.softmax import SoftmaxOptions

MOST_PHOTOS_PER_LABEL = 1000
MOST_PHOTOS = 30_000
_TEST_SHARE = 0.2
_UNSEEN_TEST_SHARE = 0.5  # of photos that a fine-tuned backbone has not learned from; the rest judge the choices
_FEW_PHOTOS = 5000  # up to here, embedding every photo three times more takes minutes; the query embedder does so too
_COPIES = 2
_log = logging.getLogger("lookalike.train")
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class VoterOptions:
    """Options of the voters' training. A rebuild uses the options of the live generation.

    Attributes:
        label: `category` or `attr.<name>`.
        augment: augmented copies of each photo; None: 2 up to 5,000 photos, else none.
        close_ups: whether a photo and its middle are recognised together; None: up to 5,000 photos.
        folds: number of cross-validation folds to measure on; 0: one 80/20 split.
        seed: random seed.
        precision: wanted share of right answers where the vote does not abstain.
    """

    label: str = "category"
    augment: int | None = None
    close_ups: bool | None = None
    folds: int = 0
    seed: int = 0
    precision: float = 0.9
    softmax: SoftmaxOptions = field(default_factory=SoftmaxOptions)

    @property
    def fit(self) -> FitOptions:
        return FitOptions(seed=self.seed, precision=self.precision, softmax=self.softmax)

    def views(self, photos: int) -> tuple[int, tuple[str, ...]]:
        """Returns how many augmented copies to use for this many photos, and which looks at each to recognise."""
        few = photos <= _FEW_PHOTOS
        close = few if self.close_ups is None else self.close_ups
        return _COPIES * few if self.augment is None else self.augment, ("photo", "close") if close else ("photo",)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "VoterOptions":
        """Returns the options that a manifest holds, without those that this version does not know.

        `flips` stands for `close_ups`: mirror images were in their place.
        """
        values = {"close_ups": values.get("flips"), **values}
        known = {item.name for item in fields(cls)} - {"softmax"}
        soft = {item.name for item in fields(SoftmaxOptions)} & set(values.get("softmax") or {})
        return cls(
            **{name: value for name, value in values.items() if name in known},
            softmax=SoftmaxOptions(**{name: values["softmax"][name] for name in soft}),
        )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A recogniser trained on all photos, and how well the same recipe did on held-out photos."""

    recogniser: Recogniser
    measured: Measured
    metrics: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Writes `voters.safetensors` and `recognition.safetensors`."""
        save_recogniser(self.recogniser, folder)
        self.measured.save(folder)


def train(context: TrainingContext, folder: Path) -> dict[str, Any]:
    """Trains on the catalogue's categories, or on the label of the live voters; returns the metrics.

    If the catalogue has too few labels, no voters are written and `skipped` gives the reason.
    """
    options = live_options(context)
    try:
        photos = from_catalogue(context.catalogue, context.snapshot, options.label)
        loader = BackboneLoader(settings=context.settings, spec=context.spec)
        trained = train_voters(context.settings, context.spec, photos, options, loader)
    except NotEnoughData as error:
        return {"skipped": str(error), "options": options.to_json()}
    trained.save(folder)
    return trained.metrics


def live_options(context: TrainingContext) -> VoterOptions:
    """Returns the options that the live generation's voters were trained with, or the defaults."""
    measured = context.live.measured("voters") if context.live else {}
    return VoterOptions.from_json(measured.get("options") or {})


def train_voters(
    settings: Settings,
    spec: BackboneSpec,
    photos: LabelledPhotos,
    options: VoterOptions,
    get_backbone: GetBackbone,
    test: LabelledPhotos | None = None,
) -> Trained:
    """Measures the recipe on held-out photos, then trains on all of them.

    Args:
        spec: the backbone whose features are used.
        photos: photos to learn from; at most 1,000 per label and 30,000 in all are used.
        get_backbone: called only where features are missing.
        test: photos of the same labels to measure on; None: some of `photos` are held out.

    Raises:
        NotEnoughData: too few labels or photos.
        BackboneUnavailable: photos, or views that the options ask for, still need embedding and cannot be embedded.
    """
    photos = capped(photos, options.seed)
    copies, looks = options.views(len(photos))
    try:
        photos, rows = gather(settings, spec, photos, copies=copies, looks=looks, get_backbone=get_backbone)
    except BackboneUnavailable as error:
        if options.augment or options.close_ups:
            raise
        _log.info("trained without close-ups and copies: %s", error)
        copies, looks = 0, ("photo",)
        photos, rows = gather(settings, spec, photos, get_backbone=get_backbone)
    if learned := learned_photos(settings.home, spec.name):
        rows = replace(rows, unseen=np.array([key not in learned for key in photos.keys], np.bool_))
    started = time.perf_counter()
    if test is None:
        trained = _on_held_out(photos, rows, options, spec)
    else:
        known, queries = gather_known(settings, spec, test, looks=looks, get_backbone=get_backbone)
        trained = _on_test(photos, rows, options, spec, known, queries)
    metrics = {
        "options": options.to_json(),
        "views": {"copies": copies, "looks": looks},
        "labels": len(photos.labels),
        "photos": len(photos),
        "rows": rows.shown * len(photos),
        "excluded": len(photos.excluded),
        "corrected": photos.corrected,
        "imbalance": photos.imbalance,
        "training_s": round(time.perf_counter() - started, 1),
    }
    return replace(trained, metrics={**metrics, **trained.metrics})


def _on_held_out(photos: LabelledPhotos, rows: TrainingRows, options: VoterOptions, spec: BackboneSpec) -> Trained:
    """Measures on the held-out photos of one or more folds, then trains on all with the choices made."""
    parts = _parts(photos, options, rows.unseen)
    runs = [_run(photos, rows, fold, options, spec) for fold in parts]
    choices = runs[0].choices
    recogniser, timings = _fit(photos, rows, photos.keys, choices, options, spec)
    measured = replace(join([run.measured for run in runs]), threshold=choices.vote.vote.threshold)
    return Trained(
        recogniser=recogniser,
        measured=measured,
        metrics={
            "split": _describe(parts, options, rows.unseen),
            "choices": choices.summary(),
            "held_out": measured.figures(),
            "models": _table(measured, timings, photos, rows, runs[0].inference_ms),
        },
    )


def _parts(photos: LabelledPhotos, options: VoterOptions, unseen: NDArray[np.bool_] | None) -> list[Fold]:
    """Returns the folds to measure on; they hold out only photos new to the backbone, if there are any."""

    def drawn(share: float) -> list[Fold]:
        if options.folds:
            return folds(photos, options.folds, seed=options.seed)
        return [split(photos, share, seed=options.seed)]

    if unseen is not None:
        parts = [part.among(unseen) for part in drawn(_UNSEEN_TEST_SHARE)]
        if parts := [part for part in parts if len(part.held)]:
            return parts
    return drawn(_TEST_SHARE)


def _on_test(
    photos: LabelledPhotos,
    rows: TrainingRows,
    options: VoterOptions,
    spec: BackboneSpec,
    test: LabelledPhotos,
    queries: Floats,
) -> Trained:
    """Trains on all photos and measures on the test photos."""
    choices = choose(rows, photos.labels, options.fit)
    recogniser, timings = _fit(photos, rows, photos.keys, choices, options, spec)
    measured = from_tables(recogniser, recogniser.tables(queries), test.y, test.keys)
    common = len(set(photos.keys) & set(test.keys))
    return Trained(
        recogniser=recogniser,
        measured=measured,
        metrics={
            "split": {"how": "all to learn, other photos to measure on", "seed": options.seed, "in_both": common},
            "choices": choices.summary(),
            "held_out": measured.figures(),
            "models": _table(measured, timings, photos, rows, _inference_ms(recogniser, queries)),
        },
    )


def _fit(
    photos: LabelledPhotos,
    rows: TrainingRows,
    keys: tuple[str, ...],
    choices: Choices,
    options: VoterOptions,
    spec: BackboneSpec,
) -> tuple[Recogniser, Timings]:
    return fit(
        rows, photos.labels, keys, choices, options.fit,
        fingerprint=spec.fingerprint, label_kind=photos.label_kind,
    )  # fmt: skip


def capped(photos: LabelledPhotos, seed: int) -> LabelledPhotos:
    """Returns at most 1,000 photos of each label, drawn at random; fewer (at least 2) with very many labels."""
    most = min(MOST_PHOTOS_PER_LABEL, max(2, MOST_PHOTOS // len(photos.labels)))
    if max(photos.counts.values()) <= most:
        return photos
    order = np.random.default_rng(seed).permutation(len(photos))
    taken = np.zeros(len(photos.labels), np.int64)
    kept = []
    for row in order:
        if taken[photos.y[row]] < most:
            taken[photos.y[row]] += 1
            kept.append(row)
    return photos.subset(np.sort(np.array(kept, np.int64)))


@dataclass(frozen=True, kw_only=True)
class _Run:
    choices: Choices
    measured: Measured
    inference_ms: dict[str, float]


def _run(photos: LabelledPhotos, rows: TrainingRows, fold: Fold, options: VoterOptions, spec: BackboneSpec) -> _Run:
    inside = rows.subset(fold.train)
    choices = choose(inside, photos.labels, options.fit)
    recogniser, _ = _fit(photos, inside, tuple(photos.keys[row] for row in fold.train), choices, options, spec)
    queries = rows.views[:, fold.held]
    measured = measure_recogniser(recogniser, queries, photos.y[fold.held], [photos.keys[row] for row in fold.held])
    return _Run(choices=choices, measured=measured, inference_ms=_inference_ms(recogniser, queries))


def _inference_ms(recogniser: Recogniser, queries: Floats) -> dict[str, float]:
    """Returns median milliseconds per photo, without embedding: of each voter, and of the whole as `vote`."""
    few = queries[:, :20]
    mapped = recogniser.features.apply(few)
    runs: dict[str, Callable[[int], object]] = {
        "softmax": lambda at: recogniser.softmax.probabilities(mapped[at : at + 1]),
        "knn": lambda at: recogniser.knn.probabilities(mapped[at : at + 1]),
        "svm": lambda at: recogniser.svm.probabilities(mapped[at : at + 1]),
        "vote": lambda at: recogniser.recognise(few[:, at]),
    }
    times: dict[str, float] = {}
    with threadpool_limits(1, user_api="blas"):  # as in a server
        for name, run in runs.items():
            spent = []
            for at in range(few.shape[1]):
                started = time.perf_counter()
                run(at)
                spent.append((time.perf_counter() - started) * 1000)
            times[name] = round(float(np.median(spent)), 3)
    return times


def _describe(parts: list[Fold], options: VoterOptions, unseen: NDArray[np.bool_] | None) -> dict[str, Any]:
    by = list(parts[0].split_by.values())
    how = f"{options.folds}-fold cross-validation" if options.folds else "80 % to learn, 20 % held out"
    if unseen is not None and all(unseen[part.held].all() for part in parts):
        held = sum(len(part.held) for part in parts)
        how = f"{held} of the {int(unseen.sum())} photos that the backbone has not learned from held out"
    return {
        "how": how,
        "seed": options.seed,
        "labels_split_by_product": by.count("product"),
        "labels_split_by_photo": by.count("photo"),
        "straddling_duplicates_dropped": sum(part.straddling for part in parts),
    }


def _table(
    measured: Measured, timings: Timings, photos: LabelledPhotos, rows: TrainingRows, inference_ms: dict[str, float]
) -> list[dict[str, Any]]:
    """Returns the comparison table, one entry per model."""
    seconds = {**timings.seconds, "vote": sum(timings.seconds.values())}
    return [
        {
            "model": name,
            "labels": len(photos.labels),
            "images": rows.shown * len(photos),
            "steps": timings.steps.get(name, 0),
            "training_s": round(seconds[name], 2),
            "inference_ms": inference_ms[name],
            **{f"top{k}": round(measured.top(name, k), 4) for k in (1, 3, 5)},
        }
        for name in MODELS
    ]
