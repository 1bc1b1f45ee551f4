"""The product facts of a simulated shop, and the two years in which it is open."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from data.catalogue import Product, ProductFacts

START = datetime(2024, 11, 1, tzinfo=UTC)
END = START + timedelta(days=728)
TIMES: dict[str, Any] = {"start": START.timestamp(), "end": END.timestamp()}


def facts(count: int = 300) -> Iterator[ProductFacts]:
    for number in range(count):
        product = Product(
            product_id=f"p{number:03d}", category=("T-shirt", "shoes")[number % 2],
            brand=("Acorn", "Birch")[number % 4 // 2],
            colour=("Red", "blue", "")[number % 3], created_at=START + timedelta(days=number * 728 / count),
            attributes={"kids": number % 5 == 0, "size": "42", "fit": "slim"},
        )  # fmt: skip
        yield ProductFacts(product_key=number + 1, product=product, image_sha256=(), colours=())
