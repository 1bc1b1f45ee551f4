"""Chooses the language of a request: by its address, else by what was chosen before, else by the browser."""

from flask import has_request_context, request

from api.languages.catalogues import ENGLISH, LANGUAGES

NAME = "lang"  # of the query parameter, and of the cookie that keeps what it said


def language() -> str:
    """Returns the language of the current request, one of `LANGUAGES`; outside a request, English."""
    if not has_request_context():
        return ENGLISH
    for asked in (request.args.get(NAME), request.cookies.get(NAME)):
        if asked in LANGUAGES:
            return asked
    return request.accept_languages.best_match(LANGUAGES, default=ENGLISH)
