"""Match models whose weights a test chooses."""

import numpy as np
from tiny_shop import DIM

from engine.match import Logistic
from engine.space import Projection, space_digest


def logistic(names: tuple[str, ...], bias: float = 0.0, **weights: float) -> Logistic:
    """Returns a regression of signs with mean 0 and spread 1; those not named weigh nothing."""
    count = len(names)
    of = np.array([weights.get(name, 0.0) for name in names])
    return Logistic(signs=names, mean=np.zeros(count), scale=np.ones(count), weights=of, bias=bias)


def plain_space() -> str:
    """Returns the digest of the space that a `TinyShop` publishes."""
    plain = Projection(transform="none", mean=np.zeros(DIM, np.float32), matrix=np.eye(DIM, dtype=np.float32))
    return space_digest(plain)
