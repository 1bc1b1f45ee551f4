"""A fake at the seam between HTTP and the engine: it finds products by their title and remembers what it was asked."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from data.catalogue import Catalogue, PhotoRecord, ProductFacts
from data.errors import NoGeneration
from data.photos import decode_within_borders, dominant_colours
from data.settings import Settings
from engine.answers import Explanation, Reason, check_k, check_request, check_words
from engine.known_queries import RelatedQuery
from engine.recognition import Recognition
from engine.recognition.recogniser import LabelGuess, Neighbour, RecognisedLabel
from engine.search import MOST_LABELS, MOST_RELATED, Hit, SearchAnswer, SearchEngine, SearchRequest
from engine.suggesting import AttributeGuess, PriceGuess, Suggestions, TitleGuess


class FakeEngine(SearchEngine):
    """Answers the calls of the HTTP layer without models.

    Attributes:
        requests: the searches asked, in order.
        embedded: sha256 of the photos given to `embed_new`, in order.
        kept: the names given to `keep_photos`.
        on_keep: called before photos are kept.
        on_search: called inside every search; a test may block or raise there.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.requests: list[SearchRequest] = []
        self.embedded: list[str] = []
        self.kept: set[str] = set()
        self.on_keep: Callable[[], None] = lambda: None
        self.on_search: Callable[[], None] = lambda: None
        self.generation: str | None = "20261121T000000Z-fake"

    def warm(self) -> None:
        if self.generation is None:
            raise NoGeneration("a generation must be live; none is.")

    def search(self, request: SearchRequest) -> SearchAnswer:
        passing = check_request(request)
        self.requests.append(request)
        self.on_search()
        self.warm()
        if request.product_id:
            self._catalogue.get(request.product_id)
        found = [facts for facts in self._catalogue.iter_facts() if request.text.lower() in facts.product.title.lower()]
        if passing is not None:
            keys = set(self._catalogue.matching_keys(passing).tolist())
            found = [facts for facts in found if facts.product_key in keys]
        start = int(request.cursor or 0)
        page = found[start : start + request.k]
        more = len(found) > start + request.k
        return SearchAnswer(
            query_id="q1", generation=self.generation or "", pending=0, took_ms=1.25, hits=tuple(map(_hit, page)),
            next_cursor=str(start + request.k) if more else None, no_match=False,
            objects=() if request.objects else None,
        )  # fmt: skip

    def explain(self, query_id: str, product_id: str) -> Explanation | None:
        reasons = (Reason("words", ("mug",)), Reason("photo", ("2", "1")))
        return Explanation(_hit(self._catalogue.get(product_id)), reasons) if query_id == "q1" else None

    def likely(self, query_id: str, least: float) -> int | None:
        return None

    def related_queries(self, text: str, *, k: int = 10) -> tuple[RelatedQuery, ...]:
        check_words("q", text)
        check_k(k, MOST_RELATED)
        self.warm()
        return tuple(RelatedQuery(f"{text} {at}", 1 - at / 100, at) for at in range(min(k, 3)))

    def colours_of(self, image: bytes) -> tuple[str, ...]:
        return dominant_colours(decode_within_borders(image, Settings(), target=256))

    def recognise(
        self,
        image: bytes,
        *,
        k: int = 5,
        within: Sequence[str] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> Recognition:
        check_request(SearchRequest(image=image, box=box))
        check_k(k, MOST_LABELS)
        self.warm()
        labels = [label for label in ("mug", "bowl", "shoe") if not within or label in within][:k]
        guesses = tuple(LabelGuess(label=label, score=0.5) for label in labels)
        return Recognition(
            labels=tuple(RecognisedLabel(label=label, score=0.5, probability=0.5, voters=("svm",)) for label in labels),
            voters={"softmax": guesses, "knn": guesses, "svm": guesses},
            neighbours=(Neighbour(image_id="0" * 64, label="mug", distance=0.25),),
            abstained=False,
        )

    def suggest(
        self,
        image: bytes,
        *,
        k: int = 5,
        within: Sequence[str] = (),
        box: tuple[float, float, float, float] | None = None,
        category: str = "",
    ) -> Suggestions:
        seen = self.recognise(image, k=k, within=within, box=box)
        return Suggestions(
            **vars(seen),
            category=category or "mug",
            attributes=(
                AttributeGuess(name="colour", value="red", probability=0.9, abstained=False),
                AttributeGuess(name="attr.handmade", value=True, probability=0.8, abstained=False),
                AttributeGuess(name="attr.size", value="L", probability=0.4, abstained=True, others=("M", "S")),
            ),
            title=TitleGuess(text="Red mug", titles=4),
            price=PriceGuess(low=8000, high=12000, currency="KRW", n=9),
        )

    def keep_photos(self, names: Collection[str]) -> None:
        self.on_keep()
        self.kept |= set(names)

    def embed_new(self, photos: Sequence[PhotoRecord]) -> None:
        self.embedded += [photo.sha256 for photo in photos]

    def status(self) -> dict[str, Any]:
        return {
            "generation": self.generation, "backbone": "tiny", "precision": "f32", "runtime": "keras",
            "fallback": "", "counts": self._catalogue.counts(), "pending": 0,
        }  # fmt: skip


def _hit(facts: ProductFacts) -> Hit:
    product = facts.product
    image = facts.image_sha256[0] if facts.image_sha256 else ""
    return Hit(
        product_id=product.product_id, score=0.5, match_probability=None, image_id=image,
        image_url=f"/thumbs/{image}.webp", title=product.title, brand=product.brand, price=product.price,
        currency=product.currency, category=product.category, url=product.url,
        colours=facts.colours, fresh=False, why=(),
    )  # fmt: skip
