"""Which files beside a shop's own a computer adds by itself, and what the report calls them."""

from pathlib import PurePath

_SYSTEM_FOLDERS = {"@eadir", "__macosx", "#recycle", "$recycle.bin", "system volume information", "lost+found"}
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"}


def skip_reason(path: PurePath) -> str:
    """Returns why a file is no part of a feed, by its path within it; empty if it is.

    >>> skip_reason(PurePath("Mugs/._a.jpg")), skip_reason(PurePath("@eaDir/a.jpg"))
    ('hidden', 'of the system')
    """
    *folders, name = (part.lower() for part in path.parts)
    if set(folders) & _SYSTEM_FOLDERS or name in _SYSTEM_FILES or name.endswith(":zone.identifier"):
        return "of the system"
    return "hidden" if any(part.startswith(".") for part in (*folders, name)) else ""
