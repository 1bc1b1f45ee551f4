"""The JSON values of the HTTP contract, as JSON Schema (OpenAPI 3.1 components)."""

from api.batch import MOST_IMAGES
from api.openapi.options import (
    BOX,
    BOX_TEXT,
    FACTS,
    OBJECTS,
    OPTIONS,
    PHOTO_FILE,
    RECOMMEND,
    SIDES,
    SOURCES,
    TEXT_OPTION,
    WHY,
)
from api.openapi.values import (
    FLAG,
    NUMBER,
    PLACE,
    PRICE,
    TEXT_OR_NULL,
    TEXTS,
    UNIT,
    WHOLE,
    Schema,
    fields_of,
    object_of,
    ref,
    text_of,
)
from api.requests import LABEL_LIMIT
from data.catalogue import ID_LIMIT
from data.columns import MOST_SHOWN
from data.events import SHOWN_LIMIT, TEXT_LIMITS
from engine.answers import DEPTH
from engine.likeness import MOST_PLACES
from engine.objects import MOST_HITS as MOST_OBJECT_HITS
from engine.objects import MOST_OBJECTS
from engine.recognition import MOST_OTHERS
from engine.search import MOST_LABELS

SCHEMAS: dict[str, Schema] = {
    "Hit": object_of(
        ["product_id", "score", "match_probability", "image_id", "image_url", "title", "brand", "price", "currency",
         "category", "url", "colours", "fresh", "why"],
        product_id=text_of(),
        score={**NUMBER, "description": "Inner product in the product space; comparable within one query."},
        match_probability={
            "type": ["number", "null"], "minimum": 0, "maximum": 1,
            "description": "Calibrated chance that this is what was asked for; null if it is not calibrated.",
        },
        image_id={**TEXT_OR_NULL, "description": "sha256 of the photo that matched best; null: it has no photo."},
        image_url={**TEXT_OR_NULL, "description": "Path of that photo's thumbnail."},
        title=text_of(), brand=text_of(), price=PRICE, currency=text_of(), category=text_of(),
        url=text_of("Address of the product's page in the shop; empty if the shop gave none."), colours=TEXTS,
        fresh={**FLAG, "description": "Created within the last `fresh_days` days (a setting; 90 by default)."},
        why={**TEXTS, "description": "Short reasons for this hit, for people to read."},
        why_map={
            **ref("WhyMap"),
            "description": "Only with `why=map`, and where a part of the photos speaks for the hit.",
        },
    ),
    "WhyMap": {
        **object_of(["query", "hit"], query=ref("PhotoPart"), hit=ref("PhotoPart")),
        "description": "Which parts of two photos make them alike: of the one searched by, and of the hit's.",
    },
    "PhotoPart": object_of(
        ["image_id", "width", "height", "box", "grid"],
        image_id={**TEXT_OR_NULL, "description": "sha256 of the catalogue's photo; null: the photo that was sent."},
        width={**WHOLE, "description": "Of the photo as shown, in pixels."}, height=WHOLE,
        box={
            "type": "array", "items": WHOLE, "minItems": 4, "maxItems": 4,
            "description": "[x0,y0,x1,y1] in these pixels, around the part that counts most.",
        },
        grid={
            "type": "array", "maxItems": MOST_PLACES,
            "items": {"type": "array", "items": UNIT, "maxItems": MOST_PLACES},
            "description": "Rows from the top that lie over the whole photo: how much each place counts; 1: most.",
        },
    ),
    "SearchAnswer": object_of(
        ["query_id", "generation", "pending", "took_ms", "photo_id", "hits", "next_cursor", "no_match", "did_you_mean",
         "understood", "total", "facets"],
        query_id=text_of("Id of this query, to be sent with events."),
        generation=text_of("The generation that answered."),
        pending={**WHOLE, "description": "Products in the catalogue that are not searchable yet."},
        took_ms=NUMBER,
        photo_id={
            **TEXT_OR_NULL,
            "description": "To search by the same photo without sending it; null: there was none, or it is not kept.",
        },
        hits={"type": "array", "items": ref("Hit")},
        next_cursor={"type": ["string", "null"], "description": "`cursor` of the next page; null on the last page."},
        no_match={**FLAG, "description": "True if probably no hit is right; then no probability reaches 0.5."},
        did_you_mean={
            **TEXT_OR_NULL,
            "description": "What was searched for: the words with typing errors mended, in words of the shop.",
        },
        understood={"type": "array", "items": ref("Constraint"), "description": "Conditions read in the words."},
        total={**WHOLE, "description": f"Products that match; at most {DEPTH:,} of them can be paged through."},
        facets={
            "type": "object", "additionalProperties": ref("Facet"),
            "description": "For each fact of `facets`: how many of the products that match have each value.",
        },
        objects={
            "type": "array", "items": ref("FoundObject"), "maxItems": MOST_OBJECTS,
            "description": "The things in the photo, the one most surely found first; only with `objects=true`.",
        },
    ),
    "FoundObject": object_of(
        ["box", "label", "match_probability", "hits"],
        box={
            "type": "array", "items": WHOLE, "minItems": 4, "maxItems": 4,
            "description": "[x0,y0,x1,y1] in pixels of the photo as shown; `box` of a search that finds more.",
        },
        label={**TEXT_OR_NULL, "description": "What the voters see; null: nothing for sure, or there are no voters."},
        match_probability={
            "type": ["number", "null"], "minimum": 0, "maximum": 1,
            "description": "The highest of its hits; null: there is none, or it is not calibrated.",
        },
        hits={"type": "array", "items": ref("Hit"), "maxItems": MOST_OBJECT_HITS},
    ),
    "Constraint": object_of(
        ["text", "as", "not_text", "sort", "relaxed"],
        text=text_of("The part of the words; without it in the words, the condition is gone."),
        **{"as": text_of("The condition as a filter; empty for a `sort`, and where no fact holds the words.")},
        not_text=text_of("Words that hits should not be about."),
        sort=text_of("The order that the words ask for, as `sort` takes it; empty: none. Less similar hits come last."),
        relaxed={**FLAG, "description": (
            "True if the condition left too little, so that it was dropped. With an empty `as`: words such as `1l` and "
            "`pretty` that no product has, which were left out."
        )},
    ),
    "Facet": object_of(
        ["values", "other_values", "ranges"],
        values={"type": "array", "maxItems": MOST_SHOWN, "description": "Most frequent first.", "items": object_of(
            ["value", "count"], value={"type": ["string", "number", "boolean"]}, count=WHOLE,
        )},
        other_values={**WHOLE, "description": "How many more values there are."},
        ranges={"type": "array", "description": "For numbers, instead of values.", "items": object_of(
            ["min", "max", "count"],
            min=NUMBER, max={**NUMBER, "description": "Not part of the range."}, count=WHOLE,
        )},
    ),
    "RelatedQueries": object_of(["queries"], queries={"type": "array", "items": object_of(
        ["text", "score", "searches"],
        text=text_of(), score={**NUMBER, "description": "Cosine between the two queries in the product space."},
        searches={**WHOLE, "description": "How often shoppers searched it; 0 for the name of a product or category."},
    )}),
    "Completions": object_of(["completions"], completions={"type": "array", "items": object_of(
        ["text", "kind"],
        text=text_of(), kind={"enum": ["query", "title", "brand", "category"]},
        product_id=text_of("The product, if exactly one has this title."),
    )}),
    "ImageSearch": fields_of([], **SOURCES, box=BOX, objects=OBJECTS, why=WHY, text=TEXT_OPTION, **OPTIONS),
    "ImageUpload": fields_of(
        [], file=SIDES, **SOURCES, box=BOX_TEXT, objects=OBJECTS, why=WHY, text=TEXT_OPTION, **OPTIONS
    ),
    "TextSearch": fields_of([], q=TEXT_OPTION, **OPTIONS),
    "RecognizeUpload": fields_of(
        ["file"], file=PHOTO_FILE, box=BOX_TEXT,
        k={**WHOLE, "minimum": 1, "maximum": MOST_LABELS, "default": 5},
        within=text_of("JSON list of labels; no others are answered."),
        attributes={**FLAG, "default": False, "description": "Also suggest facts, a title and a price range."},
        category=text_of(
            "Category to suggest for; by default the one that is recognised. Only with `attributes`.",
            maxLength=LABEL_LIMIT,
        ),
    ),
    "Guess": object_of(["label", "score"], label=text_of(), score=UNIT),
    "Recognition": object_of(
        ["labels", "voters", "neighbours", "abstained", "broader", "took_ms"],
        labels={"type": "array", "items": object_of(
            ["label", "score", "probability", "voters"],
            label=text_of(),
            score={**NUMBER, "minimum": 0, "description": "Weighted confidence of the voters, before calibration."},
            probability={**UNIT, "description": "Calibrated chance that this is the right label."},
            voters={**TEXTS, "description": "The voters that have this label among their five best."},
        )},
        voters=object_of(
            ["softmax", "knn", "svm"],
            **{name: {"type": "array", "items": ref("Guess")} for name in ("softmax", "knn", "svm")},
        ),
        neighbours={"type": "array", "description": "The nearest training photos.", "items": object_of(
            ["image_id", "label", "distance", "image_url"],
            image_id=text_of(), label=text_of(), distance=NUMBER, image_url=text_of(),
        )},
        abstained={**FLAG, "description": "True if even the best label is too uncertain to rely on."},
        broader={
            "description": "What the photo surely shows though the exact label is in doubt, such as `Shoes` of "
            "`Shoes > Boots`; null: nothing, or it is not in doubt.",
            "oneOf": [object_of(["label", "probability"], label=text_of(), probability=UNIT), {"type": "null"}],
        },
        category=text_of("Only with `attributes`: the category that was suggested for; empty: none."),
        attributes={"type": "array", "description": "Only with `attributes`: facts, guessed.",
                    "items": ref("AttributeGuess")},
        title={"description": "Only with `attributes`; null: nothing to make one of.",
               "oneOf": [ref("TitleGuess"), {"type": "null"}]},
        price={"description": "Only with `attributes`; null: fewer than 5 similar products have a price.",
               "oneOf": [ref("PriceGuess"), {"type": "null"}]},
        took_ms=NUMBER,
    ),
    "AttributeGuess": object_of(
        ["name", "value", "probability", "abstained", "others"],
        name=text_of("`brand`, `colour` or `attr.NAME`, as in a filter."),
        value={"type": ["string", "number", "boolean"]},
        probability={**UNIT, "description": "Calibrated chance that the value is right."},
        abstained={**FLAG, "description": "True if the value is too uncertain to rely on."},
        others={"type": "array", "maxItems": MOST_OTHERS, "items": {"type": ["string", "number", "boolean"]},
                "description": "The values that come next, the likelier first; none where the nearest products voted."},
    ),
    "TitleGuess": object_of(
        ["text", "titles"], text=text_of(),
        titles={**WHOLE, "description": "Products whose titles share its words; 0: it is the category's name."},
    ),
    "PriceGuess": object_of(
        ["low", "high", "currency", "n"],
        low={**NUMBER, "description": "First quartile of what similar products cost."},
        high={**NUMBER, "description": "Third quartile."}, currency=text_of(),
        n={**WHOLE, "description": "How many products they are of."},
    ),
    "Recommend": fields_of([], **RECOMMEND),
    "RecommendUpload": fields_of([], file=PHOTO_FILE, **RECOMMEND),
    "Image": object_of(["image_id", "image_url"], image_id=text_of(), image_url=text_of()),
    "Product": object_of(
        ["product_id", *FACTS, "colours", "images"],
        product_id=text_of(), **FACTS, colours=TEXTS, images={"type": "array", "items": ref("Image")},
    ),
    "ProductFacts": {
        **object_of([], **FACTS),
        "description": "Values are also read as people write them: numbers as texts, prices with a currency, InStock.",
    },
    "BatchLine": object_of(
        ["product_id"],
        product_id=text_of(maxLength=ID_LIMIT), **FACTS,
        images={"type": "array", "items": text_of(), "maxItems": MOST_IMAGES,
                "description": "Files under the server's image roots."},
        delete={**FLAG, "description": "Delete the product; nothing else is needed then."},
        purge={**FLAG, "description": "With `delete`: erase its facts and photos at once."},
    ),
    "ProductUpload": fields_of(
        ["product"],
        product=ref("ProductFacts"),
        image={"type": "array", "items": text_of(format="binary"), "maxItems": MOST_IMAGES,
               "description": "Photos; without any, the product keeps those it has."},
    ),
    "BatchStatus": object_of(
        ["line", "product_id", "status"],
        line={"type": "integer", "minimum": 1},
        product_id={"type": ["string", "null"]},
        status={"enum": ["created", "updated", "unchanged", "deleted", "error"]},
        code=text_of(), detail=text_of(),
    ),
    "Event": fields_of(
        ["kind"],
        event_id=text_of("Events with the same id count once; without ids, those with equal content.",
                       maxLength=TEXT_LIMITS["event_id"]),
        kind={"enum": ["search", "click", "add_to_cart", "purchase"]},
        at=text_of("ISO 8601; by default now. Send it, or an event_id, to make a retry safe."),
        query_id=text_of("`query_id` of the search's answer.", maxLength=TEXT_LIMITS["query_id"]),
        query_text=text_of("Words of the search, if it was answered elsewhere.", maxLength=TEXT_LIMITS["query_text"]),
        photo_sha256=text_of(pattern="^[0-9a-f]{64}$"),
        product_id=text_of("The product clicked, put into the cart or bought.", maxLength=TEXT_LIMITS["product_id"]),
        position={**PLACE, "description": "Place of the product in the answer, from 0."},
        shown={"type": "array", "maxItems": SHOWN_LIMIT,
               "items": {"oneOf": [text_of(maxLength=TEXT_LIMITS["product_id"]), ref("ShownProduct")]},
               "description": "Products of a search answered elsewhere, in the order shown."},
        session=text_of(maxLength=TEXT_LIMITS["session"]),
    ),
    "ShownProduct": fields_of(["product_id"], product_id=text_of(maxLength=TEXT_LIMITS["product_id"]), position=PLACE),
    "EventsAnswer": object_of(
        ["accepted", "duplicates", "unknown_products", "refused"],
        accepted={**WHOLE, "description": "New events; they are durable."},
        duplicates={**WHOLE, "description": "Events known already; nothing changed."},
        unknown_products={**WHOLE, "description": "Events on products that were never in the catalogue; also stored."},
        refused={"type": "array", "items": object_of(["index", "code", "message"], index=WHOLE, code=text_of(),
                                                   message=text_of())},
    ),
    "PageClick": fields_of(
        ["session", "query_id", "product_id"],
        session=text_of("A random text that lasts as long as the tab.", minLength=1, maxLength=TEXT_LIMITS["session"]),
        query_id=text_of("`query_id` of the search's answer.", minLength=1, maxLength=TEXT_LIMITS["query_id"]),
        product_id=text_of("The product.", minLength=1, maxLength=TEXT_LIMITS["product_id"]),
    ),
    "PageClickAnswer": object_of(["accepted"], accepted={"enum": [0, 1]}),
    "Status": object_of(
        ["generation", "ready", "waiting", "sample"],
        generation={"type": ["string", "null"]}, ready=FLAG,
        waiting={**WHOLE, "description": "Number of requests that wait for the engine."},
        fingerprint=text_of(), backbone=text_of(), runtime=text_of(), precision=text_of(), text_encoder=text_of(),
        index=text_of(),
        counts={"type": "object", "additionalProperties": WHOLE},
        rows=WHOLE, dim=WHOLE, delta_rows=WHOLE, masked_rows=WHOLE, seq=WHOLE, pending=WHOLE,
        changes_waiting={**WHOLE, "description": "Changed products that Milvus has not confirmed yet."},
        changes_problem=text_of("Why changes cannot be written into Milvus; empty if there is no problem."),
        detector=text_of("The shop's own network that finds things in photos; empty if the backbone does."),
        fallback=text_of("Why a fallback backbone is in use; empty if none is."),
        problem=text_of("Why a newer generation cannot be used; empty if there is no problem."),
        release={"type": ["string", "null"], "description": "Of a searcher: the release that it serves."},
        sample={**FLAG, "description": "True if the catalogue is the synthetic sample."},
    ),
    "Health": object_of(["status"], status=text_of()),
    "Problem": object_of(
        ["type", "title", "status", "code", "detail"],
        type=text_of(), title=text_of(), status={"type": "integer"}, code=text_of("Stable name of the error."),
        detail=text_of("What is required, what was received, what to do."),
        position={**WHOLE, "description": "Character of the filter at which parsing failed, counted from 0."},
        field=text_of("The field or part that is wrong."),
    ),
}  # fmt: skip
