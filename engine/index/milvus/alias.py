"""The alias that names the live generation's collection, and collections that no generation needs any more.

CURRENT decides which generation is live; the alias follows it. Whoever is killed between the two leaves an alias that
names the generation before, whose collection is still there; the next start or rebuild lets it follow.
"""

import logging
from collections.abc import Collection
from functools import partial
from typing import Any

from data.errors import LookalikeError
from data.generations import GenerationStore, is_generation_id
from data.settings import Settings
from engine.index.milvus.collection import CHANGES, PREFIX, changes_of
from engine.index.milvus.files import INDEX_FILE, collection_in
from engine.index.milvus.server import TELLS_S, server_of

ALIAS = f"{PREFIX}live"
_log = logging.getLogger("lookalike.milvus")
_NONE_OF_THAT_NAME = 100


def named_collection(settings: Settings) -> str:
    """Returns the collection that the alias names; "" if there is no such alias."""
    return server_of(settings).ask(_named)


def agree(settings: Settings) -> None:
    """Lets the alias name the collection of the live generation; does nothing if that is not searched in Milvus.

    A failure is only logged: searches ask for the collection by its own name, and the next start tries again.
    """
    try:
        _follow_current(settings)
    except (LookalikeError, OSError) as error:
        _log.warning("the alias %s could not be made to name the live generation: %s", ALIAS, error)


def _follow_current(settings: Settings) -> None:
    store = GenerationStore(settings.home)
    live = None
    while live is None or live.id != store.current_id():  # another process may publish meanwhile
        live = store.open()
        if not live.has(INDEX_FILE):
            return
        server_of(settings).ask(partial(_name, collection=collection_in(live.folder)))


def drop_unused(settings: Settings, kept: Collection[str], awake: Collection[str]) -> list[str]:
    """Drops the collections of generations with their changes, but those to keep and any that an alias names.

    Args:
        kept: collections.
        awake: collections that may be searched; the other kept ones leave the server's memory until they are rolled
            back to.

    Returns:
        The names of the dropped collections.

    Raises:
        IndexUnavailable: see `Milvus.ask`.
    """

    def drop(client: Any) -> list[str]:
        there, gone = set(client.list_collections(timeout=TELLS_S)), []
        for name in sorted({each.removesuffix(CHANGES) for each in there}):
            if not (name.startswith(PREFIX) and is_generation_id(name.removeprefix(PREFIX))):
                continue
            # the server itself lets a collection be dropped that an alias names
            if name in awake or (name in there and _aliases(client, name)):
                continue
            for each in sorted({name, changes_of(name)} & there):
                if name in kept:
                    client.release_collection(each, timeout=TELLS_S)
                else:
                    client.drop_collection(each, timeout=TELLS_S)
                    gone.append(each)
        return gone

    return server_of(settings).ask(drop)


def _aliases(client: Any, collection: str) -> list[str]:
    # In a database of its own, Milvus 2.3 finds no alias when it is asked for aliases themselves.
    return list(client.describe_collection(collection, timeout=TELLS_S)["aliases"])


def _name(client: Any, collection: str) -> None:
    named = _named(client)
    if not named:
        client.create_alias(collection, ALIAS, timeout=TELLS_S)
    elif named != collection:
        client.alter_alias(collection, ALIAS, timeout=TELLS_S)


def _named(client: Any) -> str:
    from pymilvus.exceptions import MilvusException

    try:
        return str(client.describe_collection(ALIAS, timeout=TELLS_S)["collection_name"])
    except MilvusException as error:
        if error.code == _NONE_OF_THAT_NAME:
            return ""
        raise
