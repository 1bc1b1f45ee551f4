"""Imports Keras, and keeps what TensorFlow has to say about itself off the terminal."""

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_log = logging.getLogger("lookalike.backbones")
# Lines that no variable keeps TensorFlow from writing: `I0000 00:00:1795727071.245126 3543 port.cc:153] oneDNN ...`.
_NOTES = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|[IW]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \S+\.cc:\d+\]"
)


def import_keras() -> None:
    """Imports Keras and the library that it computes with; call this before the first `import keras`."""
    if "keras" in sys.modules:
        return
    _log.info("loading TensorFlow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _without_notes():
        import keras  # noqa: F401


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Holds back what is written to stderr, by C++ too, and passes it on at the end without TensorFlow's notes."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not _NOTES.match(line):
                    os.write(2, line)
