"""Fine-tunes the sentence encoder of the text tower on the shop's own texts."""

from training.text_encoder.fit import steps_for, tune
from training.text_encoder.learner import TextTargets, TuningPlan

__all__ = ["TextTargets", "TuningPlan", "steps_for", "tune"]
