"""The server's limits: connections, bytes, and the time that a client has to send a request or take an answer."""

from collections.abc import Callable
from dataclasses import dataclass

from api.batch import BODY_LIMIT, MOST_IMAGES
from api.requests import body_bytes
from api.routes import PRODUCT_BYTES
from data.settings import Settings
from engine.answers import MOST_PHOTOS

BodyLimit = Callable[[str, str], int]
_DESCRIPTORS_OF_OTHERS = 256  # catalog.db, generations, models, log, threads' temporary files
_DESCRIPTORS_OF_ONE = 3  # its socket, and files for a long body and a long answer


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one client may take, and all of them together.

    Attributes:
        connections: open at once; one more takes the place of the one that has kept the server waiting longest.
        idle_s: seconds a connection may stay open without a request.
        head_s: seconds from the first byte of a request to the end of its headers.
        grace_s, least_rate: a body, or an answer that is taken, may last `grace_s` seconds and one more for every
            `least_rate` bytes of it.
        bodies_bytes: of all unfinished and waiting bodies together, most of it on disk.
        linger_s: seconds that a client who is still sending may have to read why it was refused.
        drain_s: seconds that running requests have when the server stops.
        tick_s: seconds between two looks at all connections.
    """

    connections: int = 1000
    idle_s: float = 15
    head_s: float = 10
    grace_s: float = 20
    least_rate: float = 1000
    bodies_bytes: int = 1_000_000_000
    linger_s: float = 3
    drain_s: float = 30
    tick_s: float = 1


BACKLOG = 4096  # connections that may wait to be accepted; the system may allow fewer
HEAD_BYTES = 32_768  # of the request line and all headers
LINE_BYTES = 8_190  # of the request's path and query
PIPELINED = 8  # requests that one connection may send ahead
IN_MEMORY_BYTES = 65_536  # of one body; what is beyond lies in a temporary file
ANSWER_IN_MEMORY_BYTES = 262_144  # the same of one answer that the client takes slowly


def connections_within(descriptors: int) -> int:
    """Returns how many connections a process with this limit of open files may hold."""
    return max(16, min(Limits.connections, (descriptors - _DESCRIPTORS_OF_OTHERS) // _DESCRIPTORS_OF_ONE))


def body_limit(settings: Settings) -> BodyLimit:
    """Returns the function that says how many bytes the body of a request may have, by its method and path.

    The views have limits of their own, which are as strict or stricter; this one is known before the body comes.
    """
    photo = body_bytes(settings.max_image_bytes)
    photos = body_bytes(MOST_PHOTOS * settings.max_image_bytes)
    product = body_bytes(MOST_IMAGES * settings.max_image_bytes, form_bytes=PRODUCT_BYTES)

    def limit(method: str, path: str) -> int:
        if path == "/v1/products:batch":
            return BODY_LIMIT
        if path == "/v1/search/image":
            return photos
        return product if method == "PUT" else photo

    return limit
