"""Reads the texts of each language from its `messages.po`; nothing is compiled beforehand."""

import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALES = Path(__file__).parents[1] / "locales"
ENGLISH = "en"  # its texts are the keys of the others
LANGUAGES = {ENGLISH: "English", "ko": "한국어"}  # each by its own name


@cache
def texts_in(language: str) -> Translations:
    """Returns the texts in one of `LANGUAGES`; a text that it lacks stays English."""
    if language == ENGLISH:
        return Translations()
    with (LOCALES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
