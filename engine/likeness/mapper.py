"""`LikenessMapper`: tells which parts of the photo searched by and of a hit's photo make them alike."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from data.catalogue import Catalogue
from data.errors import InvalidImage
from data.photos import Intake, thumbnail_path
from data.settings import Settings
from engine.answers import Finder, Hit, SearchRequest, WhyMap
from engine.errors import NoFeatureMap
from engine.likeness.parts import part_of
from engine.live import LiveView
from engine.photos import DecodedPhoto
from engine.protocols import BackboneSpec, Decoding, Floats, LookingBackbone

MOST_MAPS = 5  # hits of an answer that are given one: the hits' photos must be decoded for it
_SENT = ""  # stands for the photo that was sent, where catalogue photos are named by their sha256


@dataclass(frozen=True)
class _Seen:
    """A photo, and what each place of it adds to its point, float32 (g, g, d)."""

    photo: DecodedPhoto
    added: Floats

    @property
    def point(self) -> Floats:
        mean: Floats = self.added.mean(axis=(0, 1))
        return mean


class LikenessMapper:
    """Explains hits by parts of photos. Safe to use from several threads.

    The score of a hit is the inner product of two points, and each point is the mean of what the places of its photo
    add to it (`Projection.of_places`). So each place of one photo has a share in the score: its inner product with the
    other photo's point. The network reads each photo once.

    Args:
        finder: times what is done.
        intake: reads the originals of the catalogue's photos.
        decoding: context that is held while a photo is decoded.
    """

    def __init__(
        self, settings: Settings, catalogue: Catalogue, finder: Finder, intake: Intake, decoding: Decoding
    ) -> None:
        self._settings, self._catalogue, self._finder = settings, catalogue, finder
        self._intake, self._decoding = intake, decoding

    def explained(self, view: LiveView, request: SearchRequest, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Returns the hits, the first five with the parts that make their photos like the request's.

        Raises:
            NoFeatureMap: the backbone cannot tell.
        """
        first = [
            replace(hit, why_map=found)
            for hit, found in zip(hits[:MOST_MAPS], self.maps(view, request, hits[:MOST_MAPS]), strict=True)
        ]
        return (*first, *hits[MOST_MAPS:])

    def maps(self, view: LiveView, request: SearchRequest, hits: Sequence[Hit]) -> list[WhyMap | None]:
        """Returns for each hit which parts of its photo and of the request's photo make them alike.

        Args:
            request: has one photo, or a product; of a product's photos, the one most like the hit's is compared.

        Returns:
            None for a hit whose photo can no longer be read, and where nothing makes the two alike.

        Raises:
            NoFeatureMap: the backbone cannot tell. InvalidImage: the request's photo cannot be decoded.
        """
        spec, backbone = view.generation.spec, view.generation.backbone()
        if not isinstance(backbone, LookingBackbone):
            raise NoFeatureMap(
                f"the backbone {spec.name} cannot say which part of a photo counts. Leave why out.", field="why"
            )
        asked = [_SENT] * len(hits) if request.image is not None else self._nearest(view, request, hits)
        photos = self._catalogue_photos({*asked, *(hit.image_id for hit in hits)} - {_SENT, None}, spec)
        if request.image is not None:
            photos[_SENT] = self._sent_photo(request.image, request, spec)
        if not photos:
            return [None] * len(hits)
        inputs = np.stack([photo.network_input for photo in photos.values()])
        maps = self._finder.timed("map", lambda: backbone.last_map(inputs))
        seen = {
            name: _Seen(photo, _added(view, name, places))
            for (name, photo), places in zip(photos.items(), maps, strict=True)
        }
        return [_why(seen, one, hit.image_id or "") for one, hit in zip(asked, hits, strict=True)]

    def _nearest(self, view: LiveView, request: SearchRequest, hits: Sequence[Hit]) -> list[str]:
        """Returns for each hit the sha256 of the photo of the request's product that is most like the hit's."""
        own, others = (
            view.rows_of_any(self._catalogue.keys_of(ids))
            for ids in ([request.product_id], [hit.product_id for hit in hits])
        )
        names, vectors = view.image_sha256(own).astype(str).tolist(), view.vectors(own)
        points = dict(zip(view.image_sha256(others).astype(str).tolist(), view.vectors(others), strict=True))
        found = [points.get(hit.image_id or "") for hit in hits]
        return [_SENT if point is None or not names else names[int((vectors @ point).argmax())] for point in found]

    def _sent_photo(self, image: bytes, request: SearchRequest, spec: BackboneSpec) -> DecodedPhoto:
        decode = partial(DecodedPhoto.decode, image, spec, self._settings, box=request.box)
        with self._decoding():
            return self._finder.timed("decode", decode)

    def _catalogue_photos(self, names: set[str | None], spec: BackboneSpec) -> dict[str, DecodedPhoto]:
        """Returns the catalogue's photos of these sha256 that can be read, from their thumbnails if need be."""
        photos = {}
        for name in sorted(filter(None, names)):
            with self._decoding():
                photo = self._finder.timed("decode", partial(self._of_catalogue, name, spec))
            if photo is not None:
                photos[name] = photo
        return photos

    def _of_catalogue(self, sha256: str, spec: BackboneSpec) -> DecodedPhoto | None:
        with suppress(InvalidImage):
            return DecodedPhoto.decode(self._intake.original(sha256), spec, self._settings)
        with suppress(InvalidImage, OSError):
            return DecodedPhoto.decode(thumbnail_path(self._settings.home, sha256).read_bytes(), spec, self._settings)
        return None


def _added(view: LiveView, name: str, places: Floats) -> Floats:
    """Returns what each place adds to its photo's point, float32 (g, g, d)."""
    rows = places.reshape(-1, places.shape[2])
    generation = view.generation
    added = generation.places_of_photo(rows) if name == _SENT else generation.projection.of_places(rows)
    return added.reshape(*places.shape[:2], -1)


def _why(seen: Mapping[str, _Seen], one: str, other: str) -> WhyMap | None:
    if one not in seen or other not in seen:
        return None
    query = part_of(seen[one].photo, seen[one].added @ seen[other].point, one or None)
    hit = part_of(seen[other].photo, seen[other].added @ seen[one].point, other)
    return WhyMap(query=query, hit=hit) if query is not None and hit is not None else None
