"""Reads query parameters and form fields from strangers: strict UTF-8, and without what trackers add to links."""

from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Request, request
from werkzeug.datastructures import MultiDict
from werkzeug.formparser import FormDataParser

from api.errors import BadRequest
from api.requests.uploads import read_body

MOST_FIELDS = 200
# What advertisers and mail programs append to any link that they show; it says nothing about the search.
TRACKERS = (
    "_", "_ga", "_gac", "_gl", "_hsenc", "_hsmi", "_kx", "dclid", "fbclid", "gad_campaignid", "gad_source", "gbraid",
    "gclid", "gclsrc", "igsh", "igshid", "li_fat_id", "mc_cid", "mc_eid", "mkt_tok", "msclkid", "NaPm", "rdt_cid",
    "s_kwcid", "ScCid", "srsltid", "ttclid", "twclid", "wbraid", "yclid",
)  # fmt: skip
TRACKER_PREFIXES = ("utm_", "n_")  # n_: Naver's search advertisements
_REPLACED = "\ufffd"
_URLENCODED = "application/x-www-form-urlencoded"


class _FormParser(FormDataParser):
    """Werkzeug's parser, which answers a broken form with an error instead of reading it as an empty one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "silent": False})

    def parse(self, *args: Any, **options: Any) -> Any:
        try:
            stream, form, files = super().parse(*args, **options)
        except ValueError as error:
            raise BadRequest(
                f"the form must be whole multipart/form-data whose Content-Type names its boundary; {error}."
            ) from error
        if None in form or None in files:
            raise BadRequest("every part of the form must have a name; got one without.")
        return stream, form, files


class _Request(Request):
    form_data_parser_class = _FormParser


def check_forms(app: Flask) -> None:
    """Makes `app` refuse forms that are broken and paths that are not UTF-8."""
    app.request_class = _Request
    app.before_request(_check_path)


def query_texts() -> "MultiDict[str, str]":
    """Returns the query parameters, without those that trackers add to links.

    Raises:
        BadRequest: a parameter is not percent-encoded UTF-8, or there are too many.
    """
    pairs = _pairs(request.query_string)
    return _checked(MultiDict(pair for pair in pairs if not _is_tracker(pair[0])))


def form_texts() -> "MultiDict[str, str]":
    """Returns the plain fields of a form, whether it was sent as multipart or urlencoded.

    Raises:
        BadRequest: a field is not UTF-8, or there are too many.
    """
    return _checked(MultiDict(_pairs(read_body())) if request.mimetype == _URLENCODED else request.form)


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        # Not strictly: a tracker's value may be in any encoding. Damage is seen by the replacement character.
        text = encoded.decode("utf-8", errors="replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"at most {MOST_FIELDS} fields may be given; got more. Send fewer.") from error


def _is_tracker(name: str) -> bool:
    return name in TRACKERS or name.startswith(TRACKER_PREFIXES)


def _checked(texts: "MultiDict[str, str]") -> "MultiDict[str, str]":
    for name, value in texts.items(multi=True):
        if _REPLACED in name or _REPLACED in value:
            raise BadRequest(f"{name[:100]} must be UTF-8; got other bytes. Encode it as UTF-8.", field=name[:100])
    return texts


def _check_path() -> None:
    if _REPLACED in request.path:
        raise BadRequest("the path must be percent-encoded UTF-8; got other bytes. Encode it as UTF-8.")
