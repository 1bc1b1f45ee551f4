"""Training loop of a backbone: AdamW, warm-up and cosine, averaged weights, validation and checkpoints."""

import csv
import io
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.progress import Progress
from data.storage import write_text
from engine.protocols import Floats
from training.backbone import checkpoint
from training.backbone.batches import Batch, Numbers, TrainingBatches
from training.backbone.margin import cosines_to_centres, margin_loss
from training.backbone.options import BackboneOptions
from training.backbone.views import Read
from training.measures import negative_log_likelihood

LOG = "log.csv"
_COLUMNS = ("epoch", "learning_rate", "loss", "validation_loss", "top1", "top5", "seconds")
_CHECKPOINT_S = 120.0
# With few held-out photos, smaller differences of the loss mean nothing; the later epoch, with a lower rate, wins.
_INDIFFERENCE = 0.1
_VALIDATION_BATCH = 64
_AVERAGE_MOMENTUM = 0.99  # of the averaged weights, per step: the mean of about the last 100 steps
_log = logging.getLogger("lookalike.training")


def build_model(
    upper: Any | None, dim: int, input_shape: tuple[int, ...], classifier: tuple[Floats, Floats], means: Floats
) -> Any:
    """Returns the trained layers with a classifier on top: a linear layer over pool_3 of length sqrt(dim).

    Batch norms keep their pretrained statistics: a few thousand photos in small batches would give worse ones.

    Args:
        upper: the trained layers, or None.
        classifier: kernel (dim, labels) and bias (labels,) to start from, for pool_3 of length 1.
        means: mean of each label's pool_3 of length 1, float32 (labels, dim); the margin loss starts with them.

    Returns:
        A model: inputs -> the classifier's logits and, beside them, the cosines for the margin loss, (n, 2 * labels).
    """
    import keras

    inputs = keras.Input(input_shape if upper is not None else (dim,))
    pooled = inputs if upper is None else _at_inference(upper)(inputs)
    unit = keras.layers.UnitNormalization(dtype="float32")(pooled)
    # At this length a single number is about 1, so that one learning rate fits this layer and those below.
    scaled = keras.layers.Rescaling(math.sqrt(dim), dtype="float32")(unit)
    kernel, bias = classifier
    linear = keras.layers.Dense(len(bias), dtype="float32", name="classifier")
    both = keras.layers.Concatenate(dtype="float32")([linear(scaled), cosines_to_centres(unit, means)])
    linear.set_weights([kernel / math.sqrt(dim), bias])
    return keras.Model(inputs, both)


def loss_of(label_smoothing: float) -> Callable[[Any, Any], Any]:
    """Returns the loss (targets (n, labels), the model's output (n, 2 * labels)) -> (n,): softmax plus margin."""
    import keras

    def loss(targets: Any, outputs: Any) -> Any:
        logits, cosines = keras.ops.split(outputs, 2, axis=1)
        softmax = keras.losses.categorical_crossentropy(
            targets, logits, from_logits=True, label_smoothing=label_smoothing
        )
        return softmax + margin_loss(targets, cosines)

    return loss


def _at_inference(network: Any) -> Any:
    """Returns a layer that always runs `network` in inference mode, even in training."""
    import keras

    # A functional model overrides a `training=False` given when it was built; a layer's own call does not.
    class AtInference(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="trained")
            self.network = network

        def call(self, inputs: Any) -> Any:
            return self.network(inputs, training=False)

        def compute_output_shape(self, shape: Any) -> Any:
            return self.network.compute_output_shape(shape)

    return AtInference()


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Photos to validate on: the keys of the unchanged photos, and their label numbers int64 (n,)."""

    keys: Sequence[str]
    y: Numbers


class Fit:
    """One training run, which can continue from its checkpoint.

    Args:
        model: from `build_model`; at the end it holds the weights of the best epoch.
        batches: what to learn from.
        held: what to validate on.
        read: returns the inputs of the unchanged photos, float32 (n, ...).
        options: how to train.
        folder: where checkpoint and log are kept.
        run: identity of the run: a checkpoint of another run is never continued.
    """

    def __init__(
        self,
        model: Any,
        batches: TrainingBatches,
        held: HeldOut,
        read: Read,
        options: BackboneOptions,
        folder: Path,
        run: str,
    ) -> None:
        import keras

        self._model, self._batches, self._held, self._read = model, batches, held, read
        self._options, self._folder, self._run = options, folder, run
        self._steps = batches.steps * options.epochs
        self._best = checkpoint.weights_of(model)
        self.position = checkpoint.Position()
        optimizer = keras.optimizers.AdamW(
            options.learning_rate,
            weight_decay=options.weight_decay,
            global_clipnorm=1.0,
            use_ema=True,
            ema_momentum=_AVERAGE_MOMENTUM,
            ema_overwrite_frequency=None,
        )
        # As usual, weight decay leaves out norms and biases.
        optimizer.exclude_from_weight_decay(
            [variable for variable in model.trainable_variables if len(variable.shape) < 2]
        )
        model.compile(optimizer, loss_of(options.label_smoothing))
        optimizer.build(model.trainable_variables)

    def resume(self) -> bool:
        """Restores the checkpoint; returns False if this run has none."""
        found = checkpoint.load(self._folder, self._run, self._model)
        if found is None:
            return False
        self.position, self._best = found
        return True

    def run(self) -> None:
        """Trains to the end, or until validation has not improved for `patience` epochs."""
        place = self.position
        done = place.epoch * self._batches.steps + place.step
        with Progress("train", self._steps - done, "steps") as progress:
            while place.epoch < self._options.epochs and not self._is_stale():
                self._epoch(progress)
        checkpoint.set_weights(self._model, self._best)

    def _epoch(self, progress: Progress) -> None:
        place, started = self.position, time.monotonic()
        saved, spent = started, place.seconds
        rate = 0.0
        with self._batches.views_of(place.epoch) as read:
            for step in range(place.step, self._batches.steps):
                rate = learning_rate(self._options, place.epoch * self._batches.steps + step, self._steps)
                place.loss_sum += self._step(self._batches.at(read, place.epoch, step), rate)
                place.step, place.seconds = step + 1, spent + time.monotonic() - started
                progress.advance()
                if time.monotonic() - saved > _CHECKPOINT_S:
                    self._save()
                    saved = time.monotonic()
            self._finish_epoch(rate)
            place.seconds = spent + time.monotonic() - started
            self._save()

    def _step(self, batch: Batch, rate: float) -> float:
        self._model.optimizer.learning_rate = rate
        # Keras would return the mean over all steps since the last reset.
        self._model.reset_metrics()
        return float(self._model.train_on_batch(batch.inputs, batch.targets, sample_weight=batch.weights))

    def _finish_epoch(self, rate: float) -> None:
        place = self.position
        latest = checkpoint.weights_of(self._model)
        self._model.optimizer.finalize_variable_values(self._model.trainable_variables)
        figures = validate(self._model, self._read, self._held)
        entry = {
            "epoch": place.epoch + 1,
            "learning_rate": rate,
            "loss": place.loss_sum / self._batches.steps,
            **figures,
            "seconds": round(place.seconds, 1),
        }
        lowest = min((past["validation_loss"] for past in place.history), default=math.inf)
        if entry["validation_loss"] <= lowest * (1 + _INDIFFERENCE):
            place.best_epoch, self._best = place.epoch + 1, checkpoint.weights_of(self._model)
        checkpoint.set_weights(self._model, latest)
        place.history.append(entry)
        place.epoch, place.step, place.loss_sum = place.epoch + 1, 0, 0.0
        write_text(self._folder / LOG, log_text(place.history))
        _log.info("epoch %d: %s", place.epoch, ", ".join(f"{name} {entry[name]:.4g}" for name in _COLUMNS[1:]))

    def _is_stale(self) -> bool:
        """Whether the held-out loss was lowest `patience` or more epochs ago."""
        losses = [entry["validation_loss"] for entry in self.position.history]
        return bool(losses) and 0 < self._options.patience < len(losses) - losses.index(min(losses))

    def _save(self) -> None:
        checkpoint.save(self._folder, self._run, self.position, self._model, self._best)


def learning_rate(options: BackboneOptions, step: int, steps: int) -> float:
    """Returns a step's learning rate: a linear rise over the `warmup` share of steps, then half a cosine down to 0.

    Source: Loshchilov and Hutter, SGDR, 2017, without restarts.
    """
    rising = round(options.warmup * steps)
    if step < rising:
        return options.learning_rate * (step + 1) / rising
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(steps - rising, 1)))


def validate(model: Any, read: Read, held: HeldOut) -> dict[str, float]:
    """Returns `validation_loss` (cross-entropy, no smoothing), `top1` and `top5`."""
    logits = predict(model, read, held.keys)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    ranks = (logits > logits[np.arange(len(logits)), held.y][:, np.newaxis]).sum(axis=1)
    return {
        "validation_loss": negative_log_likelihood(shifted / shifted.sum(axis=1, keepdims=True), held.y),
        "top1": float((ranks < 1).mean()),
        "top5": float((ranks < 5).mean()),
    }


def predict(model: Any, read: Read, keys: Sequence[str]) -> Floats:
    """Returns the classifier's logits for photos, float32 (n, labels)."""
    blocks = [keys[start : start + _VALIDATION_BATCH] for start in range(0, len(keys), _VALIDATION_BATCH)]
    rows = np.concatenate([np.asarray(model.predict_on_batch(read(block)), np.float32) for block in blocks])
    return rows[:, : rows.shape[1] // 2]


def log_text(history: Sequence[dict[str, float]]) -> str:
    """Returns the history as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return out.getvalue()
