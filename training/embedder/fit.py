"""Training loop of the query embedder: runs steps, keeps checkpoints, picks the best state on held-out queries."""

import logging
import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.progress import Progress
from training.checkpoints import UNREADABLE, read_checkpoint, write_checkpoint
from training.embedder.batches import Sampler
from training.embedder.network import Weights, as_inputs, build, read_state, read_weights, write_state
from training.embedder.options import EmbedderOptions

_DRAWS = 5_000_000
_LEAST_EPOCHS, _MOST_EPOCHS = 3, 60
_LEAST_STEPS = 300
_LARGE = 100_000
_WARMING_STEPS, _MEASURED_STEPS = 3, 15
_LOOKS = 10  # how often one training is measured on the held-out queries
_PATIENCE = 6
_NOISE = 0.02  # smaller differences of held-out scores mean nothing; the later, annealed state is then taken
_HARD_FROM = 2 / 3
_log = logging.getLogger("lookalike.train")


@dataclass(frozen=True)
class Plan:
    """The number of training steps, and of pairs per step."""

    steps: int
    batch: int


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A finished training.

    Attributes:
        weights: the best weights, or the last ones if nothing was held out.
        steps: number of steps after which the weights were reached.
        curve: (step, loss, held-out score) of every look at the held-out queries.
    """

    weights: Weights
    steps: int
    curve: tuple[tuple[int, float, float], ...]


def plan_of(size: int, options: EmbedderOptions) -> Plan:
    """Returns how many steps to train, and how many pairs each step takes.

    Args:
        size: number of pairs or of photos, whichever is larger.
    """
    batch = options.batch or (512 if size >= _LARGE else 256)
    epochs = options.epochs or max(_LEAST_EPOCHS, min(_MOST_EPOCHS, _DRAWS // max(size, 1)))
    steps = epochs * size // batch
    return Plan(max(steps, 1 if options.epochs else _LEAST_STEPS), batch)


def within_time(plan: Plan, step_s: float, limit_s: float) -> Plan:
    """Returns the plan, or one that takes at most `limit_s`: a share of 1/1.4, 1/2, 1/2.8, ... of its steps.

    It keeps 300 steps, though they take longer. With few shares to choose from, a training that is begun again mostly
    finds the checkpoint of the same plan.

    Args:
        step_s: seconds that a step takes.
        limit_s: seconds; 0: any time.
    """
    wanted_s = plan.steps * step_s
    if not limit_s or wanted_s <= limit_s:
        return plan
    halvings = math.ceil(2 * math.log2(wanted_s / limit_s)) / 2
    return Plan(max(int(plan.steps * 2**-halvings), min(plan.steps, _LEAST_STEPS)), plan.batch)


def measured_step_s(sampler: Sampler, start: Weights, plan: Plan, options: EmbedderOptions) -> float:
    """Returns how many seconds a training step takes here, the median of a few; what they learn is thrown away."""
    model, took = build(start, plan.steps, options), []
    for step in range(_WARMING_STEPS + _MEASURED_STEPS):
        started = time.perf_counter()
        model.train_on_batch(as_inputs(sampler.draw(step)))
        took.append(time.perf_counter() - started)
    return statistics.median(took[_WARMING_STEPS:])


def fit(
    sampler: Sampler,
    start: Weights,
    plan: Plan,
    options: EmbedderOptions,
    *,
    score: Callable[[Weights], float] | None = None,
    stop_at: int | None = None,
    checkpoint: Path | None = None,
    label: str = "query embedder",
) -> Fitted:
    """Trains the query embedder and returns its best weights.

    Args:
        start: the weights to start from.
        score: held-out quality of weights, higher is better; None: all steps are run and the last weights taken.
        stop_at: ends the training after this many steps of the plan.
        checkpoint: file that keeps the state of the last look; a training with the same file continues from it.
        label: name shown beside the progress bar.
    """
    model = build(start, plan.steps, options)
    state = _resume(checkpoint, model)
    last = min(stop_at or plan.steps, plan.steps)
    every = max(1, plan.steps // _LOOKS)
    # a multiple of `every`, as every checkpoint is, so that a resumed training draws the same batches
    hard_from = int(_LOOKS * _HARD_FROM) * every if options.hard_negatives else plan.steps

    def looks_around(step: int) -> bool:
        return step >= hard_from and step % every == 0

    def draw(step: int) -> dict[str, Any]:
        return as_inputs(sampler.draw(step))

    with Progress(label, total=last, unit="steps") as progress, ThreadPoolExecutor(1, "draw") as drawing:
        progress.advance(state.step)
        ahead: Future[dict[str, Any]] | None = None
        while state.step < last and not state.is_over:
            if looks_around(state.step):
                sampler.find_neighbours(read_weights(model).photo)
            inputs = ahead.result() if ahead else draw(state.step)
            following = state.step + 1
            # drawn while the network computes, except before a look around, which changes what is drawn
            ahead = drawing.submit(draw, following) if not looks_around(following) else None
            state.loss = float(model.train_on_batch(inputs))
            state.step += 1
            progress.advance()
            if state.step % every == 0 or state.step == last:
                state.look(read_weights(model), score)
                _keep(checkpoint, model, state)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    best = state.best if score is not None and state.best is not None else read_weights(model)
    return Fitted(weights=best, steps=state.best_step if score else state.step, curve=tuple(state.curve))


class _State:
    """The state of a running training."""

    def __init__(self) -> None:
        self.step = self.best_step = 0
        self.loss = 0.0
        self.best: Weights | None = None
        self.curve: list[tuple[int, float, float]] = []

    @property
    def is_over(self) -> bool:
        """Whether the last 6 looks were all clearly worse than the best one."""
        scores = [score for _, _, score in self.curve]
        late = scores[-_PATIENCE:]
        return len(scores) > _PATIENCE and max(late) < max(scores) - _NOISE

    def look(self, weights: Weights, score: Callable[[Weights], float] | None) -> None:
        value = score(weights) if score is not None else float("nan")
        if score is not None and (self.best is None or value > max(known for _, _, known in self.curve) - _NOISE):
            self.best, self.best_step = weights, self.step
        self.curve.append((self.step, round(self.loss, 4), value))
        _log.debug("step %d: loss %.4f, held out %.4f", self.step, self.loss, value)


def _keep(path: Path | None, model: Any, state: _State) -> None:
    if path is None:
        return
    best = {} if state.best is None else {f"best_{name}": np.asarray(v) for name, v in vars(state.best).items()}
    facts = {"step": state.step, "best_step": state.best_step, "curve": state.curve}
    write_checkpoint(path, facts, {**read_state(model), **best})


def _resume(path: Path | None, model: Any) -> _State:
    """Returns the state of a checkpoint and restores the model; a new state if none can be read."""
    state = _State()
    if path is None or not path.exists():
        return state
    try:
        facts, kept = read_checkpoint(path)
        write_state(model, kept)
        if "best_photo" in kept:
            state.best = Weights(
                kept["best_photo"], kept["best_text"], kept["best_text_bias"], float(kept["best_temperature"])
            )
        state.step, state.best_step = int(facts["step"]), int(facts["best_step"])
        state.curve = [(int(step), float(loss), float(score)) for step, loss, score in facts["curve"]]
        _log.info("training goes on from step %d", state.step)
    except UNREADABLE as error:
        _log.warning("the checkpoint %s cannot be read (%s); training starts anew", path.name, error)
        return _State()
    return state
