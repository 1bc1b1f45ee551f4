"""`lookalike evaluate recognition`: measures the live voters on photos whose labels are known."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.errors import NoVoters
from engine.protocols import BackboneSpec
from engine.recognition import VOTERS_FILE, load_recogniser
from training.errors import NotEnoughData
from training.measures import MODELS, RECOGNITION_FILE, Measured, from_tables
from training.photos import BackboneLoader, PhotoReader, gather_known, label_photos, reader_of


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures of an evaluation, and what else its report needs.

    Attributes:
        models: one line of the comparison table for each model.
        facts: how the figures were measured, as plain JSON values.
        read: returns a photo's bytes by its sha256.
    """

    title: str
    measured: Measured
    models: list[dict[str, Any]]
    read: Callable[[str], bytes]
    settings: Settings
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns all figures as plain JSON values."""
        measured = self.measured
        return {
            "title": self.title,
            "figures": measured.figures(),
            "models": self.models,
            "by_label": [vars(figures) for figures in measured.by_label()],
            "confusion": measured.confusion().tolist(),
            "labels": list(measured.labels),
            "suspects": [
                {
                    "photo": measured.keys[row],
                    "label": measured.labels[measured.y[row]],
                    "looks_like": measured.labels[measured.best[-1, row, 0]],
                    "probability": round(float(measured.confidence[row]), 4),
                }
                for row in measured.suspects()
            ],
            "facts": self.facts,
        }


def evaluate(settings: Settings, photos: Path | None = None) -> Evaluation:
    """Returns the figures of the live voters.

    Args:
        photos: a folder per label or a CSV; None: the photos held out when the voters were trained.

    Raises:
        NoVoters: the live generation has none.
        NoGeneration: nothing has been published.
        NotEnoughData: no photo has a label that the voters know.
    """
    live = GenerationStore(settings.home).open()
    if not live.has(VOTERS_FILE) or not live.has(RECOGNITION_FILE):
        raise NoVoters("recognition must be trained; the live generation has no voters. Run `lookalike train voters`.")
    part = live.measured("voters")
    if photos is not None:
        return _on_photos(settings, live, photos, part)
    reader = PhotoReader(settings)
    return Evaluation(
        title="Recognition on photos held out in training",
        measured=Measured.load(live.path(RECOGNITION_FILE)),
        models=list(part.get("models", [])),
        facts={"generation": live.id, **{name: part.get(name) for name in ("split", "imbalance", "choices")}},
        read=reader.read,
        settings=settings,
    )


def _on_photos(settings: Settings, live: GenerationFolder, path: Path, part: dict[str, Any]) -> Evaluation:
    recogniser = load_recogniser(live.path(VOTERS_FILE), settings)
    spec = BackboneSpec.from_json(live.manifest.backbone)
    recogniser.check_fingerprint(spec.fingerprint)
    photos = label_photos(path, recogniser.labels)
    loader = BackboneLoader(settings=settings, spec=spec)
    photos, views = gather_known(settings, spec, photos, looks=recogniser.features.views, get_backbone=loader)
    if not len(photos):
        raise NotEnoughData(f"{path} must hold photos that can be read; got none.")
    started = time.perf_counter()
    tables = np.concatenate([recogniser.tables(views[:, at : at + 256]) for at in range(0, len(photos), 256)], axis=1)
    milliseconds = (time.perf_counter() - started) * 1000 / len(photos)
    measured = from_tables(recogniser, tables, photos.y, photos.keys)
    trained = {line["model"]: line for line in part.get("models", [])}
    models = [
        {
            **trained.get(name, {"model": name}),
            "labels": len(recogniser.labels),
            **{f"top{k}": round(measured.top(name, k), 4) for k in (1, 3, 5)},
        }
        for name in MODELS
    ]
    learned = {key.decode() for key in recogniser.photos}
    facts = {
        "generation": live.id,
        "photos": str(path),
        "excluded": [vars(item) for item in photos.excluded],
        "also_learned_from": sum(key in learned for key in photos.keys),
        "milliseconds_a_photo_beyond_embedding": round(milliseconds, 2),
    }
    return Evaluation(
        title=f"Recognition on {path.name}", measured=measured, models=models, facts=facts,
        read=reader_of(settings, photos).read, settings=settings,
    )  # fmt: skip
