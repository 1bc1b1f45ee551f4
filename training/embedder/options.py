"""Options of the query embedder's training."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from training.embedder.pairs import TEXT_SOURCES
from training.errors import InvalidTraining
from training.precision import PRECISIONS

LOSSES = ("info_nce", "margin")


@dataclass(frozen=True, kw_only=True)
class EmbedderOptions:
    """Options of the query embedder's training; each ingredient can be switched off to measure its effect.

    Attributes:
        loss: `info_nce`, or `margin`: the baseline with one random negative.
        sources: sources of the pairs to learn from, some of `training.embedder.SOURCES`. Clicks and purchases after
            words are left out unless named: products that nobody has clicked would always be wrong answers, so new
            ones would sink. The part `learned_queries` learns from those (docs/cold-start.md).
        classifier_names: whether to learn the names of the backbone's own ImageNet classes too; with fewer than 60
            pairs they are always learned. The text head has them always.
        epochs: passes over the pairs or the photos, whichever are more; 0: as many as fit 5 million draws, 3 to 60.
        batch: pairs per step; 0: 256, or 512 from 100,000 pairs or photos on.
        randoms: random photos of the catalogue that each step adds as wrong answers.
        image_image: whether photos of one product are brought together as well.
        mask: whether other right answers and copies of a right photo are kept from counting as wrong.
        log_q: whether popular answers are corrected for being drawn often.
        learned_temperature: whether the temperature is learned; otherwise it stays at `temperature`.
        temperature: its value at the start.
        whitened: whether training starts from the space whitened within products.
        hard_negatives: whether, in the last third of training, half of a batch is drawn near the other half.
        views: whether stored close-ups and augmented copies are used.
        close_ups, copies: whether missing close-ups, and how many augmented copies of each photo, are embedded; None:
            close-ups and 2 copies, if the catalogue has at most 5,000 photos.
        dropout: share of a photo's features that a step does not see; a third of it for texts.
        learning_rate: highest learning rate of the schedule.
        precision: number format of matrix products: `f32`, `bf16`, or `auto`, see `training.precision`.
        tune_encoder: how many of the sentence encoder's last transformer layers are tuned first, see
            `training.embedder.encoder_tuning`; 0: none.
        adapter: whether a query adapter is learned, see `training.embedder.query_adapter`.
        seed: random seed.
    """

    loss: str = "info_nce"
    sources: tuple[str, ...] = ("photo", *TEXT_SOURCES)
    classifier_names: bool = False
    epochs: int = 0
    batch: int = 0
    randoms: int = 64
    image_image: bool = True
    mask: bool = True
    log_q: bool = True
    learned_temperature: bool = True
    temperature: float = 0.07
    whitened: bool = True
    hard_negatives: bool = True
    views: bool = True
    close_ups: bool | None = None
    copies: int | None = None
    dropout: float = 0.3
    learning_rate: float = 1e-3
    precision: str = "auto"
    tune_encoder: int = 0
    adapter: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise InvalidTraining(f"loss must be one of {', '.join(LOSSES)}; got {self.loss!r}.")
        if self.precision not in PRECISIONS:
            raise InvalidTraining(f"precision must be one of {', '.join(PRECISIONS)}; got {self.precision!r}.")
        if self.tune_encoder < 0:
            raise InvalidTraining(f"tune_encoder must be 0 or a number of layers; got {self.tune_encoder}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "EmbedderOptions":
        """Returns the options that a manifest holds, without those that this version does not know.

        `flips` stands for `close_ups`: mirror images were in their place.
        """
        values = {"close_ups": values.get("flips"), **values}
        known = {item.name for item in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        if "sources" in kept:
            kept["sources"] = tuple(kept["sources"])
        return cls(**kept)
