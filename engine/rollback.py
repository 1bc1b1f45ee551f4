"""Makes an earlier generation live, once all that it needs is known to be there."""

from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.errors import InvalidModel
from engine.index import agree, make_ready
from engine.releases import keep_released
from engine.text import lost_encoder


def roll_back(settings: Settings, generation: str | None = None) -> str:
    """Makes an earlier generation live and returns its id; see `GenerationStore.rollback`.

    Raises:
        InvalidModel: the encoder that was tuned for it is missing or damaged, or its collection in Milvus is; the live
            generation stays.
        IndexUnavailable: it is searched in Milvus, which does not answer; the live generation stays.
    """

    def check(folder: GenerationFolder) -> None:
        if lost := lost_encoder(settings.home, folder):
            raise InvalidModel(f"generation {folder.id} must have its text encoder; {lost}. Run `lookalike rebuild`.")
        make_ready(settings, folder.folder)

    live = GenerationStore(settings.home).rollback(generation, check=check)
    agree(settings)
    keep_released(settings)
    return live
