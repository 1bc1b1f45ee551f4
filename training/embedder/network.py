"""The network of the query embedder in Keras: a matrix for photos, one for texts, and a temperature."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.protocols import Floats
from training.embedder.batches import Batch
from training.embedder.losses import Side, info_nce, margin_loss, unit
from training.embedder.options import EmbedderOptions
from training.precision import training_precision

_LOWEST_TEMPERATURE = 0.02
_WEIGHT_DECAY = 1e-4
_WARM_UP = 0.1
_CLIP_NORM = 1.0


@dataclass(frozen=True)
class Weights:
    """The learned weights of the query embedder.

    Attributes:
        photo: float32 (width, d), applied to `Photos.views`.
        text: float32 (text width, d) and text_bias float32 (d,), applied to text features.
        temperature: the learned number that divides the cosines.
    """

    photo: Floats
    text: Floats
    text_bias: Floats
    temperature: float


def build(start: Weights, steps: int, options: EmbedderOptions) -> Any:
    """Returns a compiled Keras model that takes a batch as a dict and learns from it.

    Args:
        start: the weights to start from, except the temperature, which comes from the options.
        steps: number of steps of the whole training, for the learning-rate schedule.
    """
    from engine.backbones import import_keras

    import_keras()
    import keras

    keras.utils.set_random_seed(options.seed)
    model = _joint_model()(*start.photo.shape, len(start.text), options)
    # Every weight must exist before a checkpoint is read back.
    model.build(None)
    for variable, value in zip((model.photo, model.text, model.text_bias), vars(start).values(), strict=False):
        variable.assign(value)
    schedule = keras.optimizers.schedules.CosineDecay(
        options.learning_rate / 25, max(1, int(steps * (1 - _WARM_UP))), alpha=0.0,
        warmup_target=options.learning_rate, warmup_steps=max(1, int(steps * _WARM_UP)),
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=_WEIGHT_DECAY, clipnorm=_CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_names=["photo", "log_scale"])
    model.compile(optimizer=optimizer, jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model


def as_inputs(batch: Batch) -> dict[str, Any]:
    """Returns the batch as a dict of tensors, as the model takes it."""
    from keras import ops

    return {name: ops.convert_to_tensor(rows) for name, rows in vars(batch).items()}


def read_weights(model: Any) -> Weights:
    """Returns the model's present weights."""
    photo, text, bias, log_scale = (np.asarray(value, np.float32) for value in model.get_weights()[:4])
    return Weights(photo, text, bias, float(np.exp(-log_scale)))


def read_state(model: Any) -> dict[str, Any]:
    """Returns everything that training needs to go on: weights, the optimizer's moments, the random state."""
    variables = [*model.variables, *model.optimizer.variables]
    return {f"v{number}": np.asarray(variable) for number, variable in enumerate(variables)}


def write_state(model: Any, state: dict[str, Any]) -> None:
    """Restores what `read_state` returned, all of it or nothing.

    Raises:
        KeyError, ValueError: the state belongs to another network.
    """
    variables = [*model.variables, *model.optimizer.variables]
    values = [state[f"v{number}"] for number in range(len(variables))]
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"{variable.path} must have the shape {tuple(variable.shape)}; got {value.shape}.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _joint_model() -> Any:
    """Returns the model's class; it is made here because Keras is imported only where it is used."""
    import keras
    from keras import ops

    class JointModel(keras.Model):  # type: ignore[misc]
        def __init__(self, width: int, dim: int, text_width: int, options: EmbedderOptions) -> None:
            super().__init__()
            self._options, self._precision = options, training_precision(options.precision, processor=True)
            scale = float(np.log(1 / options.temperature))
            add = self.add_weight
            self.photo = add(shape=(width, dim), initializer="zeros", name="photo")
            self.text = add(shape=(text_width, dim), initializer="zeros", name="text")
            self.text_bias = add(shape=(dim,), initializer="zeros", name="text_bias")
            self.log_scale = add(
                shape=(), initializer=keras.initializers.Constant(scale), name="log_scale",
                trainable=options.learned_temperature and options.loss == "info_nce",
            )  # fmt: skip

        def build(self, _shape: Any) -> None:
            self.built = True

        def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
            def see(rows: Any) -> Any:
                return unit(self._product(rows, self.photo))

            first, second = see(inputs["first"]), see(inputs["second"])
            texts = unit(self._product(inputs["texts"], self.text) + self.text_bias)
            photos = ops.concatenate([first, see(inputs["randoms"])])
            loss = _text_loss(self._product(texts, ops.transpose(photos)), inputs, self._scale(), options=self._options)
            if self._options.image_image:
                loss = loss + self._photo_loss(ops.concatenate([first[: ops.shape(second)[0]], second]), inputs)
            self.add_loss(loss)
            return loss

        def _product(self, rows: Any, matrix: Any) -> Any:
            if self._precision == "f32":
                return ops.matmul(rows, matrix)
            return ops.cast(ops.matmul(ops.cast(rows, "bfloat16"), ops.cast(matrix, "bfloat16")), "float32")

        def _scale(self) -> Any:
            return ops.minimum(ops.exp(self.log_scale), 1 / _LOWEST_TEMPERATURE)

        def _photo_loss(self, photos: Any, inputs: dict[str, Any]) -> Any:
            cosines = self._product(photos, ops.transpose(photos))
            if self._options.loss == "margin":
                size = ops.shape(inputs["second"])[0]
                return margin_loss(cosines[:size, size:], inputs["same"][:size, size:])
            return info_nce(cosines, inputs["same"], scale=self._scale(), compared=inputs["photos_compared"])

    return JointModel


def _text_loss(cosines: Any, inputs: dict[str, Any], scale: Any, *, options: EmbedderOptions) -> Any:
    """Returns the loss of texts that search photos and, with InfoNCE, of photos that search texts.

    Args:
        cosines: (B, B + R), of texts and photos.
        inputs: the batch, see `Batch`.
        scale: 1 / temperature.
    """
    right, has_text = inputs["right"], inputs["has_text"]
    if options.loss == "margin":
        return margin_loss(cosines, right, weights=has_text)
    to_photos = Side(inverse_q=inputs["inverse_q_photos"], weights=has_text)
    to_texts = Side(axis=0, inverse_q=inputs["inverse_q_texts"], weights=inputs["is_pair"])
    return info_nce(cosines, right, scale=scale, compared=inputs["compared"], sides=(to_photos, to_texts))
