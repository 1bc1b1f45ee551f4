"""Photos for tests of the networks: real ones if the data set is there, else drawn ones."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# The public data set that docs/performance.md names, beside the checkout.
GROCERY = Path(__file__).resolve().parents[3] / "shared" / "data" / "grocery"


def are_real() -> bool:
    """Returns whether `photo_files` returns real photographs, not drawn pictures."""
    return GROCERY.is_dir()


def photo_files(count: int) -> list[bytes]:
    """Returns the bytes of `count` different JPEG photos, the same ones every time."""
    files = sorted(GROCERY.glob("val/**/*.jpg"))
    if len(files) >= count:
        return [path.read_bytes() for path in files[:: len(files) // count][:count]]
    return [_drawn(number) for number in range(count)]


def _drawn(number: int) -> bytes:
    """Soft coloured shapes under noise, 400 x 300: uneven enough to reach every part of a network."""
    random = np.random.default_rng(number)
    image = Image.fromarray(random.integers(60, 200, (6, 8, 3), dtype=np.uint8)).resize(
        (400, 300), Image.Resampling.BICUBIC
    )
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, width, height = (int(value) for value in random.integers(10, 200, 4))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)((x, y, x + width, y + height), fill=colour)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)), np.float32) + random.normal(0, 6, (300, 400, 3))
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()
