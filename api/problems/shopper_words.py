"""What a shopper reads when something goes wrong: no field names, no settings, and what to do next."""

from api.errors import UnknownPhoto
from api.languages import N_, gettext
from data.errors import DecoderBusy, ImageTooLarge, InvalidImage, LookalikeError, UnknownProduct, UnsupportedImage
from engine.errors import CursorExpired, NoVoters

_OF_STATUS = {
    400: (N_("That did not work"), N_("This search could not be understood. Change it, or start again.")),
    401: (N_("A key is needed"), N_("This search is closed. Ask the shop for a key.")),
    403: (N_("Not allowed"), N_("This is not allowed from here. Start again from the search page.")),
    404: (N_("Nothing is here"), N_("This page does not exist, or no longer does.")),
    405: (N_("That did not work"), N_("This page cannot be used like that. Start again from the search page.")),
    413: (N_("Too large"), N_("This photo is too large. Choose a smaller one.")),
    415: (N_("Not a photo"), N_("This file cannot be searched. Choose a photo.")),
    421: (N_("Wrong address"), N_("This address does not belong to the search. Use the shop's own link.")),
    429: (N_("Not so fast"), N_("Too many searches at once. Wait a moment and try again.")),
    503: (N_("Not just now"), N_("The search is busy or not ready yet. Try again in a moment.")),
}
_PRICE = N_("A price must be a number such as 25 or 19.90. Change the price.")
_TOO_LONG = N_("That is too long to search for. Use fewer words.")
_OF_FIELD = {"min_price": _PRICE, "max_price": _PRICE, "text": _TOO_LONG, "q": _TOO_LONG}
_OTHER = (N_("That did not work"), N_("Something went wrong here, and it is not your fault. Try again later."))
# The most specific class first: the first that fits decides.
_OF_ERROR: tuple[tuple[type[LookalikeError], str], ...] = (
    (DecoderBusy, N_("Too much is going on here just now. Try this photo again in a moment.")),
    (ImageTooLarge, N_("This photo is too large. Choose a smaller one.")),
    (UnsupportedImage, N_("This file is not a photo that can be searched. Choose another one.")),
    (InvalidImage, N_("This photo cannot be read; it may be damaged. Choose another one.")),
    (UnknownPhoto, N_("Your photo is no longer kept here. Choose it once more.")),
    (UnknownProduct, N_("This product is no longer there. Search for another one.")),
    (CursorExpired, N_("These results are too old to show more of them. Search again.")),
    (NoVoters, N_("Photos cannot be recognised here yet. Try again another day.")),
)


def title_for(status: int) -> str:
    """Returns a heading of two or three words for an answer with this HTTP status."""
    return gettext(_OF_STATUS.get(status, _OTHER)[0])


def sentence_for(status: int, error: LookalikeError | None = None) -> str:
    """Returns what happened and what to do.

    Args:
        status: the HTTP status of the answer.
        error: what went wrong, if it is known more exactly than by the status.
    """
    if words := _OF_FIELD.get(getattr(error, "field", "")):
        return gettext(words)
    found = next((words for kind, words in _OF_ERROR if isinstance(error, kind)), None)
    return gettext(found or _OF_STATUS.get(status, _OTHER)[1])
