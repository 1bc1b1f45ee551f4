"""A Milvus server: one connection for each address, short waits, and errors that say what to do."""

import logging
import time
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from data.settings import Settings
from engine.errors import IndexUnavailable
from engine.extras import missing_extra

Answer = TypeVar("Answer")
ANSWERS_S = 5.0  # a search that takes longer is given up
TELLS_S = 30.0  # so is any other question, and a change of names
PREPARES_S = 3_600.0  # an index of very many rows takes its time
# A server that starts or moves rows answers so for a moment: unexpected, not loaded yet, no node has it yet.
_MAY_PASS = (65535, 101, 503)
_AGAIN_AFTER_S = (0.05, 0.2)
_QUIET_S = 10.0  # for which errors of one kind are not logged again, however many searches fail
_log = logging.getLogger("lookalike.milvus")


class Milvus:
    """One server. Safe to use from several threads; connects at the first question."""

    def __init__(self, uri: str, token: str) -> None:
        self.uri, self._token = uri, token
        self._told: dict[Any, float] = {}  # when errors of each kind were logged last

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        """Returns what `question` returns for the connected `MilvusClient`; asked again where the error may pass.

        Raises:
            IndexUnavailable: the server cannot be reached, takes too long, or refuses; the log says which.
            MissingExtra: pymilvus is not installed.
        """
        for wait_s in (*_AGAIN_AFTER_S, None):
            try:
                return question(self._client)
            except Exception as error:
                if not _is_of_milvus(error):
                    raise
                if wait_s is None or _kind_of(error) not in _MAY_PASS:
                    self._tell(error)
                    raise IndexUnavailable(
                        "this search needs the Milvus server, which does not answer as it should now. Try again "
                        "shortly; the log says more, and so does `lookalike doctor`."
                    ) from error
                time.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def version(self) -> str:
        """Returns the server's version; raises IndexUnavailable as `ask` does."""
        return str(self.ask(lambda client: client.get_server_version(timeout=TELLS_S)))

    def _tell(self, error: Exception) -> None:
        kind, now = _kind_of(error), time.monotonic()
        if now - self._told.get(kind, -_QUIET_S) >= _QUIET_S:
            self._told[kind] = now
            _log.warning("Milvus at %s: %s", self.uri, str(error)[:500])

    @cached_property
    def _client(self) -> Any:
        try:
            from pymilvus import MilvusClient
        except ModuleNotFoundError as error:
            raise missing_extra("pymilvus") from error
        # It logs each error with a traceback; what is needed of it is in our own line.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        return MilvusClient(uri=self.uri, token=self._token, timeout=ANSWERS_S)


def server_of(settings: Settings) -> Milvus:
    """Returns the server that `milvus_uri` and `milvus_token` name; nothing is asked of it yet.

    Raises:
        IndexUnavailable: the settings name none.
    """
    if not settings.milvus_uri:
        raise IndexUnavailable("this generation is searched in Milvus; set milvus_uri to the server's address.")
    return _server(settings.milvus_uri, settings.milvus_token)


_server = lru_cache(Milvus)  # one connection serves all generations


def _kind_of(error: Exception) -> Any:
    """Returns the code of an error of Milvus; of one of gRPC itself, its status."""
    code = getattr(error, "code", 0)
    return code() if callable(code) else code


def _is_of_milvus(error: Exception) -> bool:
    try:
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException
    except ModuleNotFoundError:
        return False
    return isinstance(error, MilvusException | RpcError)
