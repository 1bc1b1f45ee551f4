"""Puts photos into the frames that phones and apps put around them: letterbox, screenshot, and the like."""

import io
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Picture = Image.Image
WORDS = (
    "Share",
    "Follow",
    "2,310 likes",
    "Add to basket",
    "view all comments",
    "Save",
    "yesterday",
    "near you",
    "price",
)


def letterbox(photo: Picture, colour: object, shape: float) -> Picture:
    """The photo on a plain ground of `shape` (height by width), as wide or as high as the ground."""
    width, height = _ground(photo, shape)
    framed = Image.new("RGB", (width, height), colour)  # type: ignore[arg-type]
    framed.paste(photo, ((width - photo.width) // 2, (height - photo.height) // 2))
    return framed


def blurred(photo: Picture, shape: float) -> Picture:
    """The photo on an enlarged and blurred copy of itself."""
    width, height = _ground(photo, shape)
    scale = max(width / photo.width, height / photo.height)
    copy = photo.resize((round(photo.width * scale) + 1, round(photo.height * scale) + 1))
    left, top = (copy.width - width) // 2, (copy.height - height) // 2
    framed = copy.crop((left, top, left + width, top + height)).filter(ImageFilter.GaussianBlur(width / 25))
    framed.paste(photo, ((width - photo.width) // 2, (height - photo.height) // 2))
    return framed


def frame(photo: Picture, colour: object, share: float) -> Picture:
    """The photo with an even margin, `share` of its width."""
    margin = round(photo.width * share)
    framed = Image.new("RGB", (photo.width + 2 * margin, photo.height + 2 * margin), colour)  # type: ignore[arg-type]
    framed.paste(photo, (margin, margin))
    return framed


def screenshot(photo: Picture, random: Random, *, dark: bool) -> Picture:
    """The photo in an app on a phone: status bar, title bar, photo, text and buttons."""
    paper, ink = ("#121212", "#f0f0f0") if dark else ("#ffffff", "#1a1a1a")
    width = photo.width
    unit = width / 36
    height = round(width * random.uniform(1.9, 2.2))
    screen = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(screen)
    font, small = ImageFont.load_default(unit * 1.5), ImageFont.load_default(unit * 1.1)
    draw.text((unit, unit * 0.5), "09:41", ink, small)
    draw.rectangle((width - 3 * unit, 0.7 * unit, width - unit, 1.5 * unit), outline=ink)
    draw.text((3 * unit, 2.8 * unit), " ".join(random.sample(WORDS, 3)), ink, font)
    top = round(unit * random.uniform(5.5, 8))
    screen.paste(photo, (0, top))
    y = top + photo.height + unit
    for x in (1, 4, 7):
        draw.ellipse((x * unit, y, (x + 1.8) * unit, y + 1.8 * unit), outline=ink, width=2)
    y += 3.5 * unit
    while y < height - 6 * unit:
        draw.text((unit, y), " ".join(random.sample(WORDS, random.randint(4, 7))), ink, small)
        y += 2 * unit
    draw.rounded_rectangle((unit, height - 4 * unit, width - unit, height - 1.2 * unit), unit, fill="#d33c2f")
    return screen


def kinds() -> dict[str, Callable[[Picture, Random], Picture]]:
    """Returns every kind of border by name."""
    return {
        "white letterbox": lambda photo, random: letterbox(photo, "white", random.choice((16 / 9, 1.5, 1.91**-1))),
        "black letterbox": lambda photo, random: letterbox(photo, "black", random.choice((16 / 9, 1.3, 9 / 16))),
        "coloured letterbox": lambda photo, random: letterbox(
            photo, tuple(random.randrange(256) for _ in range(3)), random.choice((16 / 9, 4 / 3, 9 / 16))
        ),
        "blurred letterbox": lambda photo, random: blurred(photo, random.choice((16 / 9, 1.5, 9 / 16))),
        "white frame": lambda photo, random: frame(photo, "white", random.uniform(0.03, 0.15)),
        "black frame": lambda photo, random: frame(photo, "black", random.uniform(0.03, 0.15)),
        "light screenshot": lambda photo, random: screenshot(photo, random, dark=False),
        "dark screenshot": lambda photo, random: screenshot(photo, random, dark=True),
    }


def encoded(photo: Picture, quality: int = 85) -> bytes:
    out = io.BytesIO()
    photo.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _ground(photo: Picture, shape: float) -> tuple[int, int]:
    width = max(photo.width, round(photo.height / shape))
    return width, max(photo.height, round(width * shape))
