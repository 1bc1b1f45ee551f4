"""`Generation`: everything a query needs, immutable."""

from functools import cached_property, partial

import numpy as np

from data.generations import GenerationFolder
from engine.detectors import Detector
from engine.errors import FingerprintMismatch, InvalidModel
from engine.generation.models import Models
from engine.generation.rows import RowTable
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
from engine.protocols import Backbone, BackboneSpec, Floats, TextTower, VectorIndex
from engine.recognition import ATTRIBUTES_FILE, VOTERS_FILE, load_attribute_voters, load_recogniser
from engine.space import (
    ADAPTER_FILE,
    CALIBRATION_FILE,
    COMBINER_FILE,
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
    TextHead,
    encoder_title,
)


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

    def detector(self, name: str) -> Detector:
        """Returns the shop's own detector of this name; loads it the first time.

        Raises:
            InvalidModel: there is none, or it is damaged.
        """
        return self._models.detector(name)

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
