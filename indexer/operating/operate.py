"""Reports the live generation, waiting changes, kept generations and the last jobs."""

from datetime import UTC, datetime
from typing import Any

from data.catalogue import Catalogue, ImportRuns
from data.errors import CorruptGeneration, LookalikeError, NoGeneration
from data.generations import REBUILD_LOCK, GenerationFolder, GenerationStore
from data.rebuilds import last_rebuild
from data.settings import Settings
from data.storage import holder
from engine.changes import waiting_changes
from engine.text import describe_encoder


def status(settings: Settings) -> dict[str, Any]:
    """Returns the facts of `lookalike status` as plain JSON values; works before anything was published.

    Every file of every kept generation is read and checked.
    """
    store = GenerationStore(settings.home)
    catalogue = Catalogue(settings.home)
    live, problem = _live(store)
    rebuilding = holder(settings.home / REBUILD_LOCK)
    return {
        "home": str(settings.home),
        "live": {**_generation_facts(live), "text_encoder": describe_encoder(live), "recognition": _recognition(live)}
        if live
        else None,
        "detector": settings.detector,
        "problem": problem,
        "catalogue": {**catalogue.counts(), "seq": catalogue.seq()},
        "pending": len(catalogue.changes(live.manifest.seq if live else 0)),
        "changes_waiting": _changes_waiting(settings, live),
        "rebuilding": str(rebuilding) if rebuilding else None,
        "last_import": ImportRuns(settings.home).latest(),
        "last_rebuild": last_rebuild(settings.home),
        "generations": _kept(store, live.id if live else ""),
    }


def _changes_waiting(settings: Settings, live: GenerationFolder | None) -> int | str | None:
    """Returns how many changed products Milvus has not confirmed, or why that is not known; None: it is not used."""
    try:
        return waiting_changes(settings, live) if live and settings.milvus_uri else None
    except LookalikeError as error:
        return str(error)


def _live(store: GenerationStore) -> tuple[GenerationFolder | None, str]:
    try:
        return store.open(), ""
    except NoGeneration:
        return None, ""
    except CorruptGeneration as error:
        return None, str(error)


def _generation_facts(folder: GenerationFolder) -> dict[str, Any]:
    manifest = folder.manifest
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.created_at)
    return {
        "generation": folder.id,
        "created_at": manifest.created_at,
        "age_s": round(age.total_seconds()),
        "counts": dict(manifest.counts),
        "seq": manifest.seq,
        "backbone": manifest.backbone.get("name"),
        "precision": manifest.backbone.get("precision"),
        "fingerprint": manifest.fingerprint,
        "dim": manifest.dim,
    }


def _recognition(live: GenerationFolder) -> str:
    """Returns who recognises photos; "" if nobody does, or an older version did not note it."""
    alone = live.measured("voters").get("choices", {}).get("alone")
    if alone is None:
        return ""
    return f"{alone} alone: voting was not more often right, out of fold" if alone else "by the vote of three voters"


def _kept(store: GenerationStore, live: str) -> list[dict[str, Any]]:
    """Returns the facts of every kept generation, newest first; `damaged` says what is wrong with it, or is ""."""
    facts: list[dict[str, Any]] = [{"generation": name, "damaged": reason} for name, reason in store.damaged().items()]
    for folder in store.list():
        facts.append({**_generation_facts(folder), "damaged": damage(folder)})
    for fact in facts:
        fact["live"] = fact["generation"] == live
    return sorted(facts, key=lambda fact: str(fact["generation"]), reverse=True)


def damage(folder: GenerationFolder) -> str:
    """Returns what is wrong with a generation's files, or "" if nothing is."""
    try:
        folder.verify()
    except CorruptGeneration as error:
        return str(error)
    return ""


def describe_status(facts: dict[str, Any]) -> str:
    """Returns the facts of `status` as lines of text for people."""
    live, catalogue = facts["live"], facts["catalogue"]
    lines = [
        f"home         {facts['home']}",
        f"live         {_live_line(live) if live else facts['problem'] or 'nothing published yet: lookalike rebuild'}",
        f"catalogue    {catalogue['products']:,} products, {catalogue['images']:,} images",
        f"waiting      {facts['pending']:,} products changed since the live generation was built",
    ]
    if (waiting := facts["changes_waiting"]) is not None:
        lines.append(
            f"Milvus       {f'{waiting:,} changed products to be written' if isinstance(waiting, int) else waiting}"
        )
    if live and live["recognition"]:
        lines.append(f"recognition  {live['recognition']}")
    if facts["detector"]:
        lines.append(f"detector     {facts['detector']} finds the things in photos")
    if facts["rebuilding"]:
        lines.append(f"rebuilding   {facts['rebuilding']}")
    lines.append(f"last import  {_import_line(facts['last_import'])}")
    lines.append(f"last rebuild {_rebuild_line(facts['last_rebuild'])}")
    for fact in facts["generations"]:
        mark = "live" if fact["live"] else "kept"
        lines.append(f"{mark:12} {fact['generation']}{'  DAMAGED: ' + fact['damaged'] if fact['damaged'] else ''}")
    return "\n".join(lines)


def _live_line(live: dict[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in live["counts"].items())
    models = ", ".join(name for name in (f"{live['backbone']} {live['precision']}", live["text_encoder"]) if name)
    return f"{live['generation']}, {_age(live['age_s'])} old, {models}, {counts}"


def _age(seconds: int) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def _import_line(run: dict[str, Any] | None) -> str:
    if run is None:
        return "none yet"
    numbers = {name: count for name, count in run["counts"].items() if isinstance(count, int) and name != "run"}
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in numbers.items() if count) or "nothing"
    ended = f"ended {run['finished_at']}: {counts}" if run["finished_at"] else "did not end"
    return f"run {run['run']}, {run['source']}, started {run['started_at']}, {ended}"


def _rebuild_line(summary: dict[str, Any] | None) -> str:
    if summary is None:
        return "none yet"
    seconds = summary.get("seconds", {}).get("total", 0)
    outcome = f"published {summary['generation']}" if summary.get("published") else f"refused: {summary.get('reason')}"
    return f"started {summary.get('started_at')}, {seconds:.0f} s, {outcome}"
