"""Uses the client that openapi-python-client makes from /openapi.json: puts a product, finds it, reports a click.

Usage: python generated_client.py URL KEY PHOTO
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from lookalike_client import AuthenticatedClient
from lookalike_client.api.events import post_events
from lookalike_client.api.products import delete_product, put_product
from lookalike_client.api.recognition import recognize
from lookalike_client.api.search import search_image, search_text, search_text_post, similar
from lookalike_client.models import (
    Event,
    EventKind,
    ImageUpload,
    Problem,
    ProductFacts,
    ProductUpload,
    RecognizeUpload,
    TextSearch,
)
from lookalike_client.types import File


def main(url: str, key: str, photo: Path) -> None:
    client = AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True, timeout=60)

    def part() -> File:
        return File(payload=BytesIO(photo.read_bytes()), file_name=photo.name, mime_type="image/jpeg")

    facts = ProductFacts(title="Red disc", price=9.5, currency="EUR")
    put = good(put_product.sync("new-1", client=client, body=ProductUpload(product=facts, image=[part()])))
    print("put:", put.title)
    found = good(search_image.sync(client=client, body=ImageUpload(file=[part()], box="[0,0,40,40]", k=3)))
    whole = good(search_image.sync(client=client, body=ImageUpload(file=[part()])))
    print("by photo:", [hit.product_id for hit in whole.hits])
    by_words = good(search_text.sync(client=client, q="red disc", k=2))
    print("by words:", [hit.product_id for hit in by_words.hits])
    cheap = good(search_text_post.sync(client=client, body=TextSearch(q="red disc", filter_="price < 40")))
    print("below 40:", [hit.product_id for hit in cheap.hits])
    print("similar:", [hit.product_id for hit in good(similar.sync("new-1", client=client, k=2)).hits])
    named = recognize.sync(client=client, body=RecognizeUpload(file=part()))
    print("recognised:", [one.label for one in named.labels] if not isinstance(named, Problem) and named else named)
    click = Event(kind=EventKind.CLICK, query_id=found.query_id, product_id="new-1", position=0)
    print("clicks taken:", good(post_events.sync(client=client, body=click)).accepted)
    delete_product.sync_detailed("new-1", client=client)
    gone = similar.sync("new-1", client=client)
    print("deleted:", (gone.status, gone.code) if isinstance(gone, Problem) else gone)


def good(answer: Any) -> Any:
    """Returns an answer that is no problem."""
    if answer is None or isinstance(answer, Problem):
        raise SystemExit(f"the server refused: {answer}")
    return answer


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
