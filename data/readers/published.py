"""Tells which columns say whether the shop shows a product, and what they say where it does not."""

import re
from typing import Any

PUBLISHED = frozenset(
    ("published", "active", "is_active", "enabled", "visible", "product_visible", "status", "진열여부", "진열상태",
     "전시여부", "전시상태", "노출여부", "노출상태", "pc노출상태", "게시됨", "veröffentlicht", "aktiv", "publié",
     "actif", "publicado", "activo", "pubblicato", "attivo", "gepubliceerd", "actief", "opublikowano", "公開",
     "公開状態")
)  # fmt: skip
_HIDDEN = frozenset(
    ("0", "-1", "false", "no", "n", "nein", "non", "inactive", "draft", "archived", "disabled", "hidden", "private",
     "deleted", "진열안함", "미진열", "노출안함", "미노출", "전시안함", "전시중지", "숨김", "비공개", "非公開")
)  # fmt: skip


def is_hidden(name: str, value: Any) -> bool:
    """Returns whether a value of the column of this plain name says that the shop does not show the product.

    A number in a column `status` says nothing: shops count their states at will.
    """
    word = re.sub(r"[\s_]", "", str(value)).casefold()
    return name in PUBLISHED and word in _HIDDEN and not (name == "status" and word.lstrip("-").isdigit())
