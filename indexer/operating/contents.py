"""Lists every file of a home, and tells which of them Lookalike did not write."""

import re
from collections.abc import Iterator
from pathlib import Path

from data.catalogue import Catalogue
from data.database import FILE_NAME
from data.errors import LookalikeError
from data.settings import Settings
from indexer.operating.finding import OK, Finding

_SHA256 = "[0-9a-f]{64}"
# What a home holds; every check of files in doctor reads some of it. A backbone and a generation name their own files.
_KNOWN = re.compile(
    rf"""{re.escape(FILE_NAME)}(-wal|-shm|\.lock)? | CURRENT | (rebuild|release|photos|searcher)\.lock
    | last_rebuild\.json | rebuilds\.jsonl | lookalike\.toml | canaries\.jsonl | ray\.token
    | shards/{_SHA256}/[0-9a-f]{{32}}\.parquet
    | generations/\d{{8}}T\d{{9}}Z/.+ | generations/\.(staging|removed)-.+
    | features/[0-9A-Za-z_-]+/(lock | meta\.json | rows-\d+\.f16)
    | thumbs/[0-9a-f]{{2}}/{_SHA256}(-\d+)?\.webp | uploads/[0-9a-f]{{2}}/{_SHA256}
    | encoders/[0-9a-f]{{16}}/.+ | encoders/\.staged-.+
    | runtime/[0-9a-f]+/model\.(xml|bin|json) | runtime/\.export-.+
    | (backbones|detectors)/([^./][^/]*/[^/]+ | \.new-.+)
    | (training | sample | releases | \.release)/.+""",
    re.VERBOSE,
)
_UNFINISHED = re.compile(r"(.*/)?\.([0-9a-f]{16}\.part|thumb\..+)|shards/.+\.part")
_NAMED = 5


def other_files(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Names the files of a home that no other check reads, and those that killed writers left behind."""
    home, unfinished, others = settings.home, [], []
    for path in home.rglob("*"):
        name = path.relative_to(home).as_posix()
        if _UNFINISHED.fullmatch(name):
            unfinished.append(name)
        elif not _KNOWN.fullmatch(name) and not path.is_dir():
            others.append(name)
    if unfinished:
        detail = f"{len(unfinished):,} are not finished, or their writers were killed: {_some(unfinished)}"
        yield Finding(level=OK, subject="files", detail=f"{detail}; a rebuild deletes them once they are old")
    if others and (others := sorted(set(others) - _originals(home))):
        detail = f"{len(others):,} are not Lookalike's own and were not checked: {_some(others)}"
        yield Finding(level=OK, subject="files", detail=detail)


def _originals(home: Path) -> set[str]:
    """Returns the paths of the catalogue's photos that lie in the home, relative to it."""
    if not (home / FILE_NAME).exists():
        return set()
    try:
        catalogue = Catalogue(home)
        records = catalogue.photos(set(catalogue.snapshot().image_sha256)).values()
    except LookalikeError:  # another check tells about it
        return set()
    root = home.absolute()
    sources = [Path(record.source) for record in records]
    return {source.relative_to(root).as_posix() for source in sources if source.is_relative_to(root)}


def _some(names: list[str]) -> str:
    return ", ".join(sorted(names)[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
