"""A shop's folder and its feeds, for the tests of imports."""

import json
from pathlib import Path
from typing import Any

import pytest
from shop_feeds import Write, coloured


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with photos 0.png to 9.png, a broken one and a text that is called a photo."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.png").write_bytes(coloured(number))
    (folder / "cut.png").write_bytes(coloured(0)[:-20])
    (folder / "text.jpg").write_bytes(b"hello")
    return folder


@pytest.fixture
def write(shop: Path) -> Write:
    """Writes a JSONL feed: one product an argument, as fields or as a raw line."""

    def lines(*products: dict[str, Any] | str, name: str = "feed.jsonl") -> Path:
        path = shop / name
        path.write_text(
            "".join((p if isinstance(p, str) else json.dumps(p)) + "\n" for p in products), encoding="utf-8"
        )
        return path

    return lines
