"""The seam between HTTP and the engine: the protocol that a test's fake engine follows too."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from data.catalogue import PhotoRecord
from engine.known_queries import RelatedQuery
from engine.recognition import Recognition
from engine.search import SearchAnswer, SearchRequest


class Engine(Protocol):
    """The methods of `engine.search.SearchEngine` that the HTTP layer calls."""

    def warm(self) -> None: ...
    def search(self, request: SearchRequest) -> SearchAnswer: ...
    def recognise(
        self,
        image: bytes,
        *,
        k: int = 5,
        within: Sequence[str] = (),
        box: tuple[float, float, float, float] | None = None,
    ) -> Recognition: ...
    def related_queries(self, text: str, *, k: int = 10) -> tuple[RelatedQuery, ...]: ...
    def embed_new(self, photos: Sequence[PhotoRecord]) -> None: ...
    def keep_photos(self, names: Collection[str]) -> None: ...
    def status(self) -> dict[str, Any]: ...
