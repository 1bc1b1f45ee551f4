"""Routes that put, patch, get and delete products, one at a time or many at once."""

import json
from contextlib import nullcontext

from flask import Blueprint, Response, request

from api.batch import BODY_LIMIT, MOST_IMAGES, run_batch
from api.documents import json_answer, product_document
from api.errors import BadRequest
from api.requests import form_texts, from_json, from_texts, limit_body, query_texts, read_body, read_parts, require_type
from api.resources import resources
from data.catalogue import Product, parse_product

blueprint = Blueprint("products", __name__)
PRODUCT_BYTES = 256_000  # the part `product`


@blueprint.put("/v1/products/<id:product_id>")
def put_product(product_id: str) -> Response:
    """Creates or replaces a product; without `image` parts it keeps the photos that it has.

    With the header `If-None-Match: *` (RFC 9110) it is only created.
    """
    held = resources()
    limit_body(MOST_IMAGES * held.settings.max_image_bytes, form_bytes=PRODUCT_BYTES, parts=MOST_IMAGES + 1)
    require_type("multipart/form-data")
    product = _product(product_id)
    with held.puts.slot() if request.files.getlist("image") else nullcontext():
        contents = read_parts("image", held.settings.max_image_bytes, MOST_IMAGES, beside=("product",))
        only_new = request.headers.get("If-None-Match", "").strip() == "*"
        written = held.writer.put(product, contents, only_new=only_new)
    return json_answer(product_document(written.facts), 201 if written.outcome == "created" else 200)


@blueprint.patch("/v1/products/<id:product_id>")
def patch_product(product_id: str) -> Response:
    """Replaces the named facts of a product."""
    limit_body(0, form_bytes=PRODUCT_BYTES)
    require_type("application/json", "application/merge-patch+json")
    changes = from_json(read_body(), keep_null=True)  # null clears a fact
    return json_answer(product_document(resources().writer.patch(product_id, changes)))


@blueprint.get("/v1/products/<id:product_id>")
def get_product(product_id: str) -> Response:
    return json_answer(product_document(resources().catalogue.get(product_id)))


@blueprint.delete("/v1/products/<id:product_id>")
def delete_product(product_id: str) -> Response:
    """Deletes a product; with `purge=true` its facts and photos are erased at once."""
    fields = from_texts(query_texts())
    if unknown := sorted(set(fields) - {"purge"}):
        raise BadRequest(f"the only parameter is purge; got {unknown[0]!r:.100}.", field=unknown[0][:100])
    purge = fields.get("purge", "false")
    if purge not in ("true", "false"):
        raise BadRequest(f"purge must be true or false; got {purge!r:.100}.", field="purge")
    resources().writer.delete(product_id, purge=purge == "true")
    return Response(status=204)


@blueprint.post("/v1/products:batch")
def batch() -> Response:
    """Applies the changes in an NDJSON body and answers one status per line, in order."""
    request.max_content_length = BODY_LIMIT
    require_type("application/x-ndjson", "application/jsonl", "application/json")
    held = resources()
    statuses = run_batch(request.stream, held.settings, held.writer)
    if request.stream.tell() >= BODY_LIMIT:  # a chunked body, cut off there
        detail = f"a batch must have at most {BODY_LIMIT} bytes; the rest was not read."
        statuses.append({"line": len(statuses) + 1, "product_id": None, "status": "error", "code": "too_large",
                         "detail": detail})  # fmt: skip
    body = "".join(json.dumps(status, ensure_ascii=False) + "\n" for status in statuses)
    return Response(body, content_type="application/x-ndjson")


def _product(product_id: str) -> Product:
    """Returns the facts in the part `product`, which may be a plain field or a file part."""
    texts = form_texts()
    if unknown := sorted(set(texts) - {"product"}):
        raise BadRequest(f"plain parts must be named product; got {unknown[0][:100]!r}.", field=unknown[0][:100])
    part = request.files.get("product")
    body = part.stream.read(PRODUCT_BYTES + 1) if part else texts.get("product", "").encode()
    if not body or len(body) > PRODUCT_BYTES:
        raise BadRequest(
            f"part `product` must be a JSON object of at most {PRODUCT_BYTES} bytes; got {len(body)}.", field="product"
        )
    fields = from_json(body)
    if fields.setdefault("product_id", product_id) != product_id:
        raise BadRequest(
            f"product_id must be the one of the URL, {product_id!r}; got {fields['product_id']!r:.100}.",
            field="product_id",
        )
    product = parse_product(fields)
    if product.product_id != product_id:
        raise BadRequest("product_id must have no control characters and no space at its ends.", field="product_id")
    return product
