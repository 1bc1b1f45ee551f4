"""Sends requests to a server, tries again where that is safe, and turns its problems into errors."""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3

from api.errors import ClientError
from data.errors import SettingsError

_TRY_AGAIN = (429, 503)  # too many requests; not ready or too busy
_LONGEST_WAIT_S = 60
_CONNECT_S = 5.0


class Connection:
    """A server's address and key; keeps connections open, and may be used by several threads.

    Every call of this API may be sent twice without harm (events get an id), so each is tried again after a lost
    connection and after the statuses 429 and 503: after the seconds in `Retry-After`, else at once, then after 1, 2,
    4 ... seconds.

    Args:
        url: of the server, for example `https://search.shop.example`.
        key: API key; "": none is sent.
        timeout_s: seconds to wait for each part of an answer.
        retries: how often a request is sent again.
    """

    def __init__(self, url: str, key: str, *, timeout_s: float, retries: int) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise SettingsError(f"url must be the http or https address of a server; got {url!r}.")
        if not (key.isascii() and key.isprintable()):
            raise SettingsError("key must be an API key of the server, letters and digits; got other characters.")
        self.url = url.rstrip("/")
        again = urllib3.Retry(
            total=retries, redirect=False, status_forcelist=_TRY_AGAIN, allowed_methods=None, raise_on_status=False,
            backoff_factor=0.5, backoff_jitter=0.25, backoff_max=_LONGEST_WAIT_S, retry_after_max=_LONGEST_WAIT_S,
        )  # fmt: skip
        headers = {"Accept": "application/json, application/x-ndjson", "User-Agent": "lookalike-client"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=timeout_s)
        self._pool = urllib3.PoolManager(headers=headers, timeout=timeout, retries=again)

    def ask(self, method: str, path: str, **content: Any) -> bytes:
        """Returns the body of the answer.

        Args:
            content: what `urllib3.PoolManager.request` takes: `fields`, `json`, or `body` and `headers`.

        Raises:
            ClientError: the server refused, or did not answer.
        """
        if "headers" in content:
            content["headers"] = {**self._pool.headers, **content["headers"]}
        try:
            answer = self._pool.request(method, self.url + path, **content)
        except urllib3.exceptions.HTTPError as error:
            raise ClientError(status=0, title="No answer", detail=f"{self.url} must answer; got {error}.") from error
        if answer.status >= 300:
            raise _problem(answer.status, answer.reason or "", answer.data)
        return answer.data

    def close(self) -> None:
        self._pool.clear()


def _problem(status: int, reason: str, body: bytes) -> ClientError:
    """Returns the error that a problem document describes; a proxy's page of HTML is no such document."""
    try:
        said = json.loads(body)
        return ClientError(status=status, title=said["title"], detail=said["detail"], code=said["code"])
    except (ValueError, KeyError, TypeError):
        return ClientError(status=status, title=reason, detail=f"the server answered with status {status} {reason}.")
