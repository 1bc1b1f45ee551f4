"""`TrainingRows`: the features and labels that the voters learn from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats

_LEAST_JUDGES = 50  # photos; fewer would choose by chance
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """Features of labelled photos.

    Attributes:
        views: float32 (v, n, dim), pool_3 rows of the photos as they are recognised: `photo`, then perhaps `close`.
        copies: float32 (c, n, dim), augmented copies, for training only; c may be 0.
        y: int64 (n,), label numbers.
        view_names: names of the views.
        unseen: bool (n,), photos that the backbone has not learned from; None: all. A fine-tuned backbone tells those
            that it learned apart far better than any others, so only unseen photos judge voters and vote.
    """

    views: Floats
    copies: Floats
    y: Numbers
    view_names: tuple[str, ...] = ("photo",)
    unseen: NDArray[np.bool_] | None = None

    def subset(self, rows: Numbers) -> "TrainingRows":
        return replace(
            self,
            views=self.views[:, rows],
            copies=self.copies[:, rows],
            y=self.y[rows],
            unseen=None if self.unseen is None else self.unseen[rows],
        )

    @property
    def judges(self) -> NDArray[np.bool_]:
        """The photos that judge choices, bool (n,): the unseen ones, or all if fewer than 50 are unseen."""
        if self.unseen is None or self.unseen.sum() < _LEAST_JUDGES:
            return np.ones(len(self.y), np.bool_)
        return self.unseen

    @property
    def shown(self) -> int:
        """How many rows show each photo in training."""
        return len(self.views) + len(self.copies)

    def flat(self) -> tuple[Floats, Numbers, Numbers]:
        """Returns all rows to train on, float32 (m, dim), their labels and which photo each shows."""
        rows = np.concatenate([self.views, self.copies]).reshape(-1, self.views.shape[2])
        return rows, np.tile(self.y, self.shown), np.tile(np.arange(len(self.y)), self.shown)
