"""Fits the "untrained" product space, which needs no gradient descent: a whitened projection and a text head."""

from training.space.part import train

__all__ = ["train"]
