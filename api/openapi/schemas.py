"""The JSON values of the HTTP contract, as JSON Schema (OpenAPI 3.1 components)."""

from typing import Any

from api.batch import MOST_IMAGES
from api.requests import CURSOR_LIMIT, LABEL_LIMIT, PHOTO_ID_LIMIT
from api.routes import MOST_EVENTS
from data.catalogue import ATTRIBUTE_LIMIT, ID_LIMIT, TEXT_LIMIT
from data.columns import COUNTED_FIELDS, MOST_SHOWN
from data.completion import DEFAULT_K, MOST_COMPLETIONS, MOST_TYPED
from data.events import POSITION_LIMIT, SHOWN_LIMIT, TEXT_LIMITS
from data.filters import MAX_FILTER
from data.photos import ACCEPTED, URL_LIMIT
from data.values import ADDRESS_LIMIT
from engine.answers import (
    DEPTH,
    LEGS,
    MAX_FACETS,
    MAX_K,
    MAX_TEXT,
    MOST_FACETS,
    MOST_LIKED,
    MOST_PHOTOS,
    SORTS,
)
from engine.likeness import MOST_PLACES
from engine.objects import MOST_HITS as MOST_OBJECT_HITS
from engine.objects import MOST_OBJECTS
from engine.recognition import MOST_OTHERS
from engine.search import MOST_LABELS, MOST_RELATED

Schema = dict[str, Any]


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _fields(required: list[str], **properties: Schema) -> Schema:
    """Returns an object that a request holds; other names are refused."""
    return {**_object(required, **properties), "additionalProperties": False}


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_PLACE: Schema = {**_WHOLE, "maximum": POSITION_LIMIT - 1}
_FLAG: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": _text()}
_PRICE: Schema = {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 1e12}
_IDS: Schema = {"type": "array", "items": _text(maxLength=ID_LIMIT), "maxItems": MOST_LIKED}
_UNIT: Schema = {"type": "number", "minimum": 0, "maximum": 1}

_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}

_FACTS: dict[str, Schema] = {
    **{name: _text(maxLength=TEXT_LIMIT) for name in ("title", "description", "brand", "category")},
    "price": _PRICE,
    "currency": _text("ISO 4217 code.", maxLength=8),
    "colour": _text(maxLength=TEXT_LIMIT),
    "url": _text("HTTP or HTTPS address of the product's page in the shop.", maxLength=ADDRESS_LIMIT),
    "created_at": {"type": ["string", "null"], "description": "ISO 8601."},
    "in_stock": _FLAG,
    "attributes": {
        "type": "object",
        "maxProperties": ATTRIBUTE_LIMIT,
        "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": TEXT_LIMIT},
    },
}

OPTIONS: dict[str, Schema] = {
    "not_text": _text("Words that describe what is not wanted.", maxLength=MAX_TEXT),
    "text_weight": {**_UNIT, "default": 0.5, "description": "0: the photo alone; 1: the words alone."},
    "filter": _text('For example `brand = "Acorn" AND price < 40`.', maxLength=MAX_FILTER),
    "k": {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": 10, "description": "Hits wanted."},
    "cursor": _text("`next_cursor` of the previous page; alone or with the same query.", maxLength=CURSOR_LIMIT),
    "diversity": {**_UNIT, "default": 0, "description": "0: best hit first; towards 1: fewer hits that look the same."},
    "freshness": {**_UNIT, "description": "How much fresh products gain; by default 0.2 for words alone, else 0."},
    "min_probability": {
        **_UNIT,
        "default": 0,
        "description": "Hits with a lower `match_probability` are left out.",
    },
    "legs": {
        "enum": list(LEGS),
        "default": LEGS[0],
        "description": "How words alone find products: by their letters (lexical), by their meaning (dense), or both.",
    },
    "like": {**_IDS, "description": "Ids of products that hits should resemble; unknown ones count for nothing."},
    "unlike": {**_IDS, "description": "Ids of products that were not meant; they are left out."},
    "understand": {
        **_FLAG,
        "default": True,
        "description": "Whether prices, colours and sizes in the words are filters.",
    },
    "facets": _text(
        f"Facts whose values are counted over all that matches, at most {MOST_FACETS}: {', '.join(COUNTED_FIELDS)}, "
        "attr.NAME; with commas between them. With `~` in front (`~brand`), a fact is counted as if `filter` and the "
        "words said nothing of it.",
        maxLength=MAX_FACETS,
    ),
    "sort": {
        "enum": list(SORTS),
        "default": SORTS[0],
        "description": f"Order of the hits; other than by relevance: of the {DEPTH:,} best, - for the highest first.",
    },
    "max_per": _text("`brand:2`: at most 2 hits of one brand; also category and attr.NAME.", maxLength=MAX_FACETS),
}
_PHOTO_FILE: Schema = _text(f"{ACCEPTED}; by default at most 10 MB.", format="binary")
_SIDES: Schema = {
    "type": "array", "items": _PHOTO_FILE, "maxItems": MOST_PHOTOS,
    "description": "One photo, or several of one thing from several sides.",
}  # fmt: skip
RELATED_K: Schema = {**_WHOLE, "minimum": 1, "maximum": MOST_RELATED, "default": 10, "description": "Queries wanted."}
COMPLETIONS_K: Schema = {**_WHOLE, "minimum": 1, "maximum": MOST_COMPLETIONS, "default": DEFAULT_K}
TYPED: Schema = _text("What was typed so far, also with an unfinished syllable.", maxLength=MOST_TYPED)
TEXT_OPTION: Schema = _text("Words to search for.", maxLength=MAX_TEXT)
EVENTS: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}, "maxItems": MOST_EVENTS}
BOX: Schema = {
    "type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4,
    "description": "[x0,y0,x1,y1]: the part of the photo that counts, in pixels of the photo as shown.",
}  # fmt: skip
OBJECTS: Schema = {
    **_FLAG, "default": False,
    "description": "Whether to look for several things in the photo too, and to search by each; without words and box.",
}  # fmt: skip
WHY: Schema = {
    "enum": ["map"],
    "description": "`map`: the first 5 hits tell in `why_map` which parts of the photos make them alike; needs exactly "
    "one photo or product to compare them with.",
}  # fmt: skip
BOX_TEXT: Schema = _text(
    "`[x0,y0,x1,y1]`, as for JSON.", pattern=r"^\[\d{1,5}(\.\d{1,3})?(,\d{1,5}(\.\d{1,3})?){3}\]$"
)  # text, since clients would send a list as one part for each number

_SOURCES: dict[str, Schema] = {
    "product_id": _text("Search by this product.", maxLength=ID_LIMIT),
    "photo_id": _text("Search by the photo of an earlier answer with this `photo_id`.", maxLength=PHOTO_ID_LIMIT),
    "image_url": _text("Only if the server has `fetch_urls` on.", maxLength=URL_LIMIT),
}
_RECOMMEND: dict[str, Schema] = {
    "label": _text("Label of the hits, as /v1/recognize names it.", maxLength=LABEL_LIMIT),
    "product_id": _text("Recommend products like this one.", maxLength=ID_LIMIT),
    "colour": _text(
        "Preferred colour, in English or Korean; without it, that of the product or the photo.", maxLength=LABEL_LIMIT
    ),
    "filter": OPTIONS["filter"],
    "k": OPTIONS["k"],
}

SCHEMAS: dict[str, Schema] = {
    "Hit": _object(
        ["product_id", "score", "match_probability", "image_id", "image_url", "title", "brand", "price", "currency",
         "category", "url", "colours", "fresh", "why"],
        product_id=_text(),
        score={**_NUMBER, "description": "Inner product in the product space; comparable within one query."},
        match_probability={
            "type": ["number", "null"], "minimum": 0, "maximum": 1,
            "description": "Calibrated chance that this is what was asked for; null if it is not calibrated.",
        },
        image_id={**_TEXT_OR_NULL, "description": "sha256 of the photo that matched best; null: it has no photo."},
        image_url={**_TEXT_OR_NULL, "description": "Path of that photo's thumbnail."},
        title=_text(), brand=_text(), price=_PRICE, currency=_text(), category=_text(),
        url=_text("Address of the product's page in the shop; empty if the shop gave none."), colours=_TEXTS,
        fresh={**_FLAG, "description": "Created within the last `fresh_days` days (a setting; 90 by default)."},
        why={**_TEXTS, "description": "Short reasons for this hit, for people to read."},
        why_map={
            **ref("WhyMap"),
            "description": "Only with `why=map`, and where a part of the photos speaks for the hit.",
        },
    ),
    "WhyMap": {
        **_object(["query", "hit"], query=ref("PhotoPart"), hit=ref("PhotoPart")),
        "description": "Which parts of two photos make them alike: of the one searched by, and of the hit's.",
    },
    "PhotoPart": _object(
        ["image_id", "width", "height", "box", "grid"],
        image_id={**_TEXT_OR_NULL, "description": "sha256 of the catalogue's photo; null: the photo that was sent."},
        width={**_WHOLE, "description": "Of the photo as shown, in pixels."}, height=_WHOLE,
        box={
            "type": "array", "items": _WHOLE, "minItems": 4, "maxItems": 4,
            "description": "[x0,y0,x1,y1] in these pixels, around the part that counts most.",
        },
        grid={
            "type": "array", "maxItems": MOST_PLACES,
            "items": {"type": "array", "items": _UNIT, "maxItems": MOST_PLACES},
            "description": "Rows from the top that lie over the whole photo: how much each place counts; 1: most.",
        },
    ),
    "SearchAnswer": _object(
        ["query_id", "generation", "pending", "took_ms", "hits", "next_cursor", "no_match", "did_you_mean",
         "understood", "total", "facets"],
        query_id=_text("Id of this query, to be sent with events."),
        generation=_text("The generation that answered."),
        pending={**_WHOLE, "description": "Products in the catalogue that are not searchable yet."},
        took_ms=_NUMBER,
        photo_id={
            **_TEXT_OR_NULL,
            "description": "To search by the same photo without sending it; null: there was none, or it is not kept.",
        },
        hits={"type": "array", "items": ref("Hit")},
        next_cursor={"type": ["string", "null"], "description": "`cursor` of the next page; null on the last page."},
        no_match={**_FLAG, "description": "True if probably no hit is right; then no probability reaches 0.5."},
        did_you_mean={**_TEXT_OR_NULL, "description": "The words with typing errors mended; they were searched for."},
        understood={"type": "array", "items": ref("Constraint"), "description": "Conditions read in the words."},
        total={**_WHOLE, "description": f"Products that match; at most {DEPTH:,} of them can be paged through."},
        facets={
            "type": "object", "additionalProperties": ref("Facet"),
            "description": "For each fact of `facets`: how many of the products that match have each value.",
        },
        objects={
            "type": "array", "items": ref("FoundObject"), "maxItems": MOST_OBJECTS,
            "description": "The things in the photo, the one most surely found first; only with `objects=true`.",
        },
    ),
    "FoundObject": _object(
        ["box", "label", "match_probability", "hits"],
        box={
            "type": "array", "items": _WHOLE, "minItems": 4, "maxItems": 4,
            "description": "[x0,y0,x1,y1] in pixels of the photo as shown; `box` of a search that finds more.",
        },
        label={**_TEXT_OR_NULL, "description": "What the voters see; null: nothing for sure, or there are no voters."},
        match_probability={
            "type": ["number", "null"], "minimum": 0, "maximum": 1,
            "description": "That of the first hit; null: there is none, or it is not calibrated.",
        },
        hits={"type": "array", "items": ref("Hit"), "maxItems": MOST_OBJECT_HITS},
    ),
    "Constraint": _object(
        ["text", "as", "not_text", "relaxed"],
        text=_text("The part of the words; without it in the words, the condition is gone."),
        **{"as": _text("The condition as a filter; empty if no fact holds the words of `not_text`.")},
        not_text=_text("Words that hits should not be about."),
        relaxed={**_FLAG, "description": "True if the condition left too little, so that it was dropped."},
    ),
    "Facet": _object(
        ["values", "other_values", "ranges"],
        values={"type": "array", "maxItems": MOST_SHOWN, "description": "Most frequent first.", "items": _object(
            ["value", "count"], value={"type": ["string", "number", "boolean"]}, count=_WHOLE,
        )},
        other_values={**_WHOLE, "description": "How many more values there are."},
        ranges={"type": "array", "description": "For numbers, instead of values.", "items": _object(
            ["min", "max", "count"],
            min=_NUMBER, max={**_NUMBER, "description": "Not part of the range."}, count=_WHOLE,
        )},
    ),
    "RelatedQueries": _object(["queries"], queries={"type": "array", "items": _object(
        ["text", "score", "searches"],
        text=_text(), score={**_NUMBER, "description": "Cosine between the two queries in the product space."},
        searches={**_WHOLE, "description": "How often shoppers searched it; 0 for the name of a product or category."},
    )}),
    "Completions": _object(["completions"], completions={"type": "array", "items": _object(
        ["text", "kind"],
        text=_text(), kind={"enum": ["query", "title", "brand", "category"]},
        product_id=_text("The product, if exactly one has this title."),
    )}),
    "ImageSearch": _fields([], **_SOURCES, box=BOX, objects=OBJECTS, why=WHY, text=TEXT_OPTION, **OPTIONS),
    "ImageUpload": _fields(
        [], file=_SIDES, **_SOURCES, box=BOX_TEXT, objects=OBJECTS, why=WHY, text=TEXT_OPTION, **OPTIONS
    ),
    "TextSearch": _fields([], q=TEXT_OPTION, **OPTIONS),
    "RecognizeUpload": _fields(
        ["file"], file=_PHOTO_FILE, box=BOX_TEXT,
        k={**_WHOLE, "minimum": 1, "maximum": MOST_LABELS, "default": 5},
        within=_text("JSON list of labels; no others are answered."),
        attributes={**_FLAG, "default": False, "description": "Also suggest facts, a title and a price range."},
        category=_text(
            "Category to suggest for; by default the one that is recognised. Only with `attributes`.",
            maxLength=LABEL_LIMIT,
        ),
    ),
    "Guess": _object(["label", "score"], label=_text(), score=_UNIT),
    "Recognition": _object(
        ["labels", "voters", "neighbours", "abstained", "broader", "took_ms"],
        labels={"type": "array", "items": _object(
            ["label", "score", "probability", "voters"],
            label=_text(),
            score={**_NUMBER, "minimum": 0, "description": "Weighted confidence of the voters, before calibration."},
            probability={**_UNIT, "description": "Calibrated chance that this is the right label."},
            voters={**_TEXTS, "description": "The voters that have this label among their five best."},
        )},
        voters=_object(
            ["softmax", "knn", "svm"],
            **{name: {"type": "array", "items": ref("Guess")} for name in ("softmax", "knn", "svm")},
        ),
        neighbours={"type": "array", "description": "The nearest training photos.", "items": _object(
            ["image_id", "label", "distance", "image_url"],
            image_id=_text(), label=_text(), distance=_NUMBER, image_url=_text(),
        )},
        abstained={**_FLAG, "description": "True if even the best label is too uncertain to rely on."},
        broader={
            "description": "What the photo surely shows though the exact label is in doubt, such as `Shoes` of "
            "`Shoes > Boots`; null: nothing, or it is not in doubt.",
            "oneOf": [_object(["label", "probability"], label=_text(), probability=_UNIT), {"type": "null"}],
        },
        category=_text("Only with `attributes`: the category that was suggested for; empty: none."),
        attributes={"type": "array", "description": "Only with `attributes`: facts, guessed.",
                    "items": ref("AttributeGuess")},
        title={"description": "Only with `attributes`; null: nothing to make one of.",
               "oneOf": [ref("TitleGuess"), {"type": "null"}]},
        price={"description": "Only with `attributes`; null: fewer than 5 similar products have a price.",
               "oneOf": [ref("PriceGuess"), {"type": "null"}]},
        took_ms=_NUMBER,
    ),
    "AttributeGuess": _object(
        ["name", "value", "probability", "abstained", "others"],
        name=_text("`brand`, `colour` or `attr.NAME`, as in a filter."),
        value={"type": ["string", "number", "boolean"]},
        probability={**_UNIT, "description": "Calibrated chance that the value is right."},
        abstained={**_FLAG, "description": "True if the value is too uncertain to rely on."},
        others={"type": "array", "maxItems": MOST_OTHERS, "items": {"type": ["string", "number", "boolean"]},
                "description": "The values that come next, the likelier first; none where the nearest products voted."},
    ),
    "TitleGuess": _object(
        ["text", "titles"], text=_text(),
        titles={**_WHOLE, "description": "Products whose titles share its words; 0: it is the category's name."},
    ),
    "PriceGuess": _object(
        ["low", "high", "currency", "n"],
        low={**_NUMBER, "description": "First quartile of what similar products cost."},
        high={**_NUMBER, "description": "Third quartile."}, currency=_text(),
        n={**_WHOLE, "description": "How many products they are of."},
    ),
    "Recommend": _fields([], **_RECOMMEND),
    "RecommendUpload": _fields([], file=_PHOTO_FILE, **_RECOMMEND),
    "Image": _object(["image_id", "image_url"], image_id=_text(), image_url=_text()),
    "Product": _object(
        ["product_id", *_FACTS, "colours", "images"],
        product_id=_text(), **_FACTS, colours=_TEXTS, images={"type": "array", "items": ref("Image")},
    ),
    "ProductFacts": {
        **_object([], **_FACTS),
        "description": "Values are also read as people write them: numbers as texts, prices with a currency, InStock.",
    },
    "BatchLine": _object(
        ["product_id"],
        product_id=_text(maxLength=ID_LIMIT), **_FACTS,
        images={"type": "array", "items": _text(), "maxItems": MOST_IMAGES,
                "description": "Files under the server's image roots."},
        delete={**_FLAG, "description": "Delete the product; nothing else is needed then."},
        purge={**_FLAG, "description": "With `delete`: erase its facts and photos at once."},
    ),
    "ProductUpload": _fields(
        ["product"],
        product=ref("ProductFacts"),
        image={"type": "array", "items": _text(format="binary"), "maxItems": MOST_IMAGES,
               "description": "Photos; without any, the product keeps those it has."},
    ),
    "BatchStatus": _object(
        ["line", "product_id", "status"],
        line={"type": "integer", "minimum": 1},
        product_id={"type": ["string", "null"]},
        status={"enum": ["created", "updated", "unchanged", "deleted", "error"]},
        code=_text(), detail=_text(),
    ),
    "Event": _fields(
        ["kind"],
        event_id=_text("Events with the same id count once; without ids, those with equal content.",
                       maxLength=TEXT_LIMITS["event_id"]),
        kind={"enum": ["search", "click", "add_to_cart", "purchase"]},
        at=_text("ISO 8601; by default now. Send it, or an event_id, to make a retry safe."),
        query_id=_text("`query_id` of the search's answer.", maxLength=TEXT_LIMITS["query_id"]),
        query_text=_text("Words of the search, if it was answered elsewhere.", maxLength=TEXT_LIMITS["query_text"]),
        photo_sha256=_text(pattern="^[0-9a-f]{64}$"),
        product_id=_text("The product clicked, put into the cart or bought.", maxLength=TEXT_LIMITS["product_id"]),
        position={**_PLACE, "description": "Place of the product in the answer, from 0."},
        shown={"type": "array", "maxItems": SHOWN_LIMIT,
               "items": {"oneOf": [_text(maxLength=TEXT_LIMITS["product_id"]), ref("ShownProduct")]},
               "description": "Products of a search answered elsewhere, in the order shown."},
        session=_text(maxLength=TEXT_LIMITS["session"]),
    ),
    "ShownProduct": _fields(["product_id"], product_id=_text(maxLength=TEXT_LIMITS["product_id"]), position=_PLACE),
    "EventsAnswer": _object(
        ["accepted", "duplicates", "unknown_products", "refused"],
        accepted={**_WHOLE, "description": "New events; they are durable."},
        duplicates={**_WHOLE, "description": "Events known already; nothing changed."},
        unknown_products={**_WHOLE, "description": "Events on products that were never in the catalogue; also stored."},
        refused={"type": "array", "items": _object(["index", "code", "message"], index=_WHOLE, code=_text(),
                                                   message=_text())},
    ),
    "PageClick": _fields(
        ["session", "query_id", "product_id"],
        session=_text("A random text that lasts as long as the tab.", minLength=1, maxLength=TEXT_LIMITS["session"]),
        query_id=_text("`query_id` of the search's answer.", minLength=1, maxLength=TEXT_LIMITS["query_id"]),
        product_id=_text("The product.", minLength=1, maxLength=TEXT_LIMITS["product_id"]),
    ),
    "PageClickAnswer": _object(["accepted"], accepted={"enum": [0, 1]}),
    "Status": _object(
        ["generation", "ready", "waiting", "sample"],
        generation={"type": ["string", "null"]}, ready=_FLAG,
        waiting={**_WHOLE, "description": "Number of requests that wait for the engine."},
        fingerprint=_text(), backbone=_text(), runtime=_text(), precision=_text(), text_encoder=_text(), index=_text(),
        counts={"type": "object", "additionalProperties": _WHOLE},
        rows=_WHOLE, dim=_WHOLE, delta_rows=_WHOLE, masked_rows=_WHOLE, seq=_WHOLE, pending=_WHOLE,
        changes_waiting={**_WHOLE, "description": "Changed products that Milvus has not confirmed yet."},
        changes_problem=_text("Why changes cannot be written into Milvus; empty if there is no problem."),
        fallback=_text("Why a fallback backbone is in use; empty if none is."),
        problem=_text("Why a newer generation cannot be used; empty if there is no problem."),
        release={"type": ["string", "null"], "description": "Of a searcher: the release that it serves."},
        sample={**_FLAG, "description": "True if the catalogue is the synthetic sample."},
    ),
    "Health": _object(["status"], status=_text()),
    "Problem": _object(
        ["type", "title", "status", "code", "detail"],
        type=_text(), title=_text(), status={"type": "integer"}, code=_text("Stable name of the error."),
        detail=_text("What is required, what was received, what to do."),
        position={**_WHOLE, "description": "Character of the filter at which parsing failed, counted from 0."},
        field=_text("The field or part that is wrong."),
    ),
}  # fmt: skip
