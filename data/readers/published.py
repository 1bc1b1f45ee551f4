"""Tells which columns say whether the shop shows a product, and what they say where it does not."""

import re
from collections.abc import Mapping
from typing import Any

PUBLISHED = frozenset(
    ("published", "active", "is_active", "enabled", "visible", "is_visible", "product_visible", "status", "진열여부",
     "진열상태", "전시여부", "전시상태", "노출여부", "노출상태", "pc노출상태", "게시됨", "veröffentlicht", "aktiv",
     "publié", "actif", "publicado", "activo", "pubblicato", "attivo", "gepubliceerd", "actief", "opublikowano", "公開",
     "公開状態", "visibility", "publish_to_e_com", "can_be_sold", "archived", "is_archived", "hidden", "is_hidden",
     "deleted", "is_deleted")
)  # fmt: skip
_HIDDEN_IF_TRUE = frozenset(("archived", "is_archived", "hidden", "is_hidden", "deleted", "is_deleted"))
_HIDDEN = frozenset(
    ("0", "-1", "false", "no", "n", "nein", "non", "inactive", "draft", "archived", "disabled", "hidden", "private",
     "deleted", "진열안함", "미진열", "노출안함", "미노출", "전시안함", "전시중지", "숨김", "비공개", "非公開")
)  # fmt: skip
_TRUE = frozenset(("1", "true", "yes", "y"))


def is_shown(values: Mapping[str, Any], columns: frozenset[str]) -> bool:
    """Returns whether the shop shows a product of these values, as far as these columns of `PUBLISHED` say."""
    return not columns or not any(_is_hidden(name, values[name]) for name in columns.intersection(values))


def _is_hidden(name: str, value: Any) -> bool:
    word = re.sub(r"[\s_]", "", str(value)).casefold()
    if name in _HIDDEN_IF_TRUE:
        return word in _TRUE
    # a number in a column `status` says nothing: shops count their states at will
    return word in _HIDDEN and not (name == "status" and word.lstrip("-").isdigit())
