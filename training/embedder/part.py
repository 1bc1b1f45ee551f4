"""The rebuild's part `query_embedder`: learns the product space and the text head together from the shop's own pairs.

It runs after the part `space`, which writes the untrained space. First it trains without the held-out queries and
products, and compares the result with the untrained space on them. Only if the trained space is not worse, it trains
again on everything (except the held-out photos, which measure every generation), and its files replace the untrained
ones.
"""

import hashlib
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import BackboneUnavailable
from engine.own_backbones import OF_BACKBONE
from engine.protocols import Floats
from engine.space import PROJECTION_FILE, MatchCalibration, Projection, QueryAdapter, normalise
from engine.space import plain as plain_space
from engine.text import Encoder, TextEncoder
from training.context import TrainingContext
from training.embedder.batches import Sampler
from training.embedder.encoder_tuning import EncodedMaterial, tune_encoder
from training.embedder.fit import Fitted, Plan, fit, measured_step_s, plan_of, within_time
from training.embedder.heads import start_weights, trained_head, untrained_head
from training.embedder.held_out import write_answers
from training.embedder.match_calibration import fit_calibration
from training.embedder.material import Material, gather_material
from training.embedder.measure import (
    figures_of,
    hold_out,
    photo_table,
    plain,
    score_of,
    text_table,
)
from training.embedder.network import Weights
from training.embedder.options import EmbedderOptions
from training.embedder.pairs import collect_pairs
from training.embedder.photo_checks import Outcomes, copied_rows, falls_below, photo_figures, photo_outcomes
from training.embedder.query_adapter import PhotoQueries, gather_queries, train_adapter
from training.photos import BackboneLoader, PhotoReader, copy_key, embed_missing, look_key

_LEAST_PRODUCTS = 30  # with fewer, too little can be held out to compare on
_LEAST_PAIRS = 60  # with fewer, the backbone's own class names are learned too
_LARGE = 100_000  # from this many texts on, a second training costs more than the held-out tenth is worth
_FEW_STEPS = 2_000  # which take no more than minutes anywhere
_CHECKPOINTS = "training"
_FEW_PHOTOS = 5000  # up to here, embedding every photo three times more takes minutes
_COPIES = 2
_MOST_PLAIN = 50_000  # photos of which the plain features are held in memory at once
_log = logging.getLogger("lookalike.train")


def train(context: TrainingContext, folder: Path, options: EmbedderOptions | None = None) -> dict[str, Any]:
    """Trains, compares, and replaces the files of `space` if the trained space is not worse; returns the metrics.

    Args:
        folder: the staged generation, where the part `space` has written its files.

    Returns:
        `published`, and the `reason` if not; `pairs` by source; the held-out figures of `trained` and `untrained`; the
        `plan`. If nothing could be trained, `skipped` gives the reason.
    """
    started = time.perf_counter()
    options = options or live_options(context)
    if context.settings.space == "pool3":
        return {"published": False, "skipped": "the setting space = pool3 asks for plain features"}
    if context.settings.text_encoder == OF_BACKBONE:
        return {"published": False, "skipped": "the backbone's own text tower finds photos by words without training"}
    products = len(np.unique(context.snapshot.product_keys))
    if products < _LEAST_PRODUCTS:
        return {"published": False, "skipped": f"at least {_LEAST_PRODUCTS} products are needed; got {products}"}
    pairs = collect_pairs(context, options.sources)
    if len(pairs) < _LEAST_PAIRS:
        options = replace(options, classifier_names=True)
    encoder = TextEncoder(context.settings.text_encoder, context.settings.cores, context.settings.home)
    embed_views(context, options)
    material = gather_material(context, encoder, pairs, options)
    space = Projection.load(folder / PROJECTION_FILE)
    before = context.points(space, material.sha256)
    run, metrics = compare_encoders(context, EncodedMaterial(encoder, material), space, before, options)
    if metrics["published"]:
        run.save(folder)
    adapter = None
    if options.adapter:
        adapter, metrics["adapter"] = run.adapt(gather_queries(context, pairs, material), space)
        if adapter is not None:
            adapter.save(folder)
    calibration = run.calibrate(before, adapter)
    calibration.save(folder)
    run.record(before, folder)
    metrics["calibration"] = calibration.measured
    return {
        "options": options.to_json(),
        "pairs": pairs.counts,
        "position_corrected": pairs.corrected,
        "views": len(material.photos.views),
        **metrics,
        "training_s": round(time.perf_counter() - started, 1),
    }


def compare_encoders(
    context: TrainingContext,
    frozen: EncodedMaterial,
    space: Projection,
    untrained: Floats,
    options: EmbedderOptions,
) -> tuple["EmbedderTraining", dict[str, Any]]:
    """Trains on the tuned text encoder if one is asked for and helps, otherwise on the frozen one.

    Returns:
        The training to publish, and its metrics; `encoder` describes the tuning, if one was asked for.
    """
    tuned, found = tune_encoder(context, frozen, untrained, options) if options.tune_encoder else (None, {})
    encoder = {"encoder": found} if found else {}
    if tuned is not None:
        run = EmbedderTraining(context, tuned.encoder, tuned.material, options)
        metrics = run.compare(untrained, space)
        if metrics["published"]:
            return run, {**metrics, **encoder}
        encoder["encoder"] = {**found, "kept": "frozen", "reason": f"trained on the tuned one, {metrics['reason']}"}
    run = EmbedderTraining(context, frozen.encoder, frozen.material, options)
    return run, {**run.compare(untrained, space), **encoder}


def live_options(context: TrainingContext) -> EmbedderOptions:
    """Returns the options that the live generation's query embedder was trained with, or the defaults."""
    measured = context.live.measured("query_embedder") if context.live else {}
    return EmbedderOptions.from_json(measured.get("options") or {})


def embed_views(context: TrainingContext, options: EmbedderOptions) -> None:
    """Embeds the close-ups and augmented copies that the options ask for and the feature store lacks.

    Raises:
        BackboneUnavailable: the backbone is not available, and the options ask for these views explicitly.
    """
    photos = list(dict.fromkeys(context.snapshot.image_sha256))
    few = len(photos) <= _FEW_PHOTOS
    close_ups = few if options.close_ups is None else options.close_ups
    copies = _COPIES * few if options.copies is None else options.copies
    wanted = [look_key(sha256, "close") for sha256 in photos] if close_ups and options.views else []
    wanted += [copy_key(sha256, number) for number in range(copies) for sha256 in photos if options.views]
    reader = PhotoReader(context.settings)
    loader = BackboneLoader(settings=context.settings, spec=context.spec)
    try:
        embed_missing(context.settings, context.features, reader, context.features.missing(wanted), loader)
    except BackboneUnavailable as error:
        if options.close_ups or options.copies:
            raise
        _log.info("trained without close-ups and copies: %s", error)


class EmbedderTraining:
    """One training of the query embedder: first without the held-out queries and products, then on everything."""

    def __init__(
        self, context: TrainingContext, encoder: Encoder, material: Material, options: EmbedderOptions
    ) -> None:
        self._context, self._encoder, self._material, self._options = context, encoder, material, options
        self._rest, self._held = hold_out(material, options.seed)
        width = material.photos.views.shape[2]
        self._copied = context.features.read(
            [material.copies[row] for row in copied_rows(material, self._held.products)]
        )
        self._dim = min(context.settings.space_dim, width)
        self.plan = self._timed(plan_of(len(self._sampler(material, 1)), options))
        self.first: Fitted | None = None
        self.fitted: Fitted | None = None
        self._won = False

    def _timed(self, plan: Plan) -> Plan:
        """Returns the plan with as many steps as the setting `train_minutes` leaves time for."""
        if plan.steps <= _FEW_STEPS or not self._context.settings.train_minutes:
            return plan
        step_s = measured_step_s(
            self._sampler(self._material, plan.batch), start_weights(self._material, self._dim), plan, self._options
        )
        trainings = 2 if self._trains_again else 1
        return within_time(plan, step_s, 60 * self._context.settings.train_minutes / trainings)

    @property
    def _trains_again(self) -> bool:
        """Whether a training that wins is followed by one on everything."""
        return len(self._rest.bank.texts) < _LARGE

    def compare(self, untrained: Floats, space: Projection) -> dict[str, Any]:
        """Trains, and returns the figures of the trained, the untrained and the plain space, and whether the first won.

        Args:
            untrained: float32 (real, d), the catalogue's photos in the untrained space.
            space: the untrained space.
        """
        first = self._fit(self._rest, "first", held_out=True)
        self.first = self.fitted = first
        trained = self._figures(first.weights)
        head, copies = untrained_head(untrained, self._rest, self._encoder), space.apply(self._copied)
        before = figures_of(untrained, head, self._material, self._held, copies)
        plainly = self._plain_outcomes()
        reason = worse_by(trained, before, self._context.settings.max_quality_drop)
        reason = reason or falls_below(self._outcomes(first.weights), plainly, "the plain features'")
        self._won = not reason
        if self._won and self._trains_again:
            self.fitted = self._fit(self._material, "all", stop_at=first.steps)
        return {
            "published": self._won,
            "reason": reason,
            "trained": plain(trained),
            "untrained": plain(before),
            "plain": plain(photo_figures(plainly)),
            "temperature": round(self.fitted.weights.temperature, 4),
            "plan": {"steps": self.plan.steps, "batch": self.plan.batch, "best_step": first.steps},
            "curve": [list(point) for point in first.curve],
        }

    def fit_all(self) -> Fitted:
        """Trains on everything for the whole plan, without comparing."""
        self.fitted = self._fit(self._material, "whole")
        return self.fitted

    def save(self, folder: Path) -> None:
        """Writes projection and text head."""
        if self.fitted is None:
            return
        weights = self.fitted.weights
        points = trained_points(weights, self._material)
        self._space(weights).save(folder)
        head = trained_head(weights, points, self._material, self._encoder)
        if head is not None:
            head.save(folder)

    def adapt(self, queries: PhotoQueries, untrained: Projection) -> tuple[QueryAdapter | None, dict[str, Any]]:
        """Learns the query adapter of the space to be published; see `training.embedder.query_adapter`."""
        spaces = (untrained, untrained)
        if self._won and self.first is not None and self.fitted is not None:
            spaces = (self._space(self.first.weights), self._space(self.fitted.weights))
        return train_adapter(self._context, queries, self._material, self._held.products, spaces)

    def calibrate(self, untrained: Floats, adapter: QueryAdapter | None = None) -> MatchCalibration:
        """Returns the calibration of the published space and its adapter, on queries that they did not learn from.

        Texts are measured in the space that was trained without them, because the final space has learned them.
        """
        material, held = self._material, self._held
        if self._won and self.first is not None and self.fitted is not None:
            with_texts = trained_points(self.first.weights, material)
            head = trained_head(self.first.weights, with_texts, self._rest, self._encoder)
            with_photos = trained_points(self.fitted.weights, material)
        else:
            with_texts = with_photos = untrained
            head = untrained_head(untrained, self._rest, self._encoder)
        tables = {"photo": photo_table(with_photos, material, adapter)}
        if head is not None:
            tables["text"] = text_table(with_texts, head, material, held)
        seen, kept = material.measured_photos()
        blocks = (self._read(seen[start : start + 4096]) for start in range(0, len(seen), 4096))
        return fit_calibration(tables, blocks, self._read(kept))

    def record(self, untrained: Floats, folder: Path) -> None:
        """Writes the space's answers to the held-out words, for `lookalike evaluate retrieval`."""
        head = untrained_head(untrained, self._rest, self._encoder)
        if head is None:
            return
        live = before = (untrained, head)
        if self._won and self.first is not None:
            points = trained_points(self.first.weights, self._material)
            learned = trained_head(self.first.weights, points, self._rest, self._encoder)
            live = before if learned is None else (points, learned)
        write_answers(folder, live, before, self._material, self._held)

    def _space(self, weights: Weights) -> Projection:
        start = self._material.photos.start
        return Projection(transform=start.transform, mean=start.mean, matrix=start.matrix @ weights.photo)

    def _read(self, rows: NDArray[np.int64]) -> Floats:
        return self._context.features.read([self._material.sha256[row] for row in rows])

    def _fit(self, material: Material, name: str, *, held_out: bool = False, stop_at: int | None = None) -> Fitted:
        return fit(
            self._sampler(material, self.plan.batch),
            start_weights(material, self._dim),
            self.plan,
            self._options,
            score=(lambda weights: score_of(self._figures(weights))) if held_out else None,
            stop_at=stop_at,
            checkpoint=self._checkpoint(name),
        )

    def _sampler(self, material: Material, batch: int) -> Sampler:
        return Sampler(material.photos, material.bank, self._options, batch, material.query_photos)

    def _figures(self, weights: Weights) -> dict[str, float]:
        points = trained_points(weights, self._material)
        head = trained_head(weights, points, self._rest, self._encoder)
        return figures_of(points, head, self._material, self._held, self._space(weights).apply(self._copied))

    def _outcomes(self, weights: Weights) -> Outcomes:
        points, copies = trained_points(weights, self._material), self._space(weights).apply(self._copied)
        return photo_outcomes(points, copies, self._material, self._held.products)

    def _plain_outcomes(self) -> Outcomes:
        """Returns what the plain features find; nothing if the catalogue has too many photos to hold them in memory."""
        material, space = self._material, plain_space(self._context.spec.dim)
        if material.real > _MOST_PLAIN:
            return {}
        points = self._context.points(space, material.sha256)
        return photo_outcomes(points, space.apply(self._copied), material, self._held.products)

    def _checkpoint(self, name: str) -> Path:
        """Returns the checkpoint file of one training on one state of the catalogue; another state starts anew."""
        return checkpoint_path(self._context, self._options, self.plan, self._encoder.digest, name)


def checkpoint_path(context: TrainingContext, options: EmbedderOptions, plan: Plan, encoder: str, name: str) -> Path:
    """Returns the file in which a training keeps its state; equal inputs get the same file.

    Args:
        encoder: digest of the text encoder.
    """
    inputs = [context.snapshot.seq, context.spec.fingerprint, options.to_json(), plan.steps, plan.batch, encoder]
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
    return context.settings.home / _CHECKPOINTS / f"query_embedder_{name}_{digest}.npz"


def trained_points(weights: Weights, material: Material) -> Floats:
    """Returns the catalogue's photos in the trained space, float32 (real, d)."""
    rows = material.photos.views[0, : material.real]
    blocks = [rows[start : start + 8192].astype(np.float32) @ weights.photo for start in range(0, len(rows), 8192)]
    return normalise(np.concatenate(blocks))


def worse_by(trained: dict[str, float], untrained: dict[str, float], max_drop: float) -> str:
    """Returns why the trained space is not published, or "" if it is.

    Its mean must be at least as good, and no figure may drop by more than the larger of `max_drop` and 1.5 queries.
    """
    if score_of(trained) < score_of(untrained):
        return f"held-out mean {score_of(trained):.4f} is below the untrained space's {score_of(untrained):.4f}"
    for name, value in untrained.items():
        if name.endswith("queries"):
            continue
        allowed = max(max_drop, 1.5 / max(untrained[f"{name.rsplit('_', 1)[0]}_queries"], 1))
        if trained.get(name, 0.0) < value - allowed:
            return f"{name} {trained.get(name, 0.0):.4f} is below the untrained space's {value:.4f}"
    return ""
