"""What the tests of imports import: photos that are told apart, products as feeds have them, what became of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import image_corpus as corpus
from PIL import Image

from data.catalogue import Catalogue
from data.settings import Settings

Write = Callable[..., Path]


def coloured(number: int) -> bytes:
    """A photo unlike any other number's."""
    return corpus.encoded(Image.new("RGB", (40, 30), (number * 37 % 256, number * 91 % 256, number)), "PNG")


def product(product_id: str, *images: object, **facts: object) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "images": [f"{image}.png" if isinstance(image, int) else image for image in images],
        **facts,
    }


def state(settings: Settings) -> dict[str, Any]:
    """Everything the catalogue says about the live products, but for the moment of import."""
    return {
        facts.product.product_id: (
            facts.product.title, facts.product.price, dict(facts.product.attributes), facts.image_sha256, facts.colours,
        )
        for facts in Catalogue(settings.home).iter_facts()
    }  # fmt: skip
