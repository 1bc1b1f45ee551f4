"""`train backbone`: trains a classifier on frozen features, or the upper layers too, on labelled photos.

The layers below `--from-layer` are computed once for every epoch's view of a photo; training runs on what they give.
The result is a folder `$LOOKALIKE_HOME/backbones/<name>/`: the weights, what the classifier learned, and a record of
how it was made. Its weights have their own sha256, so its features have their own fingerprint.
"""

import hashlib
import json
import logging
import math
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data.catalogue import Catalogue
from data.database import forget_home
from data.settings import Settings
from data.storage import exclusive, fsync_path, make_folder, sha256_file
from engine.backbones import import_keras, precision_policy, trunk_of, write_sums
from engine.protocols import Floats
from training.backbone.batches import Numbers, TrainingBatches
from training.backbone.checkpoint import CHECKPOINT_FILE
from training.backbone.fit import Fit, HeldOut, build_model, log_text, validate
from training.backbone.network import CutNetwork, load_cut
from training.backbone.options import BackboneOptions
from training.backbone.views import StoredViews
from training.errors import InvalidTraining, NotEnoughData
from training.photos import (
    PHOTOS,
    Fold,
    LabelledPhotos,
    from_catalogue,
    from_files,
    label_photos,
    look_folds,
    photos_text,
    spare,
    split,
    without,
)
from training.precision import training_precision
from training.voters import SoftmaxOptions, fit_softmax

WEIGHTS, RECORD, CLASSIFIER, LOG = "weights.weights.h5", "backbone.json", "classifier.safetensors", "log.csv"
_FORMAT = 1
_CLASSIFIER_EPOCHS = 40
_log = logging.getLogger("lookalike.training")


@dataclass(frozen=True, kw_only=True)
class TrainedBackbone:
    """A trained backbone: its folder, and its record as in `backbone.json`."""

    folder: Path
    record: dict[str, Any]


def train_backbone(
    settings: Settings,
    options: BackboneOptions,
    *,
    data: Path | None = None,
    test: Path | None = None,
    label: str = "category",
    resume: bool = False,
) -> TrainedBackbone:
    """Trains a backbone and puts it where `--backbone NAME` finds it.

    Args:
        data: photos to learn from, a folder per label or a CSV with `path,label`; None: the catalogue.
        test: photos to measure the result on, once, in the same form.
        label: what is learned from the catalogue: `category` or `attr.NAME`.
        resume: whether to continue from the checkpoint of the same run, if there is one.

    Raises:
        InvalidTraining: an option is invalid, or the name is taken.
        NotEnoughData: fewer than 2 labels with 2 photos, or a label's folder is empty.
        BackboneUnavailable: the pretrained weights are not available.
        LockHeld: this backbone is being trained already.
    """
    options.check()
    target = settings.home / "backbones" / options.name
    if target.exists():
        raise InvalidTraining(f"--name must be new; {target} is there. Choose another, or delete that folder.")
    work = settings.home / "training" / options.name
    with exclusive(work / "lock", "train backbone"):
        photos = _photos(settings, data, label)
        tested = label_photos(test, photos.labels) if test else None
        if not resume:
            (work / CHECKPOINT_FILE).unlink(missing_ok=True)
        import_keras()
        with precision_policy(training_precision(options.precision, processor=False)):
            cut = load_cut(settings, options.base, options.first_layer, input_size=options.input_size)
            run = _prepare(settings, options, work, cut, photos, tested)
            record = _train(run, resume=resume)
        _publish(target, run, record)
    shutil.rmtree(work)
    forget_home(work)
    return TrainedBackbone(folder=target, record=record)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The data and the model of one run; every photo in it can be read and has its views stored."""

    options: BackboneOptions
    work: Path
    cut: CutNetwork
    views: StoredViews
    photos: LabelledPhotos
    fold: Fold
    spared: Numbers
    tested: LabelledPhotos | None
    model: Any
    embed_s: float

    @property
    def identity(self) -> str:
        """A hash of options, photos and base weights, so that no checkpoint of another run is continued."""
        rows = [self.photos.y.tolist(), self.fold.train.tolist(), self.fold.held.tolist()]
        photos = [self.photos.labels, self.photos.keys, *rows, self.cut.weights.digest]
        return hashlib.sha256(json.dumps([self.options.to_json(), *photos]).encode()).hexdigest()


def _photos(settings: Settings, data: Path | None, label: str) -> LabelledPhotos:
    if data is None:
        catalogue = Catalogue(settings.home)
        return from_catalogue(catalogue, catalogue.snapshot(), label)
    if data.is_dir():
        empty = [folder.name for folder in sorted(data.iterdir()) if folder.is_dir() and not any(folder.iterdir())]
        if empty:
            raise NotEnoughData(
                f"every label's folder must hold photos; got nothing in {', '.join(empty[:5])}. Add photos to {data}, "
                "or remove the folder."
            )
    return from_files(data)


def _prepare(
    settings: Settings,
    options: BackboneOptions,
    work: Path,
    cut: CutNetwork,
    photos: LabelledPhotos,
    tested: LabelledPhotos | None,
) -> _Run:
    started = time.monotonic()
    views = StoredViews(settings, work, cut, options)
    photos = without(photos, views.fill(photos))
    if tested is not None and (lost := views.fill(tested)):
        tested = tested.subset(np.flatnonzero([key not in lost for key in tested.keys]))
    fold, spared = spare(photos, _hold_out(views, photos, options), Catalogue(settings.home).snapshot())
    import keras

    keras.utils.set_random_seed(options.seed)
    points = _unit(views.pooled(_keys(photos, fold.train)))
    classifier = _first_classifier(views, photos, fold, options, points)
    means = np.stack([points[photos.y[fold.train] == label].mean(axis=0) for label in range(len(photos.labels))])
    return _Run(
        options=options,
        work=work,
        cut=cut,
        views=views,
        photos=photos,
        fold=fold,
        spared=spared,
        tested=tested,
        model=build_model(cut.upper, cut.architecture.dim, cut.cut_shape, classifier, means),
        embed_s=time.monotonic() - started,
    )


def _hold_out(views: StoredViews, photos: LabelledPhotos, options: BackboneOptions) -> Fold:
    """Returns the photos to hold out: of the catalogue, by product; of files, photos that look alike together.

    Files do not say which of them were taken in one go. If photos were drawn one by one, held-out photos would be near
    copies of learned ones, and every epoch would look perfect.
    """
    if not photos.sources:
        return split(photos, options.held_out, seed=options.seed)
    points = _unit(views.pooled(photos.keys))
    held = look_folds(points, photos.y, max(2, round(1 / options.held_out)), seed=options.seed) == 0
    outside = {photos.keys[row] for row in np.flatnonzero(held)}
    straddles = np.array([key in outside for key in photos.keys]) & ~held
    fold = Fold(
        train=np.flatnonzero(~held & ~straddles),
        held=np.flatnonzero(held),
        split_by=dict.fromkeys(photos.labels, "look"),
        straddling=int(straddles.sum()),
        seed=options.seed,
    )
    if len(fold.held) and len(np.unique(photos.y[fold.train])) == len(photos.labels):
        return fold
    return split(photos, options.held_out, seed=options.seed)


def _first_classifier(
    views: StoredViews, photos: LabelledPhotos, fold: Fold, options: BackboneOptions, points: Floats
) -> tuple[Floats, Floats]:
    """Returns kernel and bias to start from: zeros for frozen features, else a classifier fitted to them.

    A fitted classifier keeps the first steps from spoiling the pretrained layers. This helps most on photos unlike
    those learned from (Kumar et al., Fine-Tuning can Distort Pretrained Features, 2022).

    Args:
        points: pool_3 of the photos to learn from, of length 1, float32 (n, dim).
    """
    labels = len(photos.labels)
    if options.mode == "features":
        return np.zeros((points.shape[1], labels), np.float32), np.zeros(labels, np.float32)
    held = _unit(views.pooled(_keys(photos, fold.held))), photos.y[fold.held]
    voter, _ = fit_softmax(
        points, photos.y[fold.train], labels, SoftmaxOptions(), held=held, epochs=_CLASSIFIER_EPOCHS, seed=options.seed
    )
    return voter.layers[0]


def _train(run: _Run, *, resume: bool) -> dict[str, Any]:
    """Trains, and returns the record."""
    options, photos, fold = run.options, run.photos, run.fold
    train_keys = _keys(photos, fold.train)
    held = HeldOut(keys=_keys(photos, fold.held), y=photos.y[fold.held])
    batches = TrainingBatches(
        partial(run.views.epoch, photos), train_keys, photos.y[fold.train], len(photos.labels), options
    )
    fit = Fit(run.model, batches, held, run.views.read, options, run.work, run.identity)
    before = validate(run.model, run.views.read, held) if options.mode == "finetune" else None
    if resume and fit.resume():
        _log.info("going on at epoch %d, step %d", fit.position.epoch + 1, fit.position.step + 1)
    fit.run()
    tested = run.tested
    measured = (
        {"photos": len(tested), **validate(run.model, run.views.read, HeldOut(keys=tested.keys, y=tested.y))}
        if tested
        else None
    )
    return {
        "format": _FORMAT,
        "name": options.name,
        "base": options.base,
        "base_weights_sha256": run.cut.weights.digest,
        "input_size": run.cut.input_size,
        "trained_from": options.first_layer,
        "stored_after": run.cut.cut,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options.to_json(),
        "label_kind": photos.label_kind,
        "labels": photos.counts,
        "imbalance": photos.imbalance,
        "excluded": [f"{item.what}: {item.reason}" for item in photos.excluded],
        "photos": {
            "trained": len(fold.train),
            "held_out": len(fold.held),
            "spared": len(run.spared),
            "straddling": fold.straddling,
        },
        "held_out_by": sorted(set(fold.split_by.values())),
        "seconds": {"views": round(run.embed_s, 1), "training": round(fit.position.seconds, 1)},
        "before": before,
        "best_epoch": fit.position.best_epoch,
        "held_out": fit.position.history[fit.position.best_epoch - 1],
        "test": measured,
        "curve": fit.position.history,
    }


def _publish(target: Path, run: _Run, record: dict[str, Any]) -> None:
    """Writes the folder under another name, then renames it, so that it appears whole or not at all."""
    make_folder(target.parent)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-", ignore_cleanup_errors=True) as temporary:
        staged = Path(temporary) / target.name
        staged.mkdir()
        trunk_of(run.cut.network).save_weights(staged / WEIGHTS)
        record["weights_sha256"] = sha256_file(staged / WEIGHTS)
        _save_classifier(staged / CLASSIFIER, run)
        (staged / LOG).write_text(log_text(record["curve"]), encoding="utf-8")
        if run.options.first_layer:
            (staged / PHOTOS).write_text(photos_text(run.photos, run.fold, run.spared), encoding="utf-8")
        (staged / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
        write_sums(staged)
        for path in (*staged.iterdir(), staged):
            fsync_path(path)
        staged.rename(target)
    fsync_path(target.parent)


def _save_classifier(path: Path, run: _Run) -> None:
    """Writes kernel (dim, labels) and bias (labels,) for pool_3 of length 1, and the label names."""
    from safetensors.numpy import save_file

    kernel, bias = run.model.get_layer("classifier").get_weights()
    scaled = np.ascontiguousarray(kernel * math.sqrt(len(kernel)))
    save_file({"kernel": scaled, "bias": bias}, path, metadata={"labels": json.dumps(run.photos.labels)})


def _keys(photos: LabelledPhotos, rows: Numbers) -> list[str]:
    return [photos.keys[row] for row in rows]


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return unit
