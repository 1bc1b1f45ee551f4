"""Photos from untrusted sources: fetches and decodes them within limits, stores thumbnails, names their colours."""

from data.photos.borders import inside_borders
from data.photos.colours import COLOUR_NAMES, dominant_colours
from data.photos.content import PhotoInput, photo_bytes, photo_list, read_original
from data.photos.decoders import decode, decode_photo, decode_within_borders, decoder_outcomes
from data.photos.deletion import erase_product, sweep
from data.photos.fetch import URL_LIMIT, fetch_image
from data.photos.formats import ACCEPTED
from data.photos.images import Pixels
from data.photos.intake import LARGER_SIDES, Examined, Intake, deletions_held, thumbnail_path
from data.photos.larger import damaged_copies, larger_copy
from data.photos.originals import Lost, damaged_uploads, lost_originals, mend_sources
from data.photos.small_copy import small_copy
from data.photos.thumbnails import lost_thumbnails, mend_thumbnails

__all__ = [
    "ACCEPTED",
    "COLOUR_NAMES",
    "LARGER_SIDES",
    "URL_LIMIT",
    "Examined",
    "Intake",
    "Lost",
    "PhotoInput",
    "Pixels",
    "damaged_copies",
    "damaged_uploads",
    "decode",
    "decode_photo",
    "decode_within_borders",
    "decoder_outcomes",
    "deletions_held",
    "dominant_colours",
    "erase_product",
    "fetch_image",
    "inside_borders",
    "larger_copy",
    "lost_originals",
    "lost_thumbnails",
    "mend_sources",
    "mend_thumbnails",
    "photo_bytes",
    "photo_list",
    "read_original",
    "small_copy",
    "sweep",
    "thumbnail_path",
]
