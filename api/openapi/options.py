"""What requests may hold: the facts of a product, and the options of searches, as JSON Schema."""

from api.openapi.values import FLAG, IDS, NUMBER, PRICE, UNIT, WHOLE, Schema, text_of
from api.requests import CURSOR_LIMIT, LABEL_LIMIT, PHOTO_ID_LIMIT
from api.routes import MOST_EVENTS
from data.catalogue import ATTRIBUTE_LIMIT, ID_LIMIT, TEXT_LIMIT
from data.columns import COUNTED_FIELDS
from data.completion import DEFAULT_K, MOST_COMPLETIONS, MOST_TYPED
from data.filters import MAX_FILTER
from data.photos import ACCEPTED, URL_LIMIT
from data.values import ADDRESS_LIMIT
from engine.answers import DEPTH, LEGS, MAX_FACETS, MAX_K, MAX_TEXT, MOST_FACETS, MOST_PHOTOS, SORTS
from engine.search import MOST_RELATED

FACTS: dict[str, Schema] = {
    **{name: text_of(maxLength=TEXT_LIMIT) for name in ("title", "description", "brand", "category")},
    "price": PRICE,
    "currency": text_of("ISO 4217 code.", maxLength=8),
    "colour": text_of(maxLength=TEXT_LIMIT),
    "url": text_of("HTTP or HTTPS address of the product's page in the shop.", maxLength=ADDRESS_LIMIT),
    "created_at": {"type": ["string", "null"], "description": "ISO 8601."},
    "in_stock": FLAG,
    "attributes": {
        "type": "object",
        "maxProperties": ATTRIBUTE_LIMIT,
        "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": TEXT_LIMIT},
    },
}

OPTIONS: dict[str, Schema] = {
    "not_text": text_of("Words that describe what is not wanted.", maxLength=MAX_TEXT),
    "text_weight": {**UNIT, "default": 0.5, "description": "0: the photo alone; 1: the words alone."},
    "filter": text_of('For example `brand = "Acorn" AND price < 40`.', maxLength=MAX_FILTER),
    "k": {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": 10, "description": "Hits wanted."},
    "cursor": text_of("`next_cursor` of the previous page; alone or with the same query.", maxLength=CURSOR_LIMIT),
    "diversity": {**UNIT, "default": 0, "description": "0: best hit first; towards 1: fewer hits that look the same."},
    "freshness": {**UNIT, "description": "How much fresh products gain; by default 0.2 for words alone, else 0."},
    "min_probability": {
        **UNIT,
        "default": 0,
        "description": "Hits with a lower `match_probability` are left out.",
    },
    "legs": {
        "enum": list(LEGS),
        "default": LEGS[0],
        "description": "How words alone find products: by their letters (lexical), by their meaning (dense), or both.",
    },
    "like": {**IDS, "description": "Ids of products that hits should resemble; unknown ones count for nothing."},
    "unlike": {**IDS, "description": "Ids of products that were not meant; they are left out."},
    "understand": {
        **FLAG,
        "default": True,
        "description": "Whether prices, colours and sizes in the words are filters.",
    },
    "facets": text_of(
        f"Facts whose values are counted over all that matches, at most {MOST_FACETS}: {', '.join(COUNTED_FIELDS)}, "
        "attr.NAME; with commas between them. With `~` in front (`~brand`), a fact is counted as if `filter` and the "
        "words said nothing of it.",
        maxLength=MAX_FACETS,
    ),
    "sort": {
        "enum": list(SORTS),
        "description": f"Order of the hits; other than by relevance: of the {DEPTH:,} best, - for the highest first. "
        "Left out: the order that the words ask for, such as `cheapest`; else by relevance.",
    },
    "max_per": text_of("`brand:2`: at most 2 hits of one brand; also category and attr.NAME.", maxLength=MAX_FACETS),
}
PHOTO_FILE: Schema = text_of(f"{ACCEPTED}; by default at most 10 MB.", format="binary")
SIDES: Schema = {
    "type": "array", "items": PHOTO_FILE, "maxItems": MOST_PHOTOS,
    "description": "One photo, or several of one thing from several sides.",
}  # fmt: skip
RELATED_K: Schema = {**WHOLE, "minimum": 1, "maximum": MOST_RELATED, "default": 10, "description": "Queries wanted."}
COMPLETIONS_K: Schema = {**WHOLE, "minimum": 1, "maximum": MOST_COMPLETIONS, "default": DEFAULT_K}
TYPED: Schema = text_of("What was typed so far, also with an unfinished syllable.", maxLength=MOST_TYPED)
TEXT_OPTION: Schema = text_of("Words to search for.", maxLength=MAX_TEXT)
EVENTS: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}, "maxItems": MOST_EVENTS}
BOX: Schema = {
    "type": "array", "items": NUMBER, "minItems": 4, "maxItems": 4,
    "description": "[x0,y0,x1,y1]: the part of the photo that counts, in pixels of the photo as shown.",
}  # fmt: skip
OBJECTS: Schema = {
    **FLAG, "default": False,
    "description": "Whether to look for several things in the photo too, and to search by each; without words and box.",
}  # fmt: skip
WHY: Schema = {
    "enum": ["map"],
    "description": "`map`: the first 5 hits tell in `why_map` which parts of the photos make them alike; needs exactly "
    "one photo or product to compare them with.",
}  # fmt: skip
BOX_TEXT: Schema = text_of(
    "`[x0,y0,x1,y1]`, as for JSON.", pattern=r"^\[\d{1,5}(\.\d{1,3})?(,\d{1,5}(\.\d{1,3})?){3}\]$"
)  # text, since clients would send a list as one part for each number

SOURCES: dict[str, Schema] = {
    "product_id": text_of("Search by this product.", maxLength=ID_LIMIT),
    "photo_id": text_of("Search by the photo of an earlier answer with this `photo_id`.", maxLength=PHOTO_ID_LIMIT),
    "image_url": text_of("Only if the server has `fetch_urls` on.", maxLength=URL_LIMIT),
}
RECOMMEND: dict[str, Schema] = {
    "label": text_of("Label of the hits, as /v1/recognize names it.", maxLength=LABEL_LIMIT),
    "product_id": text_of("Recommend products like this one.", maxLength=ID_LIMIT),
    "colour": text_of(
        "Preferred colour, in English or Korean; without it, that of the product or the photo.", maxLength=LABEL_LIMIT
    ),
    "filter": OPTIONS["filter"],
    "k": OPTIONS["k"],
}
