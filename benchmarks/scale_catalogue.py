"""Fills a home with as many made-up products as are wanted, from the stored features of a real one.

The features of a product are those of two real photos of one category, mixed, with noise; so the spectrum is that of
photos, and products of one category lie together. Every twentieth product is nearly the one before it. There are no
photo files: the features are stored under names that take the place of a sha256.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue, PhotoRecord, Product
from data.features import FeatureStore
from data.generations import GenerationStore
from data.photos import COLOUR_NAMES
from data.progress import track
from engine.protocols import BackboneSpec, Floats

BLOCK = 4096  # products that one seed makes
BRANDS = 200
MATERIALS = 20
MEDIAN_PRICE = 40.0
_SIZES = ("XS", "S", "M", "L", "XL", "XXL")
_WRITTEN_AT_ONCE = 1024
_NOISE = 0.2  # of each feature
_DOUBLE_NOISE = 0.01
_TWINS = 20  # one product in so many is nearly the one before it
_KOREAN_LOOKS = (
    "빨간", "파란", "초록", "검정", "흰색", "줄무늬", "꽃무늬", "따뜻한", "가벼운", "여름", "겨울", "오버핏",
)  # fmt: skip
_ENGLISH_LOOKS = ("striped", "dotted", "plain", "floral", "soft", "warm", "slim", "light", "summer", "winter", "long")


@dataclass(frozen=True)
class Source:
    """Real photos to mix from.

    Attributes:
        spec: the backbone that the features came from.
        rows: float32 (n, dim), their features.
        categories: name -> the rows of its photos.
    """

    spec: BackboneSpec
    rows: Floats
    categories: dict[str, NDArray[np.int64]]

    @classmethod
    def of(cls, home: Path) -> "Source":
        """Reads the live products of a home whose photos have features."""
        spec = BackboneSpec.from_json(GenerationStore(home).open().manifest.backbone)
        features = FeatureStore(home, spec.fingerprint, spec.dim)
        stored = set(features.keys())
        shown = [
            (facts.product.category, sha)
            for facts in Catalogue(home).iter_facts()
            for sha in facts.image_sha256
            if sha in stored
        ]
        names = np.array([category for category, _ in shown])
        places = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
        return cls(spec, features.read([sha for _, sha in shown]), places)

    def drawn(self, seed: int) -> tuple[list[str], Floats]:
        """Returns the categories and features of the products of one block, float32 (4096, dim)."""
        chance = np.random.default_rng(seed)
        sizes = np.array([len(places) for places in self.categories.values()])
        drawn = chance.choice(len(sizes), BLOCK, p=sizes / sizes.sum())
        drawn[_TWINS - 1 :: _TWINS] = drawn[_TWINS - 2 : -1 : _TWINS][: len(drawn[_TWINS - 1 :: _TWINS])]
        members = list(self.categories.values())
        pairs = np.stack([chance.choice(members[category], 2) for category in drawn])
        share = chance.uniform(0, 0.5, (BLOCK, 1)).astype(np.float32)
        rows = self.rows[pairs[:, 0]] * (1 - share) + self.rows[pairs[:, 1]] * share
        rows *= np.exp(_NOISE * chance.standard_normal(rows.shape, np.float32))
        twins = rows[_TWINS - 2 : -1 : _TWINS]
        rows[_TWINS - 1 :: _TWINS] = twins * np.exp(_DOUBLE_NOISE * chance.standard_normal(twins.shape, np.float32))
        names = list(self.categories)
        return [names[category] for category in drawn], rows


def brand(number: int) -> str:
    """Returns the name of one of the brands, 0 to 199."""
    chance = random.Random(f"brand {number}")
    return "".join(chance.choice("BDFGKLMNPRSTVZ" if not at else "bdfgklmnprstvz") + chance.choice("aeiou")
                   for at in range(3)) + f" {number}"  # fmt: skip


def fill(home: Path, source: Source, count: int) -> None:
    """Writes the products p0 to p(count - 1); those that are there already stay, so it may be run again."""
    catalogue = Catalogue(home)
    features = FeatureStore(home, source.spec.fingerprint, source.spec.dim)
    done = catalogue.counts()["products"] // BLOCK * BLOCK
    for first in track(range(done, count, BLOCK), "fill", unit="blocks"):
        categories, rows = source.drawn(first)
        products = list(_products(first, categories, min(BLOCK, count - first)))
        features.append([photo.sha256 for _, photo in products], rows[: len(products)])
        for start in range(0, len(products), _WRITTEN_AT_ONCE):
            part = products[start : start + _WRITTEN_AT_ONCE]
            catalogue.upsert_many([(product, [photo]) for product, photo in part])


def _products(first: int, categories: list[str], count: int) -> Iterator[tuple[Product, PhotoRecord]]:
    chance = random.Random(first)
    for number, category in zip(range(first, first + count), categories, strict=False):
        maker, colour = brand(chance.randrange(BRANDS)), chance.choice(list(COLOUR_NAMES))
        looks = _KOREAN_LOOKS if number % 2 else _ENGLISH_LOOKS
        name = f"{chance.choice(looks)} {chance.choice(looks)} {category} {maker.split()[0]} {number % 977}"
        product = Product(
            product_id=f"p{number}",
            title=name if number % 2 else f"{colour} {name}",
            brand=maker,
            category=category,
            price=round(MEDIAN_PRICE * 2 ** chance.gauss(0, 1), 2),
            currency="EUR",
            colour=colour,
            attributes={"size": chance.choice(_SIZES), "material": f"material {chance.randrange(MATERIALS)}"},
        )
        sha256 = hashlib.sha256(f"scale {number}".encode()).hexdigest()
        yield (
            product,
            PhotoRecord(sha256=sha256, source="/none", size_bytes=1, width=260, height=260, colours=(colour,)),
        )
