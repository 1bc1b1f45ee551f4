"""The main loop of a decoder process, which turns photos into pixels within limits of memory and processor time.

It is a process of its own because C libraries read the bytes of strangers here: whatever goes wrong in them, this
process can be killed, and nothing but one photo is lost. It holds no secrets and imports only what decoding needs.
"""

import contextlib
import dataclasses
import os
import resource
import signal
import socket
import traceback
from pathlib import Path

import pillow_heif
from PIL import AvifImagePlugin

from data.errors import InvalidImage
from data.photos.borders import decode_inside, without_borders
from data.photos.colours import dominant_colours
from data.photos.images import Photo, decode_photo
from data.photos.messages import Reply, Request, receive_request, send_reply
from data.settings import Settings

CPU_S = 2.5  # processor time for one photo, for each `_ORDINARY_PIXELS` that the settings allow
_ORDINARY_PIXELS = 40_000_000
# A 16-bit picture with transparency takes 13 bytes a pixel on its way to RGB; the rest is for what is read beside it.
_BYTES_PER_PIXEL = 24
_BASE_BYTES = 256 << 20


def cpu_limit_s(max_pixels: int) -> float:
    """Returns the seconds of processor time after which the kernel ends a process that works on one photo."""
    return CPU_S * max(1.0, max_pixels / _ORDINARY_PIXELS)


def main() -> None:
    """Decodes photos from the socket that is standard input, until the parent closes it or ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent decides when to end; it may have photos left to finish
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold a stranger's photo
    with contextlib.suppress(OSError):  # where memory is short, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    AvifImagePlugin.DEFAULT_MAX_THREADS = pillow_heif.options.DECODE_THREADS = 1  # the pool keeps the cores busy
    own_bytes = _address_space_bytes()
    with contextlib.suppress(ConnectionError):  # the parent is gone
        _serve(socket.socket(fileno=os.dup(0)), own_bytes)


def _serve(connection: socket.socket, own_bytes: int) -> None:
    send_reply(connection, Reply("ready", {}))
    while (received := receive_request(connection)) is not None:
        request, content = received
        memory = own_bytes + _BASE_BYTES + _BYTES_PER_PIXEL * request.max_pixels + 4 * request.max_image_bytes
        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.RLIM_INFINITY))
        send_reply(connection, _answer(request, content))


def _answer(request: Request, content: bytes) -> Reply:
    """Returns the photo, or why there is none: here, and only here, every exception ends."""
    signal.setitimer(signal.ITIMER_PROF, cpu_limit_s(request.max_pixels))  # its SIGPROF ends the process, also C code
    try:
        photo = _decoded(request, content)
        fields = {name: value for name, value in vars(photo).items() if name != "pixels"}
        return Reply("photo", fields, photo.pixels)
    except InvalidImage as error:
        return Reply("refused", {"error": type(error).__name__, "code": error.code, "message": str(error)[:1000]})
    # whatever a decoder raises is one refused photo; the parent logs what kind of defect it was
    except BaseException as error:
        return Reply("defect", {"what": _what(error)})
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _decoded(request: Request, content: bytes) -> Photo:
    settings = Settings(max_image_bytes=request.max_image_bytes, max_pixels=request.max_pixels)
    if request.inside:
        return decode_inside(content, settings, target=request.target or 1)
    photo = decode_photo(content, settings, target=request.target, crop=request.crop, fit=request.fit)
    if request.colours:
        photo = dataclasses.replace(photo, colours=dominant_colours(without_borders(photo.pixels)))
    return photo


def _address_space_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:  # not Linux
        return _BASE_BYTES


def _what(error: BaseException) -> str:
    """Returns the kind of an exception and the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {place}"
