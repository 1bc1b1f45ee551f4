"""Writes and loads a generation: everything a query needs, immutable, verified before it is parsed."""

import copy
import io
import threading
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.columns import within
from data.generations import GenerationFolder, id_of_staged
from data.settings import Settings
from data.storage import write_bytes
from engine.arrays import read_npz
from engine.errors import FingerprintMismatch, InvalidModel
from engine.index import Photos, Questions, build_catalogue_index, build_in_milvus, collection_of, load_index
from engine.known_queries import (
    LEARNED_FILE,
    RELATED_FILE,
    RIVALS_FILE,
    SENSES_FILE,
    LearnedQueries,
    LearnedTextTower,
    RelatedQueries,
    Rivals,
    Senses,
)
from engine.match import MATCH_FILE, MatchModel, WordMap
from engine.protocols import Backbone, BackboneSpec, Floats, Mask, TextTower, VectorIndex
from engine.recognition import ATTRIBUTES_FILE, VOTERS_FILE, load_attribute_voters, load_recogniser
from engine.space import (
    ADAPTER_FILE,
    CALIBRATION_FILE,
    COMBINER_FILE,
    PROJECTION_FILE,
    Combiner,
    MatchCalibration,
    Projection,
    QueryAdapter,
    duplicate_bound,
    space_digest,
)
from engine.text import (
    HEAD_FILE,
    EncoderTextTower,
    RecentRows,
    TextEncoder,
    TextHead,
    encoder_of_head,
    encoder_title,
    typed_texts,
)

ROWS_FILE = "rows.npz"


class Models:
    """Backbones and text encoders, loaded at first use and shared by all generations that need the same ones.

    Args:
        backbone: returned for its own fingerprint, instead of loading one.
        encoder: returned for its own name, instead of loading one.
    """

    def __init__(
        self, settings: Settings, backbone: Backbone | None = None, encoder: TextEncoder | None = None
    ) -> None:
        self._settings = settings
        self._backbone_lock, self._encoder_lock = threading.Lock(), threading.Lock()  # both may load at the same time
        self._backbones = {backbone.spec.fingerprint: backbone} if backbone else {}
        self._encoders = {encoder.digest: encoder} if encoder else {}

    def at(self, settings: Settings) -> "Models":
        """Returns models that are loaded from another home; what either has loaded, both have."""
        other = copy.copy(self)
        other._settings = settings
        return other

    def backbone(self, spec: BackboneSpec) -> Backbone:
        with self._backbone_lock:
            if spec.fingerprint not in self._backbones:
                from engine.backbones import load_backbone

                self._backbones[spec.fingerprint] = load_backbone(self._settings, spec, latency=True)
            return self._backbones[spec.fingerprint]

    def encoder(self, head: TextHead) -> TextEncoder:
        with self._encoder_lock:
            if head.encoder_digest not in self._encoders:
                self._encoders[head.encoder_digest] = encoder_of_head(head, self._settings.home)
            return self._encoders[head.encoder_digest]

    def keep_only(self, fingerprint: str, encoder_digest: str) -> None:
        """Drops every model except the backbone with this fingerprint and the text encoder with this digest."""
        with self._backbone_lock, self._encoder_lock:
            for key in self._backbones.keys() - {fingerprint}:
                del self._backbones[key]
            for key in self._encoders.keys() - {encoder_digest}:
                del self._encoders[key]


@dataclass(frozen=True, kw_only=True)
class RowTable:
    """The product and the image of each index row.

    Attributes:
        product_keys: int64 (n,), ascending.
        image_keys: int64 (n,).
        image_sha256: bytes (n,), ASCII hex; memory-mapped where it was loaded, since it is long and rarely read.
    """

    product_keys: NDArray[np.int64]
    image_keys: NDArray[np.int64]
    image_sha256: NDArray[np.bytes_]

    def __post_init__(self) -> None:
        lengths = {self.product_keys.size, self.image_keys.size, self.image_sha256.size}
        flat = {self.product_keys.ndim, self.image_keys.ndim, self.image_sha256.ndim} == {1}
        if not flat or len(lengths) != 1 or (np.diff(self.product_keys) < 0).any():
            raise InvalidModel("the row table must have columns of one length, by ascending product. Rebuild.")

    @cached_property
    def products(self) -> Mask:
        """Which products have a row, bool, by product_key."""
        found = np.zeros(int(self.product_keys.max(initial=0)) + 1, np.bool_)
        found[self.product_keys] = True
        return found

    @cached_property
    def product_count(self) -> int:
        return int(np.count_nonzero(self.products))

    def has(self, product_keys: NDArray[np.int64]) -> Mask:
        """Returns which of the products have a row, bool (p,)."""
        return within(self.products, product_keys)

    def rows_of_any(self, product_keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows of the given products, int64 (r,), without looking at all rows."""
        keys = np.unique(product_keys)
        firsts, ends = np.searchsorted(self.product_keys, keys), np.searchsorted(self.product_keys, keys, side="right")
        counts = ends - firsts
        rows: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        return rows

    def save(self, folder: Path) -> None:
        content = io.BytesIO()
        np.savez(content, product_keys=self.product_keys, image_keys=self.image_keys, image_sha256=self.image_sha256)
        write_bytes(folder / ROWS_FILE, content.getvalue())

    @classmethod
    def load(cls, path: Path) -> "RowTable":
        columns = read_npz(path, mapped=True)
        try:
            return cls(
                product_keys=columns["product_keys"].astype(np.int64, casting="safe"),
                image_keys=columns["image_keys"].astype(np.int64, casting="safe"),
                image_sha256=columns["image_sha256"].astype(np.bytes_, casting="safe", copy=False),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidModel(f"{path.name} must be a row table; got {error}. Rebuild.") from error


class Generation:
    """A published generation, ready to search.

    Attributes:
        id: the generation's name.
        seq: the catalogue state it was built from.
        spec: the backbone that its features came from.
        adapter: the query adapter, applied to query photos after the projection, or None.
        calibration: turns scores into match probabilities, or None where that was not measured.
        match: the match models, or None where they were not fitted; `calibration` then judges alone.
        recogniser: the voters and their vote, or None where none were trained.
        attributes: the attribute voters, or None where none were trained.
        combiner: joins photos and words, or None where the weighted mean is as good.
        related, senses: related queries and queries with several senses, or None.
    """

    def __init__(
        self, folder: GenerationFolder, projection: Projection, index: VectorIndex, rows: RowTable, models: Models
    ) -> None:
        self.id = folder.id
        self.seq = folder.manifest.seq
        self.spec = BackboneSpec.from_json(folder.manifest.backbone)
        self.projection, self.index, self.rows = projection, index, rows
        self._models = models
        self._backbone: Backbone | None = None
        self._tower: TextTower | None = None
        self._head = TextHead.load(folder.path(HEAD_FILE)) if folder.has(HEAD_FILE) else None
        calibrated = folder.has(CALIBRATION_FILE)
        self.calibration = MatchCalibration.load(folder.path(CALIBRATION_FILE)) if calibrated else None
        adapted = folder.has(ADAPTER_FILE)
        self.adapter = QueryAdapter.load(folder.path(ADAPTER_FILE)) if adapted else None
        if self.adapter is not None and self.adapter.space_dim != projection.space_dim:
            raise InvalidModel(
                f"the query adapter must fit the space's {projection.space_dim} dimensions; got "
                f"{self.adapter.space_dim}. Rebuild."
            )
        # The space may have been trained alone since; points of the old space mean nothing in the new one.
        space = space_digest(projection)
        found = LearnedQueries.load(folder.path(LEARNED_FILE)) if folder.has(LEARNED_FILE) else None
        self._learned = found if found is not None and found.space == space else None
        known = RelatedQueries.load(folder.path(RELATED_FILE)) if folder.has(RELATED_FILE) else None
        self.related = known if known is not None and known.space == space else None
        several = Senses.load(folder.path(SENSES_FILE)) if folder.has(SENSES_FILE) else None
        rivals = Rivals.load(folder.path(RIVALS_FILE)) if folder.has(RIVALS_FILE) else None
        self._rivals = rivals if rivals is not None and rivals.space == space else None
        self.senses = several if several is not None and several.space == space else None
        judged = MatchModel.load(folder.path(MATCH_FILE)) if folder.has(MATCH_FILE) else None
        self.match = judged if judged is not None and judged.space == space else None
        self._nearness: RecentRows | None = None
        if self._head is not None and self.match is not None:
            self._nearness = RecentRows(partial(_nearness, models, self._head, self.match.words))
        combined = Combiner.load(folder.path(COMBINER_FILE)) if folder.has(COMBINER_FILE) else None
        self.combiner = combined if combined is not None and combined.space == space else None
        voters = VOTERS_FILE
        self.recogniser = load_recogniser(folder.path(voters)) if folder.has(voters) else None
        if self.recogniser is not None:
            self.recogniser.check_fingerprint(self.spec.fingerprint)
        told = folder.has(ATTRIBUTES_FILE)
        self.attributes = load_attribute_voters(folder.path(ATTRIBUTES_FILE)) if told else None
        if self.attributes is not None:
            self.attributes.check_fingerprint(self.spec.fingerprint)

    @property
    def encoder_digest(self) -> str:
        return self._head.encoder_digest if self._head else ""

    @property
    def text_encoder(self) -> str:
        """What status and the page call the text encoder; empty if the shop's products had no texts."""
        return encoder_title(self._head.encoder_name) if self._head else ""

    def backbone(self) -> Backbone:
        """Returns the backbone that the manifest names; loads it the first time.

        Raises:
            BackboneUnavailable: its weights cannot be found or downloaded.
            FingerprintMismatch: the loaded backbone is another one.
        """
        if self._backbone is None:
            backbone = self._models.backbone(self.spec)
            if backbone.spec.fingerprint != self.spec.fingerprint:
                raise FingerprintMismatch(
                    f"generation {self.id} needs the backbone {self.spec.fingerprint[:12]}; got "
                    f"{backbone.spec.fingerprint[:12]}. Rebuild."
                )
            self._backbone = backbone
        return self._backbone

    def photo_points(self, features: Floats) -> Floats:
        """Returns the points of query photos, float32 (n, d), L2 norm 1; catalogue photos use `projection` alone.

        Args:
            features: pool_3 rows float32 (n, dim).
        """
        points = self.projection.apply(features)
        return points if self.adapter is None else self.adapter.apply(points)

    def places_of_photo(self, places: Floats) -> Floats:
        """Returns what each place of a query photo adds to its point, float32 (m, d); see `Projection.of_places`.

        Args:
            places: float32 (m, dim), whose mean is the photo's features.
        """
        added = self.projection.of_places(places)
        return added if self.adapter is None else self.adapter.of_places(added)

    def nearness(self, text: str) -> tuple[float, float] | None:
        """Returns the highest cosine of words to words of the shop, and to words for what it does not sell.

        None if the generation has no text tower or no match models. What recent words gave is remembered.
        """
        if self._nearness is None:
            return None
        shop, strangers = self._nearness.of([text.strip()])[0].tolist()
        return shop, strangers

    @cached_property
    def duplicate_bound(self) -> float:
        """The cosine at or above which two products are near-duplicates; see `engine.answers.diversity`."""
        return duplicate_bound(self.rows.product_keys, self.index.vectors)

    def rivals_of(self, text: str) -> Rivals | None:
        """Returns what `text` competes with; None: nothing, or shoppers' clicks have taught what these words mean."""
        return None if self._learned is not None and self._learned.of(text) is not None else self._rivals

    def text_tower(self) -> TextTower | None:
        """Returns the text tower, or None where the shop's products had no texts to learn from."""
        if self._tower is None and self._head is not None:
            tower = EncoderTextTower(self._models.encoder(self._head), self._head)
            self._tower = LearnedTextTower(tower, self._learned) if self._learned is not None else tower
        return self._tower


def _nearness(models: Models, head: TextHead, words: WordMap, texts: list[str]) -> Floats:
    """Returns the highest cosine of each text to words of the shop and to others, float32 (n, 2)."""
    return np.array([words.nearest(embedding) for embedding in models.encoder(head).embed(texts)], np.float32)


def write_generation_files(
    folder: Path,
    projection: Projection,
    vectors: Floats,
    product_keys: NDArray[np.int64],
    image_keys: NDArray[np.int64],
    image_sha256: list[str],
    settings: Settings,
    catalogue: Catalogue | None = None,
    before: GenerationFolder | None = None,
) -> VectorIndex:
    """Writes projection, index and row table into a staged generation; returns the index.

    Args:
        vectors: float32 (n, d), L2 norm 1, one row per image.
        product_keys, image_keys, image_sha256: (n,), the product and image of each row, by ascending product key.
        catalogue: where a large index finds words to be tuned to, and one in Milvus the facts that filters compare;
            None: a large index is tuned to photos alone.
        before: a verified generation of the same space; a large index uses again what its lists learned.

    Raises:
        InvalidModel: lengths differ or the rows are out of order.
        InvalidQuery: the vectors are not finite float32.
        IndexUnavailable: the index is to be in Milvus, which does not answer.
    """
    table = RowTable(
        product_keys=np.asarray(product_keys, np.int64),
        image_keys=np.asarray(image_keys, np.int64),
        image_sha256=np.array(image_sha256, dtype="S64"),
    )
    if len(vectors) != len(table.product_keys):
        raise InvalidModel(f"there must be one vector per image; got {len(vectors)} and {len(table.product_keys)}.")
    questions = partial(_text_points, folder, settings, catalogue, product_keys)
    if settings.index == "milvus":
        index: VectorIndex = _in_milvus(folder, vectors, table, settings, catalogue, questions)
    else:
        index = build_catalogue_index(vectors, settings, questions, before.folder if before is not None else None)
    projection.save(folder)
    index.save(folder)
    table.save(folder)
    return index


def _in_milvus(
    folder: Path,
    vectors: Floats,
    table: RowTable,
    settings: Settings,
    catalogue: Catalogue | None,
    questions: Questions,
) -> VectorIndex:
    if catalogue is None:
        raise InvalidModel("an index in Milvus needs the catalogue, whose facts its filters compare; got none.")
    photos = Photos(table.product_keys, table.image_sha256, catalogue.milvus_fields)
    return build_in_milvus(collection_of(id_of_staged(folder)), vectors, photos, settings, questions)


def _text_points(
    folder: Path, settings: Settings, catalogue: Catalogue | None, product_keys: NDArray[np.int64]
) -> dict[str, Floats]:
    """Returns the points of words as the staged generation's text tower sees them; {} where it has none."""
    if catalogue is None or not (folder / HEAD_FILE).exists():
        return {}
    head = TextHead.load(folder / HEAD_FILE)
    tower = EncoderTextTower(encoder_of_head(head, settings.home), head)
    return {"text": tower.embed(typed_texts(catalogue, product_keys))}


def load_generation(
    settings: Settings, folder: GenerationFolder, backbone: Backbone | None = None, *, models: Models | None = None
) -> Generation:
    """Loads a generation, after checking the sha256 of every file in it, including files that are not read here.

    Args:
        backbone: replaces the one the manifest names (its fingerprint must be equal).
        models: shares loaded models with other generations.

    Raises:
        CorruptGeneration: a file is not what the manifest says.
        InvalidModel: a file cannot be read, or the parts do not fit each other.
        FingerprintMismatch: `backbone` has another fingerprint than the manifest, or the manifest contradicts itself.
    """
    spec = BackboneSpec.from_json(folder.manifest.backbone)
    given = backbone.spec.fingerprint if backbone else spec.fingerprint
    if not spec.fingerprint == folder.manifest.fingerprint == given:
        raise FingerprintMismatch(
            f"generation {folder.id} has fingerprint {folder.manifest.fingerprint[:12]}; the backbone has "
            f"{given[:12]}. Rebuild, or search with the backbone it was built with."
        )
    folder.verify()
    space = Projection.load(folder.path(PROJECTION_FILE))
    index = load_index(folder.folder, settings)
    rows = RowTable.load(folder.path(ROWS_FILE))
    if (index.count, index.dim, spec.dim) != (len(rows.product_keys), space.space_dim, space.dim):
        raise InvalidModel(
            f"generation {folder.id} must have one row per vector and one width throughout; got {index.count} vectors "
            f"of {index.dim}, {len(rows.product_keys)} rows, projection {space.dim} -> {space.space_dim}. Rebuild."
        )
    return Generation(folder, space, index, rows, models or Models(settings, backbone))
