"""The file format of thumbnails: WebP with a checksum in a chunk of its own, so that every changed bit is noticed."""

import io
import zlib
from pathlib import Path

from PIL import Image

_CHUNK = b"CRC "  # readers of WebP skip chunks that they do not know
_CHUNK_BYTES = 12  # name, length and checksum, four bytes each


def encode_thumbnail(image: Image.Image) -> bytes:
    """Returns the pixels as WebP, without metadata and with a CRC-32 of all that stands before it."""
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=80, method=0)  # three quarters of the time of method 1, 1/8 larger
    webp = encoded.getvalue()
    riff = webp[:4] + _number(len(webp) + _CHUNK_BYTES - 8) + webp[8:]
    return riff + _CHUNK + _number(4) + _number(zlib.crc32(riff))


def is_whole(path: Path) -> bool:
    """Returns whether a thumbnail is as it was written; one of an older version, without a checksum: can be decoded."""
    try:
        content = path.read_bytes()
        if content[-_CHUNK_BYTES:-8] == _CHUNK:
            return content[-4:] == _number(zlib.crc32(content[:-_CHUNK_BYTES]))
        with Image.open(io.BytesIO(content), formats=("WEBP",)) as image:
            image.load()
        return content[4:8] == _number(len(content) - 8)
    # whatever a decoder raises on damaged bytes, the thumbnail is not whole
    except Exception:
        return False


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little")
