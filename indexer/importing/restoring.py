"""Brings back the products that an import of a full feed deleted."""

from data.catalogue import Catalogue, Restored
from data.settings import Settings
from indexer.importing.report import counted

_SHOWN_IDS = 10


def restore(settings: Settings, run: int) -> Restored:
    """Brings back what the import with this number deleted; products that have come back meanwhile stay as they are.

    Raises:
        UnknownImport: no such import deleted anything, or its record is no longer kept.
    """
    return Catalogue(settings.home).restore(run)


def describe_restored(done: Restored) -> str:
    """Returns the result for people."""
    lines = [f"{counted(len(done.product_ids), 'product')} restored."]
    if done.left_alone:
        shown = ", ".join(done.left_alone[:_SHOWN_IDS]) + (", ..." if len(done.left_alone) > _SHOWN_IDS else "")
        lines.append(f"{len(done.left_alone):,} had come back meanwhile and stay as they are: {shown}.")
    if done.lost_photos:
        lines.append(f"{done.lost_photos:,} of their photos are gone; import the products again to have them.")
    return "\n".join(lines)
