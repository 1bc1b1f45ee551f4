"""Small networks that are trained in a moment."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step_by_step() -> Iterator[None]:
    """Runs networks this small step by step: compiling them would take most of the time."""
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tensorflow.config.run_functions_eagerly(False)
