"""A photo's web address in place of words: the photo is fetched, and searched by like one that was chosen."""

from urllib.parse import urlsplit

from api.resources import resources
from data.photos import URL_LIMIT, fetch_image, small_copy


def address_in(words: str) -> str:
    """Returns the web address that the words are; empty if they are anything else.

    >>> address_in(" https://shop.example/mug.jpg "), address_in("mug https://shop.example/mug.jpg")
    ('https://shop.example/mug.jpg', '')
    """
    address = words.strip()
    if len(address) > URL_LIMIT or len(address.split()) != 1:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme.lower() in ("http", "https") and parts.netloc else ""


def fetch_photo(address: str) -> bytes:
    """Returns a small copy of the photo at an address, as `small_copy` makes it.

    Raises:
        InvalidImage: this server fetches none, the address is refused, or it does not answer with a photo.
        Overloaded: too many photos are being fetched or decoded.
    """
    held = resources()
    with held.fetches.slot():
        content = fetch_image(address, held.settings)
    with held.decoding():
        return small_copy(content, held.settings)
