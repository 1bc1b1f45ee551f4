"""Texts that a shopper might type to find a product; the text head learns from them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data.catalogue import Product

_SENTENCE_END = re.compile(r"(?<=[.!?。])\s+|\n+")
_LONGEST = 300
_MOST_SENTENCES = 4


@dataclass(frozen=True)
class ProductText:
    """A text, its weight in training, and the product fact that it comes from.

    Attributes:
        source: `title`, `brand`, `category`, `attribute` or `description`.
    """

    text: str
    weight: float
    source: str


def product_texts(product: Product) -> Iterator[ProductText]:
    """Yields each text of one product once, the title (or else the category) first."""
    seen: set[str] = set()
    for text, weight, source in _texts(product):
        short = tidy(text)
        if short and short.lower() not in seen:
            seen.add(short.lower())
            yield ProductText(short, weight, source)


def name_of(product: Product) -> str:
    """Returns the product's name: its title, or its category if it has no title."""
    return tidy(product.title or words_of(product.category))


def tidy(text: str) -> str:
    """Returns the text with single spaces, cut to 300 characters; texts are compared in this form."""
    return " ".join(text.split())[:_LONGEST].strip()


def _texts(product: Product) -> Iterator[tuple[str, float, str]]:
    name, category, colour = name_of(product), words_of(product.category), product.colour
    yield name, 2.0, "title"
    if not name:
        return
    yield f"a photo of {name}", 1.0, "title"
    yield category, 1.0, "category"
    if category.lower() not in name.lower():
        yield f"{name} {category}", 1.0, "category"
    if product.brand and product.brand.lower() not in name.lower():
        yield f"{product.brand} {name}", 0.5, "brand"
    if colour:
        yield f"{colour} {category or name}", 1.0, "attribute"
    attributes = [value for value in product.attributes.values() if isinstance(value, str) and not value.isdigit()]
    if attributes:
        yield f"{name} {' '.join(attributes)}", 0.5, "attribute"
    sentences = [part for part in _SENTENCE_END.split(product.description) if part.strip()]
    for sentence in sentences[:_MOST_SENTENCES]:
        yield sentence, 0.5, "description"
    yield product.description, 0.5, "description"


def words_of(label: str) -> str:
    """Returns a category's name as words: hyphens and underscores become spaces."""
    return label.replace("-", " ").replace("_", " ")
