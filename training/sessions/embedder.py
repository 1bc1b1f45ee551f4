"""`lookalike train query-embedder`: trains the space, compares it with the untrained one, and publishes it."""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue, Snapshot
from data.errors import NoGeneration
from data.features import FeatureStore
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.generation import ROWS_FILE, RowTable, write_generation_files
from engine.index import INDEX_FILES
from engine.protocols import BackboneSpec
from engine.space import PROJECTION_FILE, Projection
from training import embedder, space
from training.context import TrainingContext
from training.embedder import EmbedderOptions
from training.errors import NotEnoughData, TrainingError
from training.parts import COMBINER, KNOWN_QUERIES, LEARNED_QUERIES, MATCH, QUERY_EMBEDDER, SPACE, Part
from training.sessions.candidate import publish_candidate

# Points of one product space mean nothing in another, so these are trained anew for the new one, in this order.
_OF_THE_SPACE = (COMBINER, LEARNED_QUERIES, KNOWN_QUERIES, MATCH)
_FILES = tuple(name for part in (SPACE, QUERY_EMBEDDER, *_OF_THE_SPACE) for name in part.files)


@dataclass(frozen=True, kw_only=True)
class EmbedderSession:
    """One training of the query embedder.

    Attributes:
        live: the generation whose photos it learns from.
        folder: where the trained files are written; the caller deletes it.
    """

    context: TrainingContext
    live: GenerationFolder
    options: EmbedderOptions
    folder: Path

    @classmethod
    def open(cls, settings: Settings, given: dict[str, Any]) -> "EmbedderSession":
        """Returns a session; options that are not in `given` are taken from the live generation.

        Raises:
            TrainingError: nothing is live; the first rebuild embeds the photos.
        """
        try:
            live = GenerationStore(settings.home).open()
        except NoGeneration as error:
            raise TrainingError("the photos must have been embedded. Run `lookalike rebuild` first.") from error
        spec = BackboneSpec.from_json(live.manifest.backbone)
        rows = RowTable.load(live.path(ROWS_FILE))
        context = TrainingContext(
            settings=settings,
            catalogue=Catalogue(settings.home),
            snapshot=Snapshot(
                seq=live.manifest.seq,
                product_keys=rows.product_keys,
                image_keys=rows.image_keys,
                image_sha256=[name.decode() for name in rows.image_sha256.tolist()],
            ),
            features=FeatureStore(settings.home, spec.fingerprint, spec.dim),
            spec=spec,
            live=live,
        )
        options = replace(embedder.live_options(context), **given)
        folder = Path(tempfile.mkdtemp(prefix="query-embedder-"))
        return cls(context=context, live=live, options=options, folder=folder)

    def train(self) -> dict[str, Any]:
        """Trains the part; returns the metrics of `training.embedder.part.train`.

        Raises:
            NotEnoughData: the catalogue is too small, or asks for plain features.
        """
        taught = self.context.drawn()
        space.train(taught, self.folder)
        metrics = embedder.train(taught, self.folder, self.options)
        if "skipped" in metrics:
            raise NotEnoughData(f"the query embedder cannot be trained: {metrics['skipped']}.")
        return metrics

    def baseline(self) -> dict[str, Any]:
        """Trains with the margin loss on the same pairs; returns the metrics."""
        with tempfile.TemporaryDirectory() as folder:
            taught = self.context.drawn()
            space.train(taught, Path(folder))
            return embedder.train(taught, Path(folder), replace(self.options, loss="margin"))

    def publish(self, metrics: dict[str, Any]) -> str:
        """Makes the trained space live; returns the new generation's id.

        Raises:
            TrainingError: the trained space was worse than the untrained one, or another generation went live.
            LockHeld: a rebuild runs.
        """
        if not metrics["published"]:
            raise TrainingError(f"the trained space is not published: {metrics['reason']}.")
        more = {part.name: self._train(part) for part in _OF_THE_SPACE}
        replaced = (*_FILES, *INDEX_FILES, ROWS_FILE)
        return publish_candidate(
            self.context.settings, self.live, QUERY_EMBEDDER, metrics, self._write, replaced=replaced, more=more
        )

    def close(self) -> None:
        """Deletes the trained files; a published generation has copies of them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _train(self, part: Part) -> dict[str, Any]:
        """Trains a part that builds on the new space; returns its metrics, or why it has too little to learn from."""
        try:
            return part.train(self.context.drawn(), self.folder)
        except NotEnoughData as error:
            return {"skipped": str(error)}

    def _write(self, folder: Path) -> None:
        for name in _FILES:
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)
        trained = Projection.load(folder / PROJECTION_FILE)
        if trained.space_dim != self.live.manifest.dim:
            raise TrainingError(
                f"the trained space must have the live one's {self.live.manifest.dim} dimensions; got "
                f"{trained.space_dim}. Run `lookalike rebuild`, which trains it as well."
            )
        snapshot = self.context.snapshot
        vectors = self.context.points(trained, snapshot.image_sha256)
        write_generation_files(
            folder, trained, vectors, snapshot.product_keys, snapshot.image_keys, snapshot.image_sha256,
            self.context.settings, self.context.catalogue,
        )  # fmt: skip


def table(metrics: dict[str, Any], baseline: dict[str, Any] | None) -> str:
    """Returns the held-out figures as aligned columns: plain pool_3 features, untrained, margin loss, trained."""
    columns = {"plain": metrics["plain"], "untrained": metrics["untrained"]}
    if baseline is not None:
        columns["margin loss"] = baseline["trained"]
    columns["trained"] = metrics["trained"]
    names = [name for name in metrics["untrained"] if not name.endswith("queries")]
    lines = [f"{'held out':14}{'queries':>9}" + "".join(f"{column:>13}" for column in columns)]
    for name in names:
        count = metrics["untrained"][f"{name.rsplit('_', 1)[0]}_queries"]
        lines.append(f"{name:14}{count:>9}" + "".join(_cell(found, name) for found in columns.values()))
    return "\n".join(lines)


def _cell(found: dict[str, float], name: str) -> str:
    return f"{found[name]:>13.4f}" if name in found else f"{'-':>13}"
