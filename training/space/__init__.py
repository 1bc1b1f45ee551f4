"""The untrained product space: a whitened projection and a text head fitted to it."""

from training.space.part import train

__all__ = ["train"]
