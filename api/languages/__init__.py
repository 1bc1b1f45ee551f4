"""The languages of the pages: which one a request gets, its texts, and how it writes numbers and prices."""

from api.languages.catalogues import LANGUAGES, texts_in
from api.languages.choice import language
from api.languages.formats import money, number
from api.languages.pages import add_languages
from api.languages.texts import N_, gettext, ngettext

__all__ = ["LANGUAGES", "N_", "add_languages", "gettext", "language", "money", "ngettext", "number", "texts_in"]
