"""The JSON values of the HTTP contract, as JSON Schema (OpenAPI 3.1 components)."""

from typing import Any

Schema = dict[str, Any]


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": _text()}
_PRICE: Schema = {"type": ["number", "null"], "minimum": 0}
_UNIT: Schema = {"type": "number", "minimum": 0, "maximum": 1}

_FACTS: dict[str, Schema] = {
    "title": _text(),
    "description": _text(),
    "brand": _text(),
    "category": _text(),
    "price": _PRICE,
    "currency": _text("ISO 4217 code."),
    "colour": _text(),
    "created_at": {"type": ["string", "null"], "description": "ISO 8601."},
    "in_stock": _FLAG,
    "attributes": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
}

OPTIONS: dict[str, Schema] = {
    "not_text": _text("Words for what is not wanted.", maxLength=2000),
    "text_weight": {**_UNIT, "default": 0.5, "description": "Weight of the words against the photo."},
    "filter": _text('For example `brand = "Acorn" AND price < 40`.', maxLength=2000),
    "k": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 10, "description": "Hits wanted."},
    "cursor": _text("`next_cursor` of the page before; alone or with the same question."),
    "diversity": {**_UNIT, "default": 0, "description": "0: best first; towards 1: fewer hits that look the same."},
    "freshness": {**_UNIT, "description": "How much new products gain; without it 0.2 for words alone, else 0."},
}
RELATED_K: Schema = {"type": "integer", "minimum": 1, "maximum": 100, "default": 10, "description": "Queries wanted."}
TEXT_OPTION: Schema = _text("Words to search for.", maxLength=2000)
EVENTS: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Event"}, "maxItems": 1000}
BOX: Schema = {
    "type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4,
    "description": "[x0,y0,x1,y1]: the part of the photo that counts, in pixels of the photo as shown.",
}  # fmt: skip

SCHEMAS: dict[str, Schema] = {
    "Hit": _object(
        ["product_id", "score", "match_probability", "image_id", "image_url", "title", "brand", "price", "currency",
         "category", "colours", "fresh", "why"],
        product_id=_text(),
        score={**_NUMBER, "description": "Inner product in the product space; comparable within one query."},
        match_probability={
            "type": ["number", "null"], "minimum": 0, "maximum": 1,
            "description": "Calibrated chance that this is what was asked for; null until it was calibrated.",
        },
        image_id=_text("sha256 of the photo that matched best."),
        image_url=_text("Path of its thumbnail."),
        title=_text(), brand=_text(), price=_PRICE, currency=_text(), category=_text(), colours=_TEXTS,
        fresh={**_FLAG, "description": "Offered only lately."},
        why={**_TEXTS, "description": "Short reasons, for people."},
    ),
    "SearchAnswer": _object(
        ["query_id", "generation", "pending", "took_ms", "hits", "next_cursor", "no_match"],
        query_id=_text("Names this query in events."),
        generation=_text("The generation that answered."),
        pending={**_WHOLE, "description": "Products in the catalogue that are not searchable yet."},
        took_ms=_NUMBER,
        hits={"type": "array", "items": ref("Hit")},
        next_cursor={"type": ["string", "null"], "description": "Send it back for the next page."},
        no_match={**_FLAG, "description": "True where nothing is likely to be what was asked for."},
    ),
    "RelatedQueries": _object(["queries"], queries={"type": "array", "items": _object(
        ["text", "score", "searches"],
        text=_text(), score={**_NUMBER, "description": "Cosine between the two queries in the product space."},
        searches={**_WHOLE, "description": "How often shoppers searched it; 0: the name of a product or category."},
    )}),
    "ImageSearch": _object(
        [], product_id=_text("Search by this product."), image_url=_text("Only where fetching is turned on."),
        box=BOX, text=TEXT_OPTION, **OPTIONS,
    ),
    "ImageUpload": _object(
        [], file=_text("JPEG, PNG or WebP, at most 10 MB.", format="binary"), box=BOX, text=TEXT_OPTION, **OPTIONS
    ),
    "TextSearch": _object([], q=TEXT_OPTION, **OPTIONS),
    "RecognizeUpload": _object(
        ["file"], file=_text("JPEG, PNG or WebP, at most 10 MB.", format="binary"), box=BOX,
        k={**_WHOLE, "minimum": 1, "maximum": 100, "default": 5},
        within=_text("JSON list of the only labels that may be named."),
    ),
    "Guess": _object(["label", "score"], label=_text(), score=_UNIT),
    "Recognition": _object(
        ["labels", "voters", "neighbours", "abstained", "took_ms"],
        labels={"type": "array", "items": _object(
            ["label", "score", "probability", "voters"],
            label=_text(), score={**_UNIT, "description": "Weighted confidence of the voters, before calibration."},
            probability={**_UNIT, "description": "Calibrated chance that this is the right label."},
            voters={**_TEXTS, "description": "The voters that name it among their five best."},
        )},
        voters=_object(
            ["softmax", "knn", "svm"],
            **{name: {"type": "array", "items": ref("Guess")} for name in ("softmax", "knn", "svm")},
        ),
        neighbours={"type": "array", "description": "The nearest training photos.", "items": _object(
            ["image_id", "label", "distance", "image_url"],
            image_id=_text(), label=_text(), distance=_NUMBER, image_url=_text(),
        )},
        abstained={**_FLAG, "description": "True where even the best label is too uncertain to rely on."},
        took_ms=_NUMBER,
    ),
    "Recommend": _object(
        [], label=_text("The kind wanted, as /v1/recognize names it."), product_id=_text("Look like this product."),
        colour=_text("Preferred colour, in English or Korean; without it, that of the product or the photo."),
        filter=_text("What else must hold."), k={**_WHOLE, "minimum": 1, "maximum": 1000, "default": 10},
    ),
    "Image": _object(["image_id", "image_url"], image_id=_text(), image_url=_text()),
    "Product": _object(
        ["product_id", *_FACTS, "colours", "images"],
        product_id=_text(), **_FACTS, colours=_TEXTS, images={"type": "array", "items": ref("Image")},
    ),
    "ProductFacts": _object([], **_FACTS),
    "ProductUpload": _object(
        ["product"],
        product=ref("ProductFacts"),
        image={"type": "array", "items": _text(format="binary"), "maxItems": 10,
               "description": "Photos; none keeps those it has."},
    ),
    "BatchStatus": _object(
        ["line", "product_id", "status"],
        line={"type": "integer", "minimum": 1},
        product_id={"type": ["string", "null"]},
        status={"enum": ["created", "updated", "unchanged", "deleted", "error"]},
        code=_text(), detail=_text(),
    ),
    "Event": _object(
        ["kind"],
        event_id=_text("The same id again is the same event; without one equal content is.", maxLength=200),
        kind={"enum": ["search", "click", "add_to_cart", "purchase"]},
        at=_text("ISO 8601; without it, now. Give it, or an event_id, to make a retry safe."),
        query_id=_text("Of the search answer.", maxLength=200),
        query_text=_text("Where the search was answered elsewhere.", maxLength=2000),
        photo_sha256=_text(pattern="^[0-9a-f]{64}$"),
        product_id=_text("Clicked, put into the cart or bought.", maxLength=200),
        position={**_WHOLE, "description": "Its place in the answer, from 0."},
        shown={"type": "array", "maxItems": 1000, "items": {"oneOf": [_text(), ref("ShownProduct")]},
               "description": "Products of a search answered elsewhere, in the order shown."},
        session=_text(maxLength=200),
    ),
    "ShownProduct": _object(["product_id"], product_id=_text(maxLength=200), position=_WHOLE),
    "EventsAnswer": _object(
        ["accepted", "duplicates", "unknown_products", "refused"],
        accepted={**_WHOLE, "description": "New, and durable."},
        duplicates={**_WHOLE, "description": "Known already; nothing changed."},
        unknown_products={**_WHOLE, "description": "Name a product that the catalogue never had; kept and marked."},
        refused={"type": "array", "items": _object(["index", "code", "message"], index=_WHOLE, code=_text(),
                                                   message=_text())},
    ),
    "Status": _object(
        ["generation", "ready", "waiting", "sample"],
        generation={"type": ["string", "null"]}, ready=_FLAG,
        waiting={**_WHOLE, "description": "Requests that wait for the engine."},
        fingerprint=_text(), backbone=_text(), runtime=_text(), precision=_text(), text_encoder=_text(), index=_text(),
        counts={"type": "object", "additionalProperties": _WHOLE},
        rows=_WHOLE, dim=_WHOLE, delta_rows=_WHOLE, masked_rows=_WHOLE, seq=_WHOLE, pending=_WHOLE,
        fallback=_text("Why another backbone than the wanted one is in use; empty: it is not."),
        problem=_text("What keeps a newer generation from being used; empty: nothing."),
        sample={**_FLAG, "description": "True where the catalogue is the synthetic sample."},
    ),
    "Health": _object(["status"], status=_text()),
    "Problem": _object(
        ["type", "title", "status", "code", "detail"],
        type=_text(), title=_text(), status={"type": "integer"}, code=_text("Stable name of the kind."),
        detail=_text("What is required, what came, what to do."),
        position={**_WHOLE, "description": "Where a filter stops making sense, counted from 0."},
        field=_text("The field or part that is wrong."),
    ),
}  # fmt: skip
