"""Makes self-contained HTML reports: fills the page templates, and shrinks photos to lie within the page."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from data.errors import LookalikeError
from data.photos import decode
from data.settings import Settings

_SIDE = 160
_TEMPLATES = Path(__file__).with_name("templates")


def render_page(template: str, **values: Any) -> str:
    """Returns the filled template as HTML. Every value is escaped; a missing value is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(**values)


def thumbnail(read: Callable[[], bytes], settings: Settings) -> str:
    """Returns a small JPEG as a data URI; empty if the photo cannot be read."""
    try:
        pixels = decode(read(), settings, target=_SIDE)
    except (LookalikeError, OSError):
        return ""
    picture = Image.fromarray(pixels)
    picture.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def flat_facts(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Returns nested facts as pairs of dotted name and text; a list becomes its length and first 3 items."""
    pairs: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            pairs += flat_facts(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            pairs.append((f"{prefix}{name}", f"{len(value)}: {value[:3]}" if value else "none"))
        elif value not in (None, ""):
            pairs.append((f"{prefix}{name}", str(value)))
    return pairs
