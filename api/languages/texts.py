"""Texts in the language of the current request; the English text is the key.

In templates: `_("Search")`, `{% trans %}`. In Python: `from api.languages import gettext as _`. A text that is written
down where no request is, such as in a table, is marked by `N_` there and translated by `gettext` when it is shown.
"""

from api.languages.catalogues import texts_in
from api.languages.choice import language


def gettext(text: str) -> str:
    """Returns a text in the language of the current request."""
    return texts_in(language()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """Returns the form of a text that fits `count`, in the language of the current request."""
    return texts_in(language()).ngettext(one, many, count)


def N_(text: str) -> str:  # noqa: N802 - the name by which gettext's tools know it
    """Returns the text as it is, and marks it as one that the catalogue must have."""
    return text
