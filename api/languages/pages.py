"""Gives the templates their texts and formats, and the pages their language headers."""

from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, request

from api.languages.catalogues import LANGUAGES
from api.languages.choice import NAME, language
from api.languages.formats import money, number
from api.languages.texts import gettext, ngettext

_COOKIE_S = 365 * 24 * 3600


def add_languages(app: Flask) -> None:
    """Gives templates `_`, `ngettext`, the filters `money` and `number`, and what a switch of languages needs."""
    templates: Any = app.jinja_env  # the extension adds a method to it
    templates.add_extension("jinja2.ext.i18n")
    templates.policies["ext.i18n.trimmed"] = True
    templates.install_gettext_callables(gettext, ngettext, newstyle=True)
    templates.globals |= {"language": language, "languages": LANGUAGES, "address_in": address_in}
    templates.filters |= {"money": money, "number": number}
    app.after_request(_tell)


def address_in(name: str) -> str:
    """Returns the address of the current page in a language, relative to it; what a form posted is not part of it."""
    kept = [] if request.method == "POST" else [pair for pair in request.args.items(multi=True) if pair[0] != NAME]
    return "?" + urlencode([*kept, (NAME, name)])


def _tell(response: Response) -> Response:
    """Says which language a page has and what that depends on; keeps a choice in a cookie."""
    if response.mimetype != "text/html":
        return response
    response.vary.update(("Accept-Language", "Cookie"))
    if request.args.get(NAME) in LANGUAGES:
        guards: Any = {"samesite": "Lax", "httponly": True, "secure": request.is_secure}
        response.set_cookie(NAME, language(), max_age=_COOKIE_S, **guards)
    return response
