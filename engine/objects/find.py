"""`ObjectFinder`: finds the things in a photo, and searches by each of them as if a box had been drawn around it."""

import hashlib
import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data.filters import Filter
from data.photos import Pixels
from data.settings import Settings
from engine.answers import MIN_BOX_SIDE, Finder, FoundObject, HitPages, Ranking, SearchRequest
from engine.backbones import decode_target, to_input, view_of
from engine.errors import NoFeatureMap
from engine.generation import Generation
from engine.live import LiveView
from engine.objects.proposals import best_apart, proposals
from engine.photos import DecodedPhoto, StoredPhotos
from engine.protocols import BackboneSpec, Decoding, Floats, LookingBackbone

MOST_HITS = 5  # of each thing; a search with its box finds more
_DEPTH = 50  # products ranked for each thing; options such as `sort` choose among them
_LEAST_PROBABILITY = 0.05  # a thing that is less likely in the shop is left out: see docs/objects.md
_SHARPER = 2  # how many times larger than for the whole photo it is decoded, so that a thing in it keeps its details


class ObjectFinder:
    """Finds things in photos. Safe to use from several threads.

    Args:
        finder: decodes, embeds and ranks, and times that.
        photos: remembers the features of the whole photo, so that the search by it need not compute them again.
        decoding: context that is held while a photo is decoded.
    """

    def __init__(
        self, settings: Settings, finder: Finder, hits: HitPages, photos: StoredPhotos, decoding: Decoding
    ) -> None:
        self._settings, self._finder, self._hits = settings, finder, hits
        self._photos, self._decoding = photos, decoding

    def look(self, view: LiveView, request: SearchRequest, query_id: str) -> Floats | None:
        """Returns how strongly the network responds at each place of its view of the request's photo, float32 (g, g).

        None where the shop's own detector says where things are.

        Args:
            query_id: of the search by the whole photo that follows.

        Raises:
            NoFeatureMap: the backbone cannot tell.
        """
        if self._settings.detector:
            return None
        spec, backbone = view.generation.spec, view.generation.backbone()
        if not isinstance(backbone, LookingBackbone):
            raise NoFeatureMap(
                f"the backbone {spec.name} cannot say where in a photo things are. Leave objects out, or give a box.",
                field="objects",
            )
        inputs = self._finder.read_photos(request, spec)
        seen = self._finder.timed("embed", lambda: backbone.look(inputs))
        sha256 = hashlib.sha256(request.photos[0]).hexdigest()
        self._photos.searched(query_id, sha256, seen.features[0], spec)
        strength: Floats = seen.strength[0]
        return strength

    def find(
        self, view: LiveView, request: SearchRequest, filter_: Filter | None, strength: Floats | None
    ) -> tuple[FoundObject, ...]:
        """Returns the things in the request's photo that may be in the shop, the one that is most surely found first.

        Args:
            filter_: the request's filters, parsed, as one.
            strength: what `look` returned.
        """
        spec = view.generation.spec
        large, boxes = self._boxes(view, request, strength)
        if not len(boxes):
            return ()
        crops = np.stack([_crop(large.pixels, box, spec) for box in boxes])
        rows = self._finder.embedded(crops, view.generation)
        asked = replace(request, objects=False, facets="", k=min(request.k, MOST_HITS))
        passing = None if filter_ is None else self._finder.matching(filter_)
        kept, rankings = list[int](), list[Ranking]()
        for place, row in enumerate(rows):
            question = self._finder.ask(view, asked, features=row)
            ranking = self._finder.rank(view, asked, question, filter_=filter_, passing=passing, depth=_DEPTH)
            if _may_be_sold(ranking, asked.k):
                kept.append(place)
                rankings.append(ranking)
        if not kept:
            return ()
        labels = self._finder.timed("recognise", lambda: _labels(view.generation, rows[kept]))
        found = []
        for box, label, ranking in zip(boxes[kept], labels, rankings, strict=True):
            hits, _ = self._hits.page(ranking, 0, asked.k, refilter=False)
            chance = max((hit.match_probability for hit in hits if hit.match_probability is not None), default=None)
            x0, y0, x1, y1 = large.in_photo(box).round().astype(int).tolist()
            found.append(FoundObject(box=(x0, y0, x1, y1), label=label, match_probability=chance, hits=hits))
        return tuple(sorted(found, key=_sureness, reverse=True))

    def _boxes(
        self, view: LiveView, request: SearchRequest, strength: Floats | None
    ) -> tuple[DecodedPhoto, NDArray[np.float64]]:
        """Returns the photo, and the boxes around the things in it, x0, y0, x1, y1 in its pixels, (n, 4)."""
        spec = view.generation.spec
        if strength is not None:
            large = self._decoded(request, spec, 0)
            return large, self._finder.timed("propose", lambda: boxes_of(strength, large))
        detector = view.generation.detector(self._settings.detector)
        large = self._decoded(request, spec, detector.own.image.input_size)
        boxes, scores = self._finder.timed("propose", lambda: detector.find(large.pixels))
        large_enough = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) * large.scale >= MIN_BOX_SIDE
        boxes, scores = boxes[large_enough], scores[large_enough]
        return large, boxes[best_apart(boxes, scores)]

    def _decoded(self, request: SearchRequest, spec: BackboneSpec, least: int) -> DecodedPhoto:
        """Decodes the photo so large that a thing in it keeps its details, and `least` pixels are left."""
        sharper = max(_SHARPER, math.ceil(least / decode_target(spec.input_size, spec.preprocessing)))
        decode = partial(DecodedPhoto.decode, request.photos[0], spec, self._settings, sharper=sharper)
        with self._decoding():
            return self._finder.timed("decode", decode)


def boxes_of(strength: Floats, large: DecodedPhoto) -> NDArray[np.float64]:
    """Returns the boxes around the things, x0, y0, x1, y1 in pixels of `large`, (n, 4)."""
    height, width = large.pixels.shape[:2]
    left, top, across, down = large.window
    side, size = len(strength), large.spec.input_size
    # A place is a power of two wide, since networks halve their input at each step: 17 places of 16 pixels reach beyond
    # an input of 260, and lie around the same middle.
    stretch: float = side * 2 ** round(math.log2(size / side)) / size
    middles = ((np.arange(side) + 0.5) / side - 0.5) * stretch + 0.5
    columns, rows = left + middles * across, top + middles * down
    in_photo = np.outer((rows > 0) & (rows < height), (columns > 0) & (columns < width))
    found = proposals(np.where(in_photo, strength, np.nan).astype(np.float32))
    boxes = ((found - 0.5) * stretch + 0.5) * [across, down, across, down] + [left, top, left, top]
    return np.clip(boxes, 0, [width, height, width, height])


def _crop(pixels: Pixels, box: NDArray[np.float64], spec: BackboneSpec) -> Pixels:
    """Returns a box as network input, as `photo_input` does."""
    left, top, right, bottom = view_of(spec.preprocessing).around(box.tolist())
    return to_input(pixels[top:bottom, left:right], spec.input_size, spec.preprocessing)


def _may_be_sold(ranking: Ranking, k: int) -> bool:
    """Tells whether one of the first k hits is likely enough, or nothing tells how likely they are."""
    chances = None if ranking.probabilities is None else ranking.probabilities[:k]
    return chances is None or not len(chances) or bool(chances.max() >= _LEAST_PROBABILITY)


def _labels(generation: Generation, rows: Floats) -> list[str | None]:
    """Returns what the voters surely see in features float32 (n, dim); None: nothing, or there are no voters."""
    return [None] * len(rows) if generation.recogniser is None else generation.recogniser.labels_of(rows)


def _sureness(found: FoundObject) -> tuple[float, float]:
    return found.match_probability or 0.0, max((hit.score for hit in found.hits), default=-1.0)
