"""What a shopper might type to find a product: the texts that the text head learns from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data.products import Product

_SENTENCE_END = re.compile(r"(?<=[.!?。])\s+|\n+")
_LONGEST = 300
_MOST_SENTENCES = 4


@dataclass(frozen=True)
class ProductText:
    """A text and how much it counts in training."""

    text: str
    weight: float


def product_texts(product: Product) -> Iterator[ProductText]:
    """Yields the texts of one product, the title (or else the category) first; each once."""
    seen: set[str] = set()
    for text, weight in _texts(product):
        tidy = " ".join(text.split())[:_LONGEST].strip()
        if tidy and tidy.lower() not in seen:
            seen.add(tidy.lower())
            yield ProductText(tidy, weight)


def name_of(product: Product) -> str:
    """Returns what the product is called: its title, or its category where it has none."""
    return " ".join((product.title or _words(product.category)).split())[:_LONGEST].strip()


def _texts(product: Product) -> Iterator[tuple[str, float]]:
    name, category, colour = name_of(product), _words(product.category), product.colour
    yield name, 2.0
    if not name:
        return
    yield f"a photo of {name}", 1.0
    yield category, 1.0
    if category.lower() not in name.lower():
        yield f"{name} {category}", 1.0
    if product.brand and product.brand.lower() not in name.lower():
        yield f"{product.brand} {name}", 0.5
    if colour:
        yield f"{colour} {category or name}", 1.0
    attributes = [value for value in product.attributes.values() if isinstance(value, str) and not value.isdigit()]
    if attributes:
        yield f"{name} {' '.join(attributes)}", 0.5
    sentences = [part for part in _SENTENCE_END.split(product.description) if part.strip()]
    for sentence in sentences[:_MOST_SENTENCES]:
        yield sentence, 0.5
    yield product.description, 0.5


def _words(label: str) -> str:
    return label.replace("-", " ").replace("_", " ")
