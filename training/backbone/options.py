"""Options of a backbone's training, checked before anything is loaded."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from data.settings import BACKBONES
from engine.backbones import NAME
from training.errors import InvalidTraining
from training.precision import PRECISIONS

MODES = ("features", "finetune")
# Of Inception-v3, only the blocks have fixed names.
FROM_LAYER = {
    "efficientnet_lite2": "block11_expand_conv",
    "inception_v3": "mixed7",
    "xception": "block13_sepconv1_act",
}


@dataclass(frozen=True, kw_only=True)
class BackboneOptions:
    """Options of a backbone's training.

    Attributes:
        name: name of the new backbone, a folder under `$LOOKALIKE_HOME/backbones/`.
        base: the architecture; its pretrained weights are the start.
        mode: `features` trains a classifier on frozen features; `finetune` trains the layers from `from_layer` on too.
        from_layer: the first layer that is trained; empty: the one in `FROM_LAYER`.
        input_size: side of the network's input in pixels; 0: the architecture's own.
        epochs: passes over the photos, each with a new view of every photo.
        batch: photos per step.
        learning_rate: highest learning rate; reached after `warmup`, then falling to 0 along half a cosine.
        warmup: share of all steps in which the rate rises.
        weight_decay: weight decay of AdamW, per step and unit of learning rate.
        label_smoothing: probability that is spread over all labels.
        mixup: parameter of the beta distribution that two photos are blended with; 0: no blending.
        held_out: share of each label's photos to validate on.
        patience: epochs without a better validation after which training stops; 0: never. While the rate is still high,
            the validation loss varies by a third from one epoch to the next, so that training stops by chance.
        class_weights: whether a small label counts as much as a large one.
        precision: `f32`, `bf16` (mixed; weights stay f32), or `auto`: bf16 on a GPU.
        seed: random seed.
    """

    name: str
    base: str = "efficientnet_lite2"
    mode: str = "finetune"
    from_layer: str = ""
    input_size: int = 0
    epochs: int = 20
    batch: int = 32
    learning_rate: float = 0.0005
    warmup: float = 0.1
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    mixup: float = 0.2
    held_out: float = 0.1
    patience: int = 0
    class_weights: bool = True
    precision: str = "auto"
    seed: int = 0

    @property
    def first_layer(self) -> str:
        """The first trained layer; empty if none is trained."""
        return "" if self.mode == "features" else self.from_layer or FROM_LAYER[self.base]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def check(self) -> None:
        """Raises an error if an option is invalid.

        Raises:
            InvalidTraining: the message names the option, the value it got and the values it takes.
        """
        if not NAME.fullmatch(self.name) or self.name in BACKBONES:
            raise InvalidTraining(
                "--name must be 1 to 64 of a-z, 0-9, - and _, and not the name of an architecture; "
                f"got {self.name!r}. Choose another."
            )
        for option, value, choices in (
            ("--base", self.base, BACKBONES),
            ("--mode", self.mode, MODES),
            ("--precision", self.precision, PRECISIONS),
        ):
            if value not in choices:
                raise InvalidTraining(f"{option} must be one of {', '.join(choices)}; got {value!r}.")
        if self.mode == "features" and self.from_layer:
            raise InvalidTraining("--from-layer needs --mode finetune; with --mode features no layer is trained.")
        self._check_ranges()

    def _check_ranges(self) -> None:
        for option, number, low, high in (
            ("--size", self.input_size or 32, 32, 1024),
            ("--epochs", self.epochs, 1, 10_000),
            ("--batch", self.batch, 1, 4096),
            ("--lr", self.learning_rate, 1e-9, 10),
            ("--patience", self.patience, 0, 10_000),
            ("--warmup", self.warmup, 0, 0.9),
            ("--label-smoothing", self.label_smoothing, 0, 0.9),
            ("--mixup", self.mixup, 0, 10),
            ("--weight-decay", self.weight_decay, 0, 1),
            ("--held-out", self.held_out, 0.01, 0.9),
        ):
            if not low <= number <= high:
                raise InvalidTraining(f"{option} must be from {low:g} to {high:g}; got {number:g}.")
