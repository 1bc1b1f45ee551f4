"""Offers a server's search to language models, as tools of the Model Context Protocol (`lookalike mcp`)."""

import base64
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.client import Client, SearchAnswer
from api.errors import ApiError
from data.errors import LookalikeError

if TYPE_CHECKING:
    from mcp.server import MCPServer

PHOTO_BYTES = 20_000_000  # more than a server takes by default; it has the last word
MOST_HITS = 50  # in one answer: a model reads every one of them
_SHOWN = ("product_id", "title", "brand", "price", "currency", "category", "colours", "url", "match_probability")
_INSTRUCTIONS = (
    "Searches one shop's catalogue by words and by photos. A filter is an expression such as "
    'brand = "Acme" AND price < 20 AND colour IN ("red", "blue"). match_probability is the chance that a hit is '
    "what was asked for, from 0 to 1."
)


def mcp_server(client: Client, url: str, roots: Sequence[Path]) -> "MCPServer":
    """Returns a server with the five tools; its method `run` talks over standard input and output.

    Args:
        client: calls the search server.
        url: that server's address, which the pictures' addresses begin with.
        roots: folders that photos may be read from; none: photos come in base64 only.

    Raises:
        LookalikeError: the package `mcp` is not installed.
    """
    try:
        from mcp.server import MCPServer
    except ImportError as error:
        raise LookalikeError(
            "`lookalike mcp` needs the extra mcp. Install it: pip install 'lookalike[mcp]'."
        ) from error
    server = MCPServer("lookalike", instructions=_INSTRUCTIONS, log_level="WARNING")
    tools = _Tools(client, url.rstrip("/"), [root.resolve() for root in roots])
    for tool in (tools.search_text, tools.search_image, tools.similar, tools.recognise, tools.product):
        server.tool()(_telling(tool))
    return server


class _Tools:
    """The tools: a model reads the names, the arguments and the docstrings of its methods."""

    def __init__(self, client: Client, url: str, roots: Sequence[Path]) -> None:
        self._client, self._url, self._roots = client, url, roots

    def search_text(self, query: str, filter: str = "", k: int = 10) -> dict[str, Any]:
        """Finds products by words, in any language; k: how many, at most 50."""
        return self._found(self._client.search(query, filter=filter, k=min(k, MOST_HITS)))

    def search_image(
        self, path: str = "", photo_base64: str = "", text: str = "", filter: str = "", k: int = 10
    ) -> dict[str, Any]:
        """Finds products by a photo, given as the path of a file or in base64; text: words for what should differ."""
        photo = self._photo(path, photo_base64)
        return self._found(self._client.search(text, image=photo, filter=filter, k=min(k, MOST_HITS)))

    def similar(self, product_id: str, text: str = "", filter: str = "", k: int = 10) -> dict[str, Any]:
        """Finds products that look like one of the catalogue; text: words for what should differ."""
        return self._found(self._client.similar(product_id, text=text, filter=filter, k=min(k, MOST_HITS)))

    def recognise(self, path: str = "", photo_base64: str = "", k: int = 5) -> dict[str, Any]:
        """Says what a photo shows, by the labels of the catalogue; abstained: no label is certain enough."""
        seen = self._client.recognise(self._photo(path, photo_base64), k=k)
        labels = [{"label": one.label, "probability": one.probability} for one in seen.labels]
        return {"labels": labels, "abstained": seen.abstained}

    def product(self, product_id: str) -> dict[str, Any]:
        """Returns all facts of a product and the addresses of its pictures."""
        found = self._client.get(product_id)
        facts = dataclasses.asdict(found)
        return {**facts, "images": [f"{self._url}{image.image_url}" for image in found.images]}

    def _found(self, answer: SearchAnswer) -> dict[str, Any]:
        hits = [
            {**{name: getattr(hit, name) for name in _SHOWN}, "image": hit.image_url and f"{self._url}{hit.image_url}"}
            for hit in answer.hits
        ]
        return {"total": answer.total, "no_match": answer.no_match, "hits": hits}

    def _photo(self, path: str, photo_base64: str) -> bytes:
        if bool(path) == bool(photo_base64):
            raise ApiError("one of path and photo_base64 must be given; got both or neither.")
        if photo_base64:
            if len(photo_base64) > PHOTO_BYTES * 4 // 3 + 4:
                raise ApiError(f"a photo must have at most {PHOTO_BYTES:,} bytes; this one has more.")
            try:
                return base64.b64decode(photo_base64, validate=True)
            except ValueError as error:
                raise ApiError(f"photo_base64 must be base64 (RFC 4648); got something else: {error}.") from error
        return self._file(Path(path))

    def _file(self, path: Path) -> bytes:
        """Returns a photo's bytes; links are followed first, so that none leads out of the roots."""
        try:
            real = path.resolve(strict=True)
            if not any(real.is_relative_to(root) for root in self._roots) or not real.is_file():
                raise OSError
            with real.open("rb") as file:
                content = file.read(PHOTO_BYTES + 1)
        except OSError as error:  # one answer for all, so that nobody learns which files there are elsewhere
            allowed = ", ".join(map(str, self._roots)) or "none; name them with --photos"
            raise ApiError(f"path must be a file that can be read, in one of these folders: {allowed}.") from error
        if len(content) > PHOTO_BYTES:
            raise ApiError(f"a photo must have at most {PHOTO_BYTES:,} bytes; {path.name} has more.")
        return content


def _telling(tool: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Returns the tool with refusals that the model can read and act on."""
    from mcp.server.mcpserver.exceptions import ToolError

    @functools.wraps(tool)
    def told(*arguments: Any, **named: Any) -> dict[str, Any]:
        try:
            return tool(*arguments, **named)
        except LookalikeError as error:
            raise ToolError(str(error)) from error

    return told
