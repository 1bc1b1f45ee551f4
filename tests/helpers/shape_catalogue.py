"""A small catalogue that is drawn in a moment: one shape in one colour is one product, seen in five photos."""

import itertools
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "gold", "purple", "black", "cyan", "orange")
SHAPES = ("disc", "square", "bar")
PHOTOS_EACH = 5


def draw_catalogue(folder: Path, *, texts: bool = True) -> Path:
    """Writes 24 products with 5 photos each; returns the path of `catalogue.jsonl`. Ids are like `red-disc`.

    Args:
        texts: whether products have texts; without any, a rebuild needs no text encoder and takes a moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (colour, shape) in enumerate(itertools.product(COLOURS, SHAPES)):
        images = [f"{colour}-{shape}-{place}.png" for place in range(PHOTOS_EACH)]
        for place, name in enumerate(images):
            draw_shape(colour, shape, place).save(folder / name)
        product = {"product_id": f"{colour}-{shape}", "price": 10 + number, "currency": "EUR", "images": images}
        if texts:
            product |= {"title": f"{colour} {shape}", "category": shape, "brand": "Acme" if number % 2 else "Blue Bird"}
        lines.append(json.dumps(product))
    path = folder / "catalogue.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def draw_shape(colour: str, shape: str, place: int = 0) -> Image.Image:
    """Draws one photo of 64 x 64 pixels; photos of different `place` differ in their grain."""
    photo = Image.new("RGB", (64, 64), (240, 240, 235))
    draw = ImageDraw.Draw(photo)
    if shape == "disc":
        draw.ellipse((12, 12, 44, 44), fill=colour)
    elif shape == "square":
        draw.rectangle((12, 12, 44, 44), fill=colour)
    else:
        draw.rectangle((8, 26, 56, 34), fill=colour)
    seed = [place, *f"{colour} {shape}".encode()]
    grain = np.random.default_rng(seed).normal(0, 12, (64, 64, 3))
    return Image.fromarray(np.clip(np.asarray(photo) + grain, 0, 255).astype(np.uint8))
