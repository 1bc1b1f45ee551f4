"""What a shopper reads when something goes wrong: no field names, no settings, and a way on."""

from dataclasses import dataclass

from api.errors import UnknownPhoto
from api.languages import N_, gettext
from data.errors import (
    DecoderBusy,
    ImageTooLarge,
    InvalidImage,
    LookalikeError,
    NoGeneration,
    UnknownProduct,
    UnsupportedImage,
)
from engine.errors import CursorExpired, NoVoters


@dataclass(frozen=True)
class ShopperWords:
    """What is said of an error.

    Attributes:
        title: two to five words.
        sentence: what happened, and what to do.
        way_on: what the page offers: `retry` the same, choose another `photo`, take the `filters`
            away, enter the `key`, or `start` again; `none`: nothing.
    """

    title: str
    sentence: str
    way_on: str = "start"


_FAILED = N_("That did not work")
_BUSY = N_("Not just now")
_TOO_LARGE = N_("Too large"), N_("This photo is too large. Choose a smaller one."), "photo"
_NOT_A_PHOTO = N_("Not a photo"), N_("We cannot read this kind of file. A JPEG or PNG photo will do."), "photo"
_PRICE = _FAILED, N_("A price must be a number such as 25 or 19.90. Change the price."), "filters"
_TOO_LONG = N_("Too many words"), N_("That is too long to search for. Use fewer words."), "start"
_NO_ADDRESS = N_("We could not get this photo"), N_("Save the photo first, then choose it here."), "photo"
_OTHER = _FAILED, N_("Something went wrong here, and it is not your fault. Try again later."), "start"
_OF_STATUS = {
    400: (_FAILED, N_("This search could not be understood. Change it, or start again."), "start"),
    401: (N_("A key is needed"), N_("This search is closed. Ask the shop for a key."), "key"),
    403: (N_("Not allowed"), N_("This is not allowed from here. Start again from the search page."), "start"),
    404: (N_("Nothing is here"), N_("This page does not exist, or no longer does."), "start"),
    405: (_FAILED, N_("This page cannot be used like that. Start again from the search page."), "start"),
    410: (N_("No longer sold"), N_("This product is no longer sold. Search for another one."), "start"),
    413: _TOO_LARGE,
    415: _NOT_A_PHOTO,
    421: (N_("Wrong address"), N_("This address does not belong to the search. Use the shop's own link."), "none"),
    429: (N_("Not so fast"), N_("Too many searches at once. Wait a moment and try again."), "retry"),
    503: (_BUSY, N_("The search is busy or not ready yet. Try again in a moment."), "retry"),
}
_OF_FIELD = {"min_price": _PRICE, "max_price": _PRICE, "text": _TOO_LONG, "q": _TOO_LONG}
_OF_CODE = {
    "image_too_small": (
        N_("Too small"),
        N_("Too little can be seen in it. Choose a larger one."),
        "photo",
    ),
    "image_too_narrow": (
        N_("Too narrow"),
        N_("This photo is very long. Crop it, or choose another."),
        "photo",
    ),
    "url_refused": _NO_ADDRESS,
    "url_failed": _NO_ADDRESS,
}
# The most specific class first: the first that fits decides.
_OF_ERROR: tuple[tuple[type[LookalikeError], tuple[str, str, str]], ...] = (
    (DecoderBusy, (_BUSY, N_("Too much is going on here just now. Try this photo again in a moment."), "retry")),
    (ImageTooLarge, _TOO_LARGE),
    (UnsupportedImage, _NOT_A_PHOTO),
    (InvalidImage, (N_("Damaged photo"), N_("This photo cannot be read. Choose another one."), "photo")),
    (UnknownPhoto, (N_("Your photo is gone"), N_("It is no longer kept here. Choose it once more."), "photo")),
    (UnknownProduct, (N_("No longer here"), N_("This product is no longer there. Search for another one."), "start")),
    (CursorExpired, (_FAILED, N_("These results are too old to show more of them. Search again."), "retry")),
    (NoVoters, (_BUSY, N_("Photos cannot be recognised here yet. Try again another day."), "start")),
    (NoGeneration, (N_("Nothing to search yet"),
                    N_("The shop is still putting its products in. Please come back a little later."), "retry")),
)  # fmt: skip


def shopper_words(status: int, error: LookalikeError | None = None) -> ShopperWords:
    """Returns what is said of an error, in the language of the request.

    Args:
        status: the HTTP status of the answer.
        error: what went wrong, if it is known more exactly than by the status.
    """
    of_error = next((words for kind, words in _OF_ERROR if isinstance(error, kind)), None)
    title, sentence, way_on = (
        _OF_FIELD.get(getattr(error, "field", ""))
        or _OF_CODE.get(getattr(error, "code", ""))
        or of_error
        or _OF_STATUS.get(status, _OTHER)
    )
    return ShopperWords(gettext(title), gettext(sentence), way_on)
