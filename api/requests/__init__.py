"""Reads what strangers send: bodies, forms, JSON and query strings, all bounded, strict and checked field by field."""

from api.requests.fields import (
    CURSOR_LIMIT,
    LABEL_LIMIT,
    PHOTO_ID_LIMIT,
    SEARCH_OPTIONS,
    check_fields,
    from_json,
    from_json_list,
    from_texts,
    posted_fields,
)
from api.requests.form_texts import check_forms, form_texts, query_texts
from api.requests.json_text import read_json
from api.requests.uploads import (
    FORM_BYTES,
    FORM_TYPES,
    MOST_PARTS,
    body_bytes,
    limit_body,
    read_body,
    read_part,
    read_parts,
    require_type,
)

__all__ = [
    "CURSOR_LIMIT",
    "FORM_BYTES",
    "FORM_TYPES",
    "LABEL_LIMIT",
    "MOST_PARTS",
    "PHOTO_ID_LIMIT",
    "SEARCH_OPTIONS",
    "body_bytes",
    "check_fields",
    "check_forms",
    "form_texts",
    "from_json",
    "from_json_list",
    "from_texts",
    "limit_body",
    "posted_fields",
    "query_texts",
    "read_body",
    "read_json",
    "read_part",
    "read_parts",
    "require_type",
]
