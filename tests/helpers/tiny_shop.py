"""A tiny shop in which a test chooses the features of each photo; its storage is real, and no network is needed."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.catalogue import Catalogue, PhotoRecord, parse_product
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.generation import write_generation_files
from engine.match import MatchModel
from engine.protocols import BackboneSpec, Floats
from engine.search import SearchAnswer
from engine.space import Projection

DIM = 8


class PointBackbone:
    """Embeds a photo of one colour whose red value is 10 * i as the unit vector of axis i."""

    spec = BackboneSpec(
        name="points", dim=DIM, input_size=16, weights_digest="1" * 64, preprocessing="1", runtime="keras",
        precision="f32",
    )  # fmt: skip

    def embed(self, images: NDArray[np.uint8]) -> Floats:
        rows: Floats = np.eye(DIM, dtype=np.float32)[np.round(images[:, 8, 8, 0] / 10).astype(int)]
        return rows


class AxisTower:
    """Remembers what it embeds, and knows words that end in a digit as the unit vector of that axis; others as axis 0.

    Attributes:
        asked: the texts, in the order in which they came.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        return np.array([axis(int(text[-1]) if text[-1].isdigit() else 0) for text in texts], np.float32)


class TinyShop:
    """Writes products and publishes generations as import and rebuild do."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.backbone = settings, PointBackbone()
        self.catalogue = Catalogue(settings.home)
        self.features = FeatureStore(settings.home, self.backbone.spec.fingerprint, DIM)
        self.store = GenerationStore(settings.home)

    def put(self, product_id: str, points: Sequence[Sequence[float]], *, embedded: bool = True, **facts: Any) -> None:
        """Adds or changes a product with one photo per point."""
        rows = {name_of(point): np.array(point, np.float32) for point in points}
        if embedded and (missing := self.features.missing(list(rows))):
            self.features.append(missing, np.stack([rows[sha] for sha in missing]))
        photos = [PhotoRecord(sha256=sha, source=f"/{sha}", size_bytes=1, width=16, height=16) for sha in rows]
        self.catalogue.upsert(parse_product({"product_id": product_id, "title": product_id, **facts}), photos)

    def embed(self, point: Sequence[float]) -> None:
        """Stores the features of a photo that `put` left out."""
        self.features.append([name_of(point)], np.array([point], np.float32))

    def publish(self, match: MatchModel | None = None, **manifest: Any) -> GenerationFolder:
        """Publishes a generation of all embedded photos, in the plain space of unit vectors."""
        snapshot = self.catalogue.snapshot()
        missing = set(self.features.missing(snapshot.image_sha256))
        rows = [row for row, sha in enumerate(snapshot.image_sha256) if sha not in missing]
        shas = [snapshot.image_sha256[row] for row in rows]
        projection = Projection(transform="none", mean=np.zeros(DIM, np.float32), matrix=np.eye(DIM, dtype=np.float32))
        vectors = projection.apply(self.features.read(shas)) if shas else np.zeros((0, DIM), np.float32)
        staged = self.store.stage()
        write_generation_files(
            staged.folder,
            projection,
            vectors,
            snapshot.product_keys[rows],
            snapshot.image_keys[rows],
            shas,
            self.settings,
            self.catalogue,
        )
        if match is not None:
            match.save(staged.folder)
        fields: Mapping[str, Any] = {
            "fingerprint": self.backbone.spec.fingerprint, "dim": DIM, "metric": "inner_product",
            "counts": {"images": len(shas)}, "seq": snapshot.seq, "backbone": self.backbone.spec.to_json(),
            "versions": {}, "metrics": {}, "gates": [], **manifest,
        }  # fmt: skip
        return self.store.publish(staged, **fields)


def name_of(point: Sequence[float]) -> str:
    """Returns 64 hex digits that take the place of the sha256 of the photo of `point`."""
    return hashlib.sha256(np.array(point, np.float32).tobytes()).hexdigest()


def axis(number: int) -> list[float]:
    """Returns the unit vector of one axis."""
    return [1.0 if place == number else 0.0 for place in range(DIM)]


def blend(first: int, second: int, share: float) -> list[float]:
    """Returns a unit vector between two axes, `share` of the way in cosine."""
    point = [0.0] * DIM
    point[first], point[second] = share, (1 - share**2) ** 0.5
    return point


def ids(answer: SearchAnswer) -> list[str]:
    """Returns the product ids of the hits, in their order."""
    return [hit.product_id for hit in answer.hits]


def photo_of(number: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """Returns a PNG that `PointBackbone` embeds as the unit vector of axis `number`."""
    out = io.BytesIO()
    Image.new("RGB", size, (10 * number, 0, 0)).save(out, "PNG")
    return out.getvalue()
