"""Makes a small copy of a shopper's photo, to be kept and shown again while the shopper searches on."""

import io

from PIL import Image

from data.photos.decoders import decode
from data.settings import Settings

SIDE = 1024  # pixels on the longer side; as large as the page sends, which shrinks photos in the browser


def small_copy(content: bytes, settings: Settings) -> bytes:
    """Returns the photo as an upright JPEG of at most 1,024 pixels a side, without metadata such as where it was taken.

    Raises:
        InvalidImage: the bytes are not an image that this project accepts.
    """
    image = Image.fromarray(decode(content, settings, target=SIDE))
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()
