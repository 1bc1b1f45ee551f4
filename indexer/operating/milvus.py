"""The check of `lookalike doctor` that looks at Milvus: whether it answers, and has what the live generation needs."""

import re
from collections.abc import Iterator

from data.errors import CorruptGeneration, NoGeneration
from data.generations import GenerationFolder, GenerationStore
from data.settings import Settings
from engine.changes import waiting_changes
from engine.errors import IndexUnavailable
from engine.index import MilvusIndex, agree, load_index, named_collection, server_of
from indexer.operating.finding import FAIL, OK, WARN, Finding

_SUBJECT = "milvus"
_OLDEST = (2, 3)  # it deletes by expression


def look_at_milvus(settings: Settings, *, repair: bool) -> Iterator[Finding]:
    """Says nothing where the settings name no server."""
    if not settings.milvus_uri:
        return
    try:
        yield _version(settings)
        yield from _collection(settings, repair)
    except IndexUnavailable as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        advice = "start the server, or correct milvus_uri and milvus_token; searches answer 503 until then"
        yield Finding(level=FAIL, subject=_SUBJECT, detail=f"{settings.milvus_uri}: {cause}", advice=advice)


def _version(settings: Settings) -> Finding:
    version = server_of(settings).version()
    detail = f"{settings.milvus_uri} answers, version {version}"
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if numbers >= _OLDEST:
        return Finding(level=OK, subject=_SUBJECT, detail=detail)
    return Finding(level=FAIL, subject=_SUBJECT, detail=detail, advice="install Milvus 2.3 or later")


def _collection(settings: Settings, repair: bool) -> Iterator[Finding]:
    try:
        live = GenerationStore(settings.home).open()
        index = load_index(live.folder, settings)
    except (NoGeneration, CorruptGeneration):  # the other checks say so
        return
    if not isinstance(index, MilvusIndex):
        detail = f"the live generation is searched by {index.kind}"
        yield Finding(level=WARN, subject=_SUBJECT, detail=detail, advice="lookalike rebuild with index = milvus")
        return
    if repair:
        index.collection.load()
    if (state := index.collection.load_state()) != "Loaded":
        detail = f"{index.collection.name} is not in Milvus's memory: {state}"
        advice = "wait, if Milvus has just started; otherwise lookalike doctor --repair, which loads it"
        yield Finding(level=FAIL, subject=_SUBJECT, detail=detail, advice=advice)
        return
    rows = index.collection.count()
    detail = f"{index.collection.name} holds {rows:,} rows and is {state}"
    whole = rows == index.count
    if not whole:
        detail += f"; the live generation has {index.count:,}"
    advice = "" if whole else "lookalike rebuild"
    yield Finding(level=OK if whole else FAIL, subject=_SUBJECT, detail=detail, advice=advice)
    yield _alias(settings, live, index.collection.name, repair)
    yield _changes(settings, live)


def _alias(settings: Settings, live: GenerationFolder, wanted: str, repair: bool) -> Finding:
    if named_collection(settings) != wanted and repair:
        agree(settings)
    if (named := named_collection(settings)) == wanted:
        return Finding(level=OK, subject=_SUBJECT, detail=f"the alias names the live generation {live.id}")
    detail = f"the alias names {named or 'nothing'} instead of {wanted}"
    return Finding(level=WARN, subject=_SUBJECT, detail=detail, advice="lookalike doctor --repair, or a restart")


def _changes(settings: Settings, live: GenerationFolder) -> Finding:
    if not (waiting := waiting_changes(settings, live)):
        return Finding(level=OK, subject=_SUBJECT, detail="the changes since the rebuild are in Milvus")
    detail = f"{waiting:,} changed products are not in Milvus yet; other machines do not find them"
    advice = "lookalike serve, which writes them; where it runs, changes_problem in /v1/status says why they wait"
    return Finding(level=WARN, subject=_SUBJECT, detail=detail, advice=advice)
