"""Writes a generation's files, and loads a generation, verified before it is parsed."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.catalogue import Catalogue
from data.generations import GenerationFolder, id_of_staged
from data.settings import Settings
from engine.errors import FingerprintMismatch, InvalidModel
from engine.generation.generation import Generation
from engine.generation.models import Models
from engine.generation.rows import ROWS_FILE, RowTable
from engine.index import Photos, Questions, build_catalogue_index, build_in_milvus, collection_of, load_index
from engine.protocols import Backbone, BackboneSpec, Floats, VectorIndex
from engine.space import (
    PROJECTION_FILE,
    Projection,
)
from engine.text import (
    HEAD_FILE,
    EncoderTextTower,
    TextHead,
    encoder_of_head,
    typed_texts,
)


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
