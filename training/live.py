"""The generation that is live, for commands that train or measure beside it, and the backbone that they use."""

from data.errors import NoGeneration
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.protocols import BackboneSpec


def live_generation(settings: Settings) -> GenerationFolder | None:
    """Returns the generation that is live; None: nothing has been published."""
    try:
        return GenerationStore(settings.home).open()
    except NoGeneration:
        return None


def spec_beside(settings: Settings, live: GenerationFolder | None) -> BackboneSpec:
    """Returns the live generation's backbone, or the settings' if nothing is live.

    Raises:
        BackboneUnavailable: nothing is live and the settings' backbone cannot be had.
    """
    if live is not None:
        return BackboneSpec.from_json(live.manifest.backbone)
    from engine.backbones import resolve_spec

    return resolve_spec(settings)
