"""Fine-tunes the sentence encoder, if asked for, and decides between the tuned and the frozen one.

The encoder is tuned without the held-out queries and products of the query embedder. It is taken if a text head, fitted
on it by ridge regression, finds them no worse than a head on the frozen encoder does. It is stored under `encoders/` in
the home, with a key made of the frozen encoder, the options and the learned pairs. While these stay the same, later
trainings reuse it, and do not repeat a tuning that was refused.
"""

import hashlib
import json
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocols import Floats
from engine.text import (
    MINILM,
    MULTILINGUAL,
    Encoder,
    TextEncoder,
    find_encoder,
    load_model,
    publish_encoder,
    staged_encoder,
)
from training.context import TrainingContext
from training.embedder.heads import untrained_head
from training.embedder.material import Material, encode_texts
from training.embedder.measure import figures_of, hold_out, plain, score_of
from training.embedder.options import EmbedderOptions
from training.errors import InvalidTraining
from training.text_encoder import TextTargets, TuningPlan, steps_for, tune

_CHECKPOINTS = "training"
_VERSION = 1  # of the recipe; a new version tunes anew
_log = logging.getLogger("lookalike.train")


@dataclass(frozen=True)
class EncodedMaterial:
    """An encoder, and the material with its texts encoded by it."""

    encoder: Encoder
    material: Material


def tune_encoder(
    context: TrainingContext, frozen: EncodedMaterial, points: Floats, options: EmbedderOptions
) -> tuple[EncodedMaterial | None, dict[str, Any]]:
    """Tunes the last `options.tune_encoder` layers, or reuses an earlier tuning on the same data.

    Args:
        points: float32 (real, d), the catalogue's photos in the untrained space.

    Returns:
        The tuned encoder with its material, or None if the frozen one is kept; and `key`, `layers`, `kept` (`tuned` or
        `frozen`), the `reason` to keep the frozen one, `name`, the held-out figures of `frozen` and `tuned`,
        `best_step` and `curve` of the tuning, `reused` and `seconds`.
    """
    started = time.perf_counter()
    tuning = _Tuning(context, frozen, points, options)
    found, facts = tuning.run()
    facts = {"key": tuning.key, "layers": options.tune_encoder, "reason": "", "reused": False, **facts}
    kept = "tuned" if found is not None else "frozen"
    _log.info("text encoder: the %s one is kept. %s", kept, facts["reason"])
    return found, {**facts, "kept": kept, "seconds": round(time.perf_counter() - started, 1)}


class _Tuning:
    """One decision between the frozen and the tuned encoder."""

    def __init__(
        self, context: TrainingContext, frozen: EncodedMaterial, points: Floats, options: EmbedderOptions
    ) -> None:
        self._context, self._frozen, self._points, self._options = context, frozen, points, options
        self._rest, self._held = hold_out(frozen.material, options.seed)
        self.key = _key(frozen.encoder, self._rest, options)

    def run(self) -> tuple[EncodedMaterial | None, dict[str, Any]]:
        if self._frozen.encoder.name == MULTILINGUAL:
            return None, {"reason": f"{MULTILINGUAL} cannot be tuned; set text_encoder = {MINILM} to tune that"}
        refused = _refused_before(self._context, self.key)
        if refused is not None:
            return None, {**refused, "reused": True}
        targets = _targets(self._rest, self._points, self._options)
        if not len(self._held.queries) + len(self._held.product_queries) or not len(targets.held):
            return None, {"reason": "there are too few texts to hold some out"}
        name = find_encoder(self._context.settings.home, self.key)
        if name is not None:
            return self._reuse(name)
        return self._tune(targets)

    def _tune(self, targets: TextTargets) -> tuple[EncodedMaterial | None, dict[str, Any]]:
        home, options, base = self._context.settings.home, self._options, self._frozen.encoder
        plan = TuningPlan(
            layers=options.tune_encoder,
            steps=steps_for(len(targets.queries)),
            temperature=options.temperature,
            seed=options.seed,
        )
        model = load_model(base.name, home)
        try:
            tuned = tune(model, targets, plan, home / _CHECKPOINTS / f"encoder_{self.key[:16]}.npz")
        except InvalidTraining as error:
            return None, {"reason": str(error)}
        facts = {"steps": plan.steps, "best_step": tuned.best_step, "curve": [list(look) for look in tuned.curve]}
        if not tuned.best_step:
            return None, {**facts, "reason": "no look at the held-out texts was better than with the frozen encoder"}
        with staged_encoder(home) as staged:
            model.save_pretrained(str(staged), create_model_card=False, safe_serialization=True)
            encoder = TextEncoder(str(staged), self._context.settings.cores)
            features, measured = self._judge(encoder)
            if features is None:
                return None, {**facts, **measured}
            record = {"key": self.key, "base": base.name, "base_digest": base.digest, "layers": plan.layers}
            name = publish_encoder(home, staged, encoder.digest, record)
        return self._take(name, features), {**facts, **measured, "name": name}

    def _reuse(self, name: str) -> tuple[EncodedMaterial | None, dict[str, Any]]:
        features, measured = self._judge(TextEncoder(name, self._context.settings.cores, self._context.settings.home))
        if features is None:
            return None, {**measured, "reused": True}
        return self._take(name, features), {**measured, "name": name, "reused": True}

    def _take(self, name: str, features: NDArray[np.float16]) -> EncodedMaterial:
        encoder = TextEncoder(name, self._context.settings.cores, self._context.settings.home)
        return EncodedMaterial(encoder, _with_features(self._frozen.material, features))

    def _judge(self, encoder: Encoder) -> tuple[NDArray[np.float16] | None, dict[str, Any]]:
        """Returns the texts' features by `encoder`, or None if the frozen encoder is better; and both figures."""
        material = self._frozen.material
        features = encode_texts(encoder, material.texts)
        before = self._figures(self._frozen.encoder, material, self._rest)
        after = self._figures(encoder, _with_features(material, features), _with_features(self._rest, features))
        facts: dict[str, Any] = {"frozen": plain(before), "tuned": plain(after)}
        if score_of(after) < score_of(before):
            reason = f"held-out mean {score_of(after):.4f} is below the frozen encoder's {score_of(before):.4f}"
            return None, {**facts, "reason": reason}
        return features, facts

    def _figures(self, encoder: Encoder, material: Material, rest: Material) -> dict[str, float]:
        return figures_of(self._points, untrained_head(self._points, rest, encoder), material, self._held)


def _targets(rest: Material, points: Floats, options: EmbedderOptions) -> TextTargets:
    """Returns the pairs to tune on; another tenth of the texts and products is kept for early stopping."""
    inner, asked = hold_out(rest, options.seed + 1)
    bank, count = inner.bank, len(rest.keys)
    real = bank.products < count
    held = np.union1d(asked.queries, asked.product_queries)
    return TextTargets(
        texts=rest.texts,
        queries=bank.texts[real],
        products=bank.products[real],
        weights=bank.weights[real],
        held=held,
        right=tuple(rest.bank.products[(rest.bank.texts == query) & (rest.bank.products < count)] for query in held),
        places=rest.places(points),
    )


def _with_features(material: Material, features: NDArray[np.float16]) -> Material:
    return replace(material, bank=replace(material.bank, features=features))


def _key(encoder: Encoder, rest: Material, options: EmbedderOptions) -> str:
    """Returns the hex sha256 of all that decides a tuning except the photos, whose points move a little every night."""
    bank = rest.bank
    real = np.flatnonzero(bank.products < len(rest.keys))
    rows = zip(bank.texts[real], rest.keys[bank.products[real]], bank.weights[real], strict=True)
    pairs = sorted(f"{rest.texts[text]}\0{product}\0{weight:.4g}" for text, product, weight in rows)
    recipe = [_VERSION, encoder.digest, options.tune_encoder, options.temperature, options.seed]
    return hashlib.sha256(json.dumps([recipe, pairs]).encode()).hexdigest()


def _refused_before(context: TrainingContext, key: str) -> dict[str, Any] | None:
    """Returns the live generation's record of a refused tuning with the same key, if there is one."""
    if context.live is None:
        return None
    part = context.live.measured("query_embedder")
    found = part.get("encoder") if isinstance(part, dict) else None
    if not isinstance(found, dict) or found.get("key") != key or found.get("kept") != "frozen":
        return None
    return found
