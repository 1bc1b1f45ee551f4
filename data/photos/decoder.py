"""One decoder process, as its parent sees it: starts it, asks it for one photo at a time, and kills it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from data.errors import DecodersUnavailable
from data.photos.decoder_process import cpu_limit_s
from data.photos.messages import BrokenReply, Reply, Request, receive_reply, send_request

# The most that the kernel allows, up to this: most photos, and their pixels on the way back, then go in one piece.
_BUFFER_BYTES = 2 << 20
_START_S = 60.0
# The pixels of small photos stay in the heap from one photo to the next. By default glibc gives such blocks back to the
# kernel at once, which then has to map and clear them again for each photo.
_MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
}
_PATIENCE = 12  # a photo may wait for the processor this many times as long as it may use it
# The face of `data.photos` would import the catalogue and its database, so the package is entered without it.
_MAIN = """
import sys, types
sys.path[:] = sys.argv[1:]
package = types.ModuleType("data.photos")
package.__path__ = [sys.path[0] + "/data/photos"]
sys.modules[package.__name__] = package
from data.photos.decoder_process import main
main()
"""


class Killed(Exception):
    """The process was lost with the photo that it worked on.

    Attributes:
        reason: `time` (the photo used up its processor time), `busy` (the machine gave it none) or `crash`.
        detail: what was seen, for the log.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class Decoder:
    """A running decoder process. Used by one thread at a time.

    Raises:
        DecodersUnavailable: no process can be started.
    """

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        for end in (self._connection, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        with theirs:
            try:
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    _command(),
                    stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd="/", env=_environment(),
                    process_group=0,  # a terminal's Ctrl-C is for the parent, also while this one starts
                )  # fmt: skip
            except OSError as error:
                self._connection.close()
                raise DecodersUnavailable(error) from error
        self._connection.settimeout(_START_S)
        try:
            receive_reply(self._connection, 0)
        except (OSError, BrokenReply) as error:
            raise DecodersUnavailable(f"{error}, exit status {self.kill()}") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Request, content: bytes) -> Reply:
        """Returns the answer for one photo.

        Raises:
            Killed: the process is gone, and the caller must drop it.
        """
        self._connection.settimeout(_PATIENCE * cpu_limit_s(request.max_pixels))
        try:
            send_request(self._connection, request, content)
            return receive_reply(self._connection, request.max_pixels)
        except TimeoutError as error:
            self.kill()
            raise Killed("busy", "it got no processor time") from error
        except (OSError, BrokenReply) as error:
            status = self.kill()
            if status == -signal.SIGPROF:
                raise Killed("time", "it used up its processor time") from error
            raise Killed("crash", f"{error}, exit status {status}") from error

    def kill(self) -> int:
        """Ends the process, if it has not ended, and returns its exit status."""
        self._connection.close()
        self._process.kill()
        return self._process.wait()

    def forget(self) -> None:
        """Closes the connection in a forked child; the process belongs to the parent."""
        self._connection.close()


def _command() -> list[str]:
    root = Path(__file__).parents[2]
    return [sys.executable, "-I", "-S", "-W", "ignore", "-X", "faulthandler", "-c", _MAIN, str(root), *sys.path]


def _environment() -> dict[str, str]:
    """Returns only what an interpreter needs: a decoder must not know the parent's secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ") if name in os.environ}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", **_MALLOC}
