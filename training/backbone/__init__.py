"""Fine-tunes a backbone on the shop's labelled photos."""

from training.backbone.options import BackboneOptions
from training.backbone.train import train_backbone

__all__ = ["BackboneOptions", "train_backbone"]
