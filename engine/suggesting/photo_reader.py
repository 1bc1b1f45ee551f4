"""Reads a seller's or a shopper's photo: what it shows, and what a product with it may be filled in with."""

from collections.abc import Sequence

import numpy as np

from data.catalogue import Catalogue
from data.filters import parse_filter, quoted
from data.photos import decode_photo, decode_within_borders, dominant_colours
from data.settings import Settings
from engine.answers import Finder, SearchRequest
from engine.errors import NoVoters
from engine.generation import Generation
from engine.live import LiveView
from engine.protocols import Decoding, Floats
from engine.recognition import NAMES, Recognition
from engine.suggesting.neighbourhood import Neighbourhood, nearest
from engine.suggesting.suggestions import Suggestions, suggestions_of

_COLOUR_SIDE = 256
_NOTHING = Recognition(labels=(), voters=dict.fromkeys(NAMES, ()), neighbours=(), abstained=True)


class PhotoReader:
    """Recognises photos and suggests facts for them. Safe to use from several threads.

    Args:
        finder: decodes photos and times the stages.
        decoding: context that is held while a photo is decoded.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, finder: Finder, decoding: Decoding) -> None:
        self._settings, self._catalogue, self._finder, self._decoding = settings, catalogue, finder, decoding

    def recognise(self, generation: Generation, request: SearchRequest, k: int, within: Sequence[str]) -> Recognition:
        """Returns the vote on the request's photo.

        Raises:
            NoVoters: the generation has none; InvalidQuery: `within` names an unknown label.
        """
        recogniser = generation.recogniser
        if recogniser is None:
            raise NoVoters(
                "recognition needs voters; the live generation has none, for its catalogue had fewer than 2 categories "
                "with 2 photos each. Add products with photos and categories, then run `lookalike rebuild`."
            )
        rows = self._rows(generation, request)
        return self._finder.timed("recognise", lambda: recogniser.recognise(rows, k=k, within=within))

    def suggest(
        self, view: LiveView, request: SearchRequest, k: int, within: Sequence[str], category: str
    ) -> Suggestions:
        """Returns the vote on the request's photo, without labels if there are no voters, and what is suggested.

        Args:
            category: the category of the product; "": the one that is recognised, unless the vote abstains.
        """
        generation, recogniser = view.generation, view.generation.recogniser
        rows = self._rows(generation, request)
        colours = self._colours(request)
        seen = _NOTHING if recogniser is None else recogniser.recognise(rows, k=k, within=within)
        if not category and recogniser is not None and recogniser.label_kind == "category" and not seen.abstained:
            category = seen.labels[0].label
        point = generation.photo_points(rows[:1])[0]
        told = {} if generation.attributes is None else generation.attributes.guess(rows[0], colours)
        return self._finder.timed(
            "recognise", lambda: suggestions_of(seen, self._near(view, point, category), colours, told)
        )

    def _rows(self, generation: Generation, request: SearchRequest) -> Floats:
        """Returns the features of the photo and of the other views that the voters want, float32 (views, dim)."""
        names = generation.recogniser.features.views if generation.recogniser else ("photo",)
        stacked = np.concatenate([self._finder.read_photos(request, generation.spec, name) for name in names])
        return self._finder.timed("embed", lambda: generation.backbone().embed(stacked))

    def _colours(self, request: SearchRequest) -> tuple[str, ...]:
        """Returns the names of the colours in the photo, or in its box, the main one first."""
        content = request.image or b""
        with self._decoding():
            if request.box is None:
                return dominant_colours(decode_within_borders(content, self._settings, target=_COLOUR_SIDE))
            x0, y0, x1, y1 = (max(0, round(edge)) for edge in request.box)
            return dominant_colours(decode_photo(content, self._settings, crop=(x0, y0, x1, y1)).pixels)

    def _near(self, view: LiveView, point: Floats, category: str) -> Neighbourhood:
        filter_ = parse_filter(f"category = {quoted(category)}") if category else None
        of_it = self._finder.matching(filter_) if filter_ else None
        return nearest(view, self._catalogue, point, category, of_it, filter_)
