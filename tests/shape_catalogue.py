"""A small catalogue that is drawn in a moment: one shape in one colour is one product, seen in three photos."""

import itertools
import json
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "gold", "purple", "black", "cyan", "orange")
SHAPES = ("disc", "square", "bar")
PHOTOS_EACH = 3


def draw_catalogue(folder: Path) -> Path:
    """Writes 24 products with 3 photos each; returns the path of `catalogue.jsonl`. Ids are like `red-disc`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (colour, shape) in enumerate(itertools.product(COLOURS, SHAPES)):
        images = [f"{colour}-{shape}-{place}.png" for place in range(PHOTOS_EACH)]
        for place, name in enumerate(images):
            draw_shape(colour, shape, place).save(folder / name)
        product = {
            "product_id": f"{colour}-{shape}",
            "title": f"{colour} {shape}",
            "category": shape,
            "brand": "Acme" if number % 2 else "Blue Bird",
            "price": 10 + number,
            "currency": "EUR",
            "images": images,
        }
        lines.append(json.dumps(product))
    path = folder / "catalogue.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def draw_shape(colour: str, shape: str, place: int = 0) -> Image.Image:
    """Draws one photo of 64 x 64 pixels; `place` moves the shape a little."""
    photo = Image.new("RGB", (64, 64), (240, 240 - 4 * place, 235))
    draw, shift = ImageDraw.Draw(photo), 2 * place
    box = (12 + shift, 12, 44 + shift, 44)
    if shape == "disc":
        draw.ellipse(box, fill=colour)
    elif shape == "square":
        draw.rectangle(box, fill=colour)
    else:
        draw.rectangle((8, 26 + shift, 56, 34 + shift), fill=colour)
    return photo
