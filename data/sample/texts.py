"""Writes the texts of the sample catalogue, English and Korean: titles, descriptions and text queries.

Titles are English with the Korean title as attribute `title_ko`; descriptions hold an English and a Korean part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.sample.plan import Item

_COLOURS_KO = {
    "black": "검은색", "white": "흰색", "grey": "회색", "red": "빨간색", "orange": "주황색", "yellow": "노란색",
    "green": "초록색", "blue": "파란색", "purple": "보라색", "pink": "분홍색", "brown": "갈색", "beige": "베이지색",
}  # fmt: skip
_PATTERNS_KO = {
    "plain": "무지", "striped": "줄무늬", "pinstriped": "세로 줄무늬", "dotted": "물방울무늬", "checked": "체크무늬",
    "zigzag": "지그재그 무늬", "gradient": "그라데이션", "speckled": "점박이", "floral": "꽃무늬",
}  # fmt: skip
_MATERIALS_KO = {
    "porcelain": "자기", "stoneware": "석기", "glass": "유리", "enamel": "법랑", "steel": "스테인리스",
    "plastic": "플라스틱",
    "linen": "리넨", "paper": "종이", "oak": "참나무", "velvet": "벨벳", "wool": "울", "cotton": "면",
    "felt": "펠트",
    "straw": "밀짚", "leather": "가죽", "canvas": "캔버스", "suede": "스웨이드", "mesh": "메시", "nylon": "나일론",
    "polyester": "폴리에스터", "aluminium": "알루미늄", "viscose": "비스코스", "rubber": "고무",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TextQuery:
    """A text query and its right answers: one product, or every product with these facts; "" matches any."""

    query_text: str
    language: str
    product_id: str = ""
    category: str = ""
    colour: str = ""
    pattern: str = ""


def title(item: Item) -> str:
    """Returns the English title, for example `Red striped porcelain mug Alva`."""
    words = [item.colour, "" if item.pattern == "plain" else item.pattern, item.material, item.kind.noun]
    text = " ".join(word for word in words if word)
    return f"{text[0].upper()}{text[1:]} {item.name}"


def title_ko(item: Item) -> str:
    """Returns the Korean title, for example `빨간색 줄무늬 자기 머그컵 알바`."""
    words = [_COLOURS_KO[item.colour], "" if item.pattern == "plain" else _PATTERNS_KO[item.pattern]]
    return " ".join(word for word in [*words, _MATERIALS_KO[item.material], item.kind.noun_ko, item.name_ko] if word)


def description(item: Item) -> str:
    """Returns the description: an English part, then a Korean part."""
    kind = item.kind
    look = (
        f"plain {item.colour}"
        if item.pattern == "plain"
        else f"{item.colour} with a {item.pattern} pattern in {item.accent}"
    )
    openings = (
        f"A {kind.noun} {kind.use}, {look}.",
        f"{item.brand} makes this {kind.noun} {kind.use}: {look}.",
        f"{item.name} by {item.brand}, a {kind.noun} {kind.use} in {look}.",
    )
    english = f"{openings[item.number % 3]} Made of {item.material}, with details in {item.trim}. Size: {item.size}."
    pattern = "단색" if item.pattern == "plain" else _PATTERNS_KO[item.pattern]
    korean = f"{kind.use_ko} {_COLOURS_KO[item.colour]} {pattern} {kind.noun_ko}입니다."
    return f"{english} {title_ko(item)}. {korean} 소재: {_MATERIALS_KO[item.material]}."


def text_queries(items: Sequence[Item]) -> Iterator[TextQuery]:
    """Yields each query once: every category, every look (colour, pattern, noun), and every fourth product by name."""
    seen: set[str] = set()
    for item in items:
        for query in _queries_for(item):
            if query.query_text not in seen:
                seen.add(query.query_text)
                yield query


def _queries_for(item: Item) -> Iterator[TextQuery]:
    kind, category = item.kind, item.kind.category
    yield TextQuery(query_text=kind.noun, language="en", category=category)
    yield TextQuery(query_text=kind.noun_ko, language="ko", category=category)
    pattern = "" if item.pattern == "plain" else item.pattern
    asked = {"category": category, "colour": item.colour, "pattern": item.pattern}
    yield TextQuery(
        query_text=" ".join(f"{item.colour} {pattern or 'plain'} {kind.noun}".split()), language="en", **asked
    )
    korean = f"{_COLOURS_KO[item.colour]} {_PATTERNS_KO[item.pattern]} {kind.noun_ko}"
    yield TextQuery(query_text=korean, language="ko", **asked)
    if item.number % 4 == 0:
        text = f"{item.name} {item.colour} {kind.noun} by {item.brand}"
        yield TextQuery(query_text=text, language="en", product_id=item.product_id, category=category)
