"""Trains a voter for each attribute that the shop has enough labels for; the seller's form is filled in with them."""

from training.attributes.part import train

__all__ = ["train"]
