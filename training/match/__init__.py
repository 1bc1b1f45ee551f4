"""Fits the match models: how likely a hit is what was asked for, learned from questions with known answers."""

from training.match.part import train

__all__ = ["train"]
