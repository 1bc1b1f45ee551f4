"""`lookalike train voters`: reads the labelled photos, trains the voters, reports on them and publishes them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.photos import decode
from data.settings import Settings
from engine.protocols import BackboneSpec
from training.errors import TrainingError
from training.live import live_generation, spec_beside
from training.parts import VOTERS
from training.photos import (
    BackboneLoader,
    LabelledPhotos,
    contact_sheet,
    from_catalogue,
    from_files,
    label_photos,
    reader_of,
)
from training.sessions.candidate import publish_candidate
from training.voters import Trained, VoterOptions, train_voters

_PREVIEWED_COPIES = 8


@dataclass(frozen=True, kw_only=True)
class VoterSession:
    """One training of the voters. `live` is None if nothing has been published."""

    settings: Settings
    photos: LabelledPhotos
    options: VoterOptions
    spec: BackboneSpec
    live: GenerationFolder | None
    test: LabelledPhotos | None = None

    @classmethod
    def open(cls, settings: Settings, data: Path | None, test: Path | None, given: dict[str, Any]) -> "VoterSession":
        """Returns a session; options that are not in `given` are taken from the live voters.

        Args:
            data: labelled photos, a folder per label or a CSV; None: the catalogue's photos.
            test: labelled photos to measure on; None: photos held out from `data`.

        Raises:
            NotEnoughData, InvalidFeed: there are too few photos, or `data` or `test` cannot be read.
            BackboneUnavailable: nothing is live and the settings' backbone cannot be had.
        """
        live = live_generation(settings)
        voters = live.measured("voters") if live else {}
        options = replace(VoterOptions.from_json(voters.get("options") or {}), **given)
        if data is not None:
            photos = from_files(data)
        else:
            catalogue = Catalogue(settings.home)
            photos = from_catalogue(catalogue, catalogue.snapshot(), options.label)
        measured_on = label_photos(test, photos.labels) if test is not None else None
        return cls(
            settings=settings,
            photos=photos,
            options=options,
            spec=spec_beside(settings, live),
            live=live,
            test=measured_on,
        )

    def preview(self, path: Path) -> None:
        """Writes a contact sheet of the first photo under every augmentation."""
        sha256 = self.photos.keys[0]
        content = reader_of(self.settings, self.photos).read(sha256)
        contact_sheet(decode(content, self.settings), sha256, _PREVIEWED_COPIES).save(path)

    def train(self) -> Trained:
        loader = BackboneLoader(settings=self.settings, spec=self.spec)
        return train_voters(self.settings, self.spec, self.photos, self.options, loader, self.test)

    def report(self, trained: Trained, path: Path) -> None:
        """Writes the HTML report of the figures on held-out photos."""
        from training.evaluation import Evaluation
        from training.reports import recognition

        reader = reader_of(self.settings, self.test or self.photos)
        facts = {name: trained.metrics[name] for name in ("split", "excluded", "imbalance", "choices", "training_s")}
        recognition.write_report(
            path,
            Evaluation(
                title="Voters, measured on photos held out",
                measured=trained.measured,
                models=trained.metrics["models"],
                facts=facts,
                read=reader.read,
                settings=self.settings,
            ),
        )

    def publish(self, trained: Trained) -> str:
        """Makes the voters live; returns the new generation's id.

        Raises:
            TrainingError: nothing is live, or another generation went live meanwhile.
            LockHeld: a rebuild runs.
        """
        if self.live is None:
            raise TrainingError(
                "--publish needs a live generation to add the voters to. Run `lookalike rebuild` first."
            )
        return publish_candidate(self.settings, self.live, VOTERS, trained.metrics, trained.save)
