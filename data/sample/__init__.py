"""The synthetic sample catalogue: draws products and phone photos of them."""

from data.sample.folder import generate_sample

__all__ = ["generate_sample"]
