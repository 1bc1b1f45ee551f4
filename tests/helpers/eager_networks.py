"""Lets tests train small networks without compiling them first."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step_by_step() -> Iterator[None]:
    """Runs TensorFlow step by step within the block: compiling such small networks would take most of the time."""
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tensorflow.config.run_functions_eagerly(False)
