"""`Detector`: runs a network that a shop brought, and returns the boxes that it finds in a photo."""

import threading

import numpy as np
from PIL import Image

from data.photos import Pixels
from engine.detectors.boxes import Doubles, read_boxes
from engine.detectors.description import DetectorInput, OwnDetector
from engine.errors import InvalidModel, MissingExtra
from engine.exports import processor_options
from engine.own_backbones import FAILURES, check_files, check_steps, part_of, with_pixels


class Detector:
    """A detector, run by OpenVINO on the CPU; safe to call from several threads, of which one at a time is served.

    Args:
        threads: processor threads to use.

    Raises:
        InvalidModel: a file was changed, or the network does not read and answer what its description says.
        MissingExtra: OpenVINO is not installed.
    """

    def __init__(self, own: OwnDetector, threads: int) -> None:
        self.own, image = own, own.image
        check_files(own)
        try:
            import openvino

            outputs = [name for name in (own.boxes.output, own.boxes.scores) if name]
            model = part_of(own, image.onnx, [image.input], outputs)
            model.reshape([{"N": 1, "C": 3}.get(axis, image.input_size) for axis in image.layout])
            model = with_pixels(model, image)
            check_steps(model, own)
            # not in bf16, which knows 256 pixels from 258 at best
            options = processor_options(threads, "f32")
            self._request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
        except ModuleNotFoundError as error:
            raise MissingExtra("a detector runs in OpenVINO, which needs the extra `cpu` or `serve`.") from error
        except FAILURES as error:
            raise InvalidModel(f"{own.folder / image.onnx} must fit its description; got {error!s:.500}.") from error
        self._running = threading.Lock()

    def find(self, pixels: Pixels) -> tuple[Doubles, Doubles]:
        """Returns the boxes in a photo, x0, y0, x1, y1 in its pixels, float64 (n, 4), and their scores, float64 (n,).

        Boxes may overlap, and stand in no order.
        """
        boxes, scores = self.read(pixels)
        height, width = pixels.shape[:2]
        left, top, across, down = _window(width, height, self.own.image.fit)
        boxes = (boxes * [across, down, across, down] + [left, top, left, top]).clip(0, [width, height, width, height])
        kept = (scores >= self.own.boxes.least) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= 1)
        return boxes[kept], scores[kept]

    def read(self, pixels: Pixels) -> tuple[Doubles, Doubles]:
        """Returns all that the network answers to a photo, as `read_boxes` does.

        Raises:
            InvalidModel: that is not what its description says.
        """
        square = _square(pixels, self.own.image)
        with self._running:
            try:
                answered = self._request.infer([square if len(self.own.image.layout) == 3 else square[None]])
                outputs = [np.array(each, np.float32) for each in answered.to_tuple()]
                return read_boxes(outputs, self.own.boxes, self.own.image.input_size)
            except FAILURES as error:
                raise InvalidModel(
                    f"{self.own.name} must answer boxes of four numbers, with scores behind them or in an output of "
                    f"their own; got {error}. Correct output, scores and transposed in its description."
                ) from error


def _window(width: int, height: int, fit: str) -> tuple[float, float, float, float]:
    """Returns left, top, width and height of the square in pixels of the photo; it may reach beyond its edges."""
    if fit == "whole":
        return 0, 0, width, height
    side = max(width, height)
    return (0, 0, side, side) if fit == "corner" else ((width - side) / 2, (height - side) / 2, side, side)


def _square(pixels: Pixels, image: DetectorInput) -> Pixels:
    """Returns what the network reads of a photo, uint8 (input_size, input_size, 3)."""
    height, width = pixels.shape[:2]
    left, top, across, down = _window(width, height, image.fit)
    x, y = image.input_size / across, image.input_size / down
    scaled = Image.fromarray(pixels).resize(
        (max(1, round(width * x)), max(1, round(height * y))), Image.Resampling.BILINEAR
    )
    square = Image.new("RGB", (image.input_size, image.input_size), (image.fill,) * 3)
    square.paste(scaled, (round(-left * x), round(-top * y)))
    return np.asarray(square)
