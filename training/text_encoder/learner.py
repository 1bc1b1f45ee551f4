"""Tunes the sentence encoder batch by batch: its last transformer layers, and a linear layer above them.

The linear layer maps the encoder's embeddings to the points of a text's products in the untrained space. It starts
from ridge regression and learns together with the layers. Afterwards it is discarded, because the text head is fitted
anew on the tuned encoder. Loss: symmetric InfoNCE (van den Oord et al., 2018) between a batch's texts and products,
with every known right product as a positive (Khosla et al., "Supervised Contrastive Learning", 2020). Everything
below the tuned layers is frozen: it has no gradient and no dropout.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.space import normalise, spread
from engine.text import fit_ridge
from training.errors import InvalidTraining

BATCH = 64
_TOGETHER = 16  # texts per forward pass, where a short text costs as much as the longest one
_LINEAR_RATE = 1e-3
_WARM_UP = 0.1
_WEIGHT_DECAY = 0.01
_CLIP_NORM = 1.0
_RIDGE = 0.3
_RIDGE_TEXTS = 8192
_BLOCK = 128
Numbers = NDArray[np.int64]
Tensor = Any


@dataclass(frozen=True, kw_only=True)
class TextTargets:
    """The n pairs of a text and a product that the tuning learns from.

    Attributes:
        texts: all texts, (t,).
        queries, products: int64 (n,), numbers of texts and of products.
        weights: float32 (n,), above 0.
        held: int64 (m,), numbers of the texts that early stopping measures; no pair uses them.
        right: for each of the held texts, the numbers of its products.
        places: float32 (p, d), the point of each product, L2 norm 1.
    """

    texts: tuple[str, ...]
    queries: Numbers
    products: Numbers
    weights: NDArray[np.float32]
    held: Numbers
    right: tuple[Numbers, ...]
    places: Floats


@dataclass(frozen=True, kw_only=True)
class TuningPlan:
    """The settings of one tuning.

    Attributes:
        layers: how many of the last transformer layers learn, at most all of them.
        steps: number of steps, of BATCH pairs each.
        temperature: what the cosines are divided by.
        seed: random seed.
        learning_rate: highest learning rate of the layers.
    """

    layers: int
    steps: int
    temperature: float
    seed: int
    learning_rate: float = 5e-5


def last_layers(model: Any, count: int) -> list[Any]:
    """Returns the last transformer layers of a sentence-transformers model.

    Raises:
        InvalidTraining: the model has none.
    """
    from torch.nn import ModuleList

    stacks = [module for module in model.modules() if isinstance(module, ModuleList)]
    layers = list(max(stacks, key=len, default=[]))[-count:]
    if not any(True for layer in layers for _ in layer.parameters()):
        raise InvalidTraining("tune_encoder must be 0 for an encoder without transformer layers.")
    return layers


class EncoderLearner:
    """The model's learned layers, the linear layer above them, and AdamW over both."""

    def __init__(self, model: Any, targets: TextTargets, plan: TuningPlan) -> None:
        import torch

        self._torch, self._model, self._targets, self._plan = torch, model, targets, plan
        model.float().requires_grad_(False)
        self._layers = last_layers(model, plan.layers)
        for layer in self._layers:
            layer.requires_grad_(True)
        self._linear = self._ridge()
        self._layer_weights = [weight for layer in self._layers for weight in layer.parameters()]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": list(self._linear.parameters()), "highest": _LINEAR_RATE},
                {"params": self._layer_weights, "highest": plan.learning_rate},
            ],
            weight_decay=_WEIGHT_DECAY,
        )
        self._until = np.cumsum(targets.weights, dtype=np.float64)
        self._known = np.unique(self._code(targets.queries, targets.products))

    def learn(self, step: int) -> float:
        """Learns from one batch, drawn by seed and step; returns its loss."""
        torch = self._torch
        rows = self._draw(step)
        products = self._targets.products[rows]
        right = np.isin(self._code(self._targets.queries[rows][:, None], products[None, :]), self._known)
        places = torch.from_numpy(self._targets.places[products])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._plan.seed * 1_000_003 + step)
            cosines = self._points([self._targets.texts[at] for at in self._targets.queries[rows]]) @ places.T
        loss = _info_nce(cosines / self._plan.temperature, torch.from_numpy(right))
        self._optimizer.zero_grad()
        loss.backward()
        for group in self._optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], _CLIP_NORM)
            group["lr"] = group["highest"] * _rate(step / self._plan.steps)
        self._optimizer.step()
        return float(loss.detach())

    def score(self) -> float:
        """Returns the mean reciprocal rank of the held-out texts' best right product among all products."""
        targets, ranks = self._targets, []
        for start in range(0, len(targets.held), _BLOCK):
            block = targets.held[start : start + _BLOCK]
            with self._torch.no_grad():
                rows = self._embed([targets.texts[at] for at in block])
                points = normalise(self._linear(self._torch.from_numpy(rows)).numpy())
            for row, right in zip(points @ targets.places.T, targets.right[start : start + _BLOCK], strict=True):
                ranks.append(1 / (1 + int((row > row[right].max() + 1e-6).sum())))
        return float(np.mean(ranks)) if ranks else 0.0

    def layer_values(self) -> list[Floats]:
        return [weight.detach().numpy().copy() for weight in self._layer_weights]

    def set_layers(self, values: list[Floats]) -> None:
        with self._torch.no_grad():
            for weight, value in zip(self._layer_weights, values, strict=True):
                weight.copy_(self._torch.from_numpy(value))

    def state(self) -> dict[str, Floats]:
        """Returns what the next step needs: all learned weights and AdamW's moments of each."""
        arrays: dict[str, Floats] = {}
        for number, weight in enumerate(self._weights()):
            moments = self._optimizer.state[weight]
            arrays |= {
                f"weight_{number}": weight.detach().numpy(),
                f"first_{number}": moments["exp_avg"].numpy(),
                f"second_{number}": moments["exp_avg_sq"].numpy(),
            }
        return arrays

    def set_state(self, arrays: dict[str, Floats], step: int) -> None:
        """Restores a state; raises ValueError or KeyError if it belongs to another model."""
        torch, weights = self._torch, self._weights()
        for number, weight in enumerate(weights):
            for name in ("weight", "first", "second"):
                if arrays[f"{name}_{number}"].shape != tuple(weight.shape):
                    raise ValueError(f"{name}_{number} has another shape")
        for number, weight in enumerate(weights):
            with torch.no_grad():
                weight.copy_(torch.from_numpy(arrays[f"weight_{number}"]))
            self._optimizer.state[weight] = {
                "step": torch.tensor(float(step)),
                "exp_avg": torch.from_numpy(arrays[f"first_{number}"]),
                "exp_avg_sq": torch.from_numpy(arrays[f"second_{number}"]),
            }

    def _weights(self) -> list[Any]:
        return [*self._linear.parameters(), *self._layer_weights]

    def _draw(self, step: int) -> Numbers:
        """Returns the numbers of BATCH pairs, drawn in proportion to their weights."""
        chance = np.random.default_rng((self._plan.seed, step)).random(BATCH) * self._until[-1]
        rows = np.searchsorted(self._until, chance, side="right")
        return np.asarray(np.minimum(rows, len(self._until) - 1), np.int64)

    def _code(self, queries: Numbers, products: Numbers) -> Numbers:
        return queries * np.int64(len(self._targets.places)) + products

    def _points(self, texts: list[str]) -> Tensor:
        """Returns the texts' points, (n, d), L2 norm 1; texts of similar length share a forward pass."""
        torch, unit = self._torch, self._torch.nn.functional.normalize
        self._model.eval()
        for layer in self._layers:
            layer.train()
        prepare = getattr(self._model, "preprocess", None) or self._model.tokenize  # its name before version 5.4
        prompt = self._model.prompts.get(self._model.default_prompt_name, "")
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        blocks = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
        rows = [self._model(prepare([prompt + texts[at] for at in block]))["sentence_embedding"] for block in blocks]
        points = unit(self._linear(unit(torch.cat(rows), dim=1)), dim=1)
        return points[torch.from_numpy(np.argsort(order))]

    def _embed(self, texts: list[str]) -> Floats:
        rows = self._model.encode(
            texts, batch_size=BATCH, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(rows, np.float32)

    def _ridge(self) -> Any:
        """Returns the linear layer, fitted by ridge regression from texts to the mean point of their products."""
        torch, targets = self._torch, self._targets
        texts, inverse = np.unique(targets.queries, return_inverse=True)
        sums = np.zeros((len(texts), targets.places.shape[1]), np.float32)
        np.add.at(sums, inverse, targets.places[targets.products] * targets.weights[:, None])
        weights = np.sqrt(np.bincount(inverse, weights=np.square(targets.weights))).astype(np.float32)
        few = spread(len(texts), _RIDGE_TEXTS)
        rows = self._embed([targets.texts[at] for at in texts[few]])
        mean, matrix, bias = fit_ridge(rows, normalise(sums[few]), weights[few], _RIDGE)
        linear = torch.nn.Linear(*matrix.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix.T.copy()))
            linear.bias.copy_(torch.from_numpy(bias - mean @ matrix))
        return linear


def _info_nce(logits: Tensor, right: Tensor) -> Tensor:
    """Returns the mean negative log share of right partners in the batch, over texts and over products."""
    loss = 0.0
    for scores, wanted in ((logits, right), (logits.T, right.T)):
        shares = scores.log_softmax(dim=1)
        loss = loss - ((shares * wanted).sum(dim=1) / wanted.sum(dim=1)).mean() / 2
    return loss


def _rate(done: float) -> float:
    """Returns the share of the highest learning rate: a linear warm-up, then half a cosine."""
    if done < _WARM_UP:
        return max(done, 0.01 * _WARM_UP) / _WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))
