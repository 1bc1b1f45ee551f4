"""What decides how the query embedder is trained."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from training.embedder.pairs import TEXT_SOURCES
from training.errors import InvalidTraining
from training.precision import PRECISIONS

LOSSES = ("info_nce", "margin")


@dataclass(frozen=True, kw_only=True)
class EmbedderOptions:
    """Every ingredient can be taken out, so that its worth can be measured.

    Attributes:
        loss: `info_nce`, or `margin`: the baseline with one random negative.
        sources: the pairs to learn from, some of `training.embedder.SOURCES`. Clicks and purchases after words are left
            out unless named: products that nobody has clicked would only ever stand as wrong answers, so new ones
            would sink; the part `learned_queries` learns from those (docs/cold-start.md).
        classifier_names: whether the names of the backbone's own ImageNet classes are learned with their rows;
            they always are where the catalogue has next to no texts.
        epochs: passes over the larger of pairs and photos; 0: as many as fit 5 million draws, 3 to 60.
        batch: pairs a step; 0: 256, or 512 from 100,000 pairs on.
        randoms: random photos of the catalogue beside the batch's own as wrong answers.
        image_image: whether photos of one product are brought together as well.
        mask: whether copies of a right photo and other right answers are kept from being wrong ones.
        log_q: whether popular answers are corrected for being drawn often.
        learned_temperature: whether the temperature is learned; otherwise it stays at `temperature`.
        temperature: where it starts.
        whitened: whether training starts from the space whitened within products.
        hard_negatives: whether the last third of the training draws half of a batch near the other half.
        views: whether stored mirror images and augmented copies are used.
        flips, copies: whether mirror images, and how many augmented copies of each photo, are embedded where they lack;
            None: mirror images and 2 copies, where the catalogue has at most 5,000 photos.
        dropout: share of a photo's and a text's features that a step does not see.
        learning_rate: highest of the cycle.
        precision: of matrix products: `f32`, `bf16`, or `auto`, see `training.precision`.
        tune_encoder: how many of the sentence encoder's last transformer layers are tuned first, see
            `training.embedder.encoder_tuning`; 0: it stays as it is.
        adapter: whether a query adapter is learned, see `training.embedder.query_adapter`.
        seed: of every random draw.
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
    flips: bool | None = None
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
        """Reads options as a manifest holds them; what this version does not know is left out."""
        known = {item.name for item in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        if "sources" in kept:
            kept["sources"] = tuple(kept["sources"])
        return cls(**kept)
