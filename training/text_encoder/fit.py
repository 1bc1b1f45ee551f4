"""Tuning loop of the sentence encoder: runs steps, keeps checkpoints, returns to the best state on held-out texts."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.progress import Progress
from engine.protocols import Floats
from training.checkpoints import UNREADABLE, read_checkpoint, write_checkpoint
from training.text_encoder.learner import BATCH, EncoderLearner, TextTargets, TuningPlan

_DRAWS = 100_000
_MOST_EPOCHS = 6
_LOOKS = 10  # how often one tuning is measured on the held-out texts
_PATIENCE = 3
_log = logging.getLogger("lookalike.train")


@dataclass(frozen=True)
class Tuned:
    """A finished tuning.

    Attributes:
        best_step: number of steps after which held-out texts were found best; 0: the frozen encoder was best.
        curve: (step, loss, held-out mean reciprocal rank) of every look; the first is of the frozen encoder.
    """

    best_step: int
    curve: tuple[tuple[int, float, float], ...]


def steps_for(pairs: int) -> int:
    """Returns the number of tuning steps: 6 passes over the pairs, but at most 100,000 draws."""
    return max(_LOOKS, min(_MOST_EPOCHS * pairs, _DRAWS) // BATCH)


def tune(model: Any, targets: TextTargets, plan: TuningPlan, checkpoint: Path | None = None) -> Tuned:
    """Tunes a sentence-transformers model in place; it ends in the state that found the held-out texts best.

    Args:
        checkpoint: file that keeps the state of the last look; a tuning with the same file continues from it.

    Raises:
        InvalidTraining: the model has no transformer layers.
    """
    learner = EncoderLearner(model, targets, plan)
    state = _State(best=learner.layer_values())
    if checkpoint is None or not _resume(checkpoint, learner, state):
        state.look(learner)
    every = max(1, plan.steps // _LOOKS)
    with Progress("text encoder", total=plan.steps, unit="steps") as progress:
        progress.advance(state.step)
        while state.step < plan.steps and not state.is_over:
            state.loss = learner.learn(state.step)
            state.step += 1
            progress.advance()
            if state.step % every == 0 or state.step == plan.steps:
                state.look(learner)
                if checkpoint is not None:
                    _keep(checkpoint, learner, state)
    learner.set_layers(state.best)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Tuned(state.best_step, tuple(state.curve))


class _State:
    """The state of a running tuning."""

    def __init__(self, best: list[Floats]) -> None:
        self.step = self.best_step = 0
        self.loss = 0.0
        self.best = best
        self.curve: list[tuple[int, float, float]] = []

    @property
    def is_over(self) -> bool:
        """Whether the last 3 looks at the held-out texts brought no new best."""
        return sum(step > self.best_step for step, _, _ in self.curve) >= _PATIENCE

    def look(self, learner: EncoderLearner) -> None:
        value = learner.score()
        if self.curve and value > max(known for _, _, known in self.curve):
            self.best, self.best_step = learner.layer_values(), self.step
        self.curve.append((self.step, round(self.loss, 4), round(value, 4)))
        _log.info("text encoder, step %d: loss %.4f, held out %.4f", self.step, self.loss, value)


def _keep(path: Path, learner: EncoderLearner, state: _State) -> None:
    facts = {"step": state.step, "best_step": state.best_step, "curve": state.curve}
    best = {f"best_{number}": value for number, value in enumerate(state.best)}
    write_checkpoint(path, facts, {**learner.state(), **best})


def _resume(path: Path, learner: EncoderLearner, state: _State) -> bool:
    """Restores a checkpoint; returns False if there is none or it cannot be read."""
    if not path.exists():
        return False
    try:
        facts, arrays = read_checkpoint(path)
        best = [arrays[f"best_{number}"] for number in range(len(state.best))]
        if [value.shape for value in best] != [value.shape for value in state.best]:
            raise ValueError("it is of another encoder")
        curve = [(int(step), float(loss), float(score)) for step, loss, score in facts["curve"]]
        step, best_step = int(facts["step"]), int(facts["best_step"])
        learner.set_state(arrays, step)
    except UNREADABLE as error:
        _log.warning("the checkpoint %s cannot be read (%s); tuning starts anew", path.name, error)
        return False
    state.step, state.best_step, state.best, state.curve = step, best_step, best, curve
    _log.info("tuning of the text encoder goes on from step %d", step)
    return True
