"""Checks that a detector that a shop brought answers boxes as its description says, and shows those of a photo."""

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data.photos import Pixels, decode_photo
from data.settings import Settings
from engine.detectors import BoxOutput, Detector, OwnDetector, read_own

_TIMED = 5  # photos
_BEST = 100  # boxes that are looked at: in those of no score, some networks answer anything
_FAR = 3  # sides of the photo: no box reaches so far beyond it


@dataclass(frozen=True, kw_only=True)
class SeenBox:
    """A box `[x0, y0, x1, y1]` in pixels of the photo as shown, and its score 0..1."""

    box: tuple[int, int, int, int]
    score: float


@dataclass(frozen=True, kw_only=True)
class DetectorReport:
    """What `lookalike detector check` found.

    Attributes:
        name: the detector's.
        took_ms: of a photo, the median, on the threads of the settings.
        memory_bytes: the most memory that this process has held so far.
        boxes: those of the photo that was given, the best first, 100 at most, overlapping ones too; None: no photo.
        problems: why it is refused; empty: it passed.
    """

    name: str
    took_ms: float
    memory_bytes: int
    boxes: tuple[SeenBox, ...] | None
    problems: tuple[str, ...]


def check(settings: Settings, name: str, photo: bytes | None = None) -> DetectorReport:
    """Examines the detector of this name in the home.

    Args:
        photo: an image file's bytes, of which the boxes are wanted.

    Raises:
        InvalidModel: there is none, or a file of it breaks a rule.
        InvalidImage: the photo cannot be decoded.
    """
    return examine(read_own(settings.home, name), settings, photo)


def examine(own: OwnDetector, settings: Settings, photo: bytes | None = None) -> DetectorReport:
    """Examines a detector, wherever its folder lies; see `check`."""
    detector = Detector(own, settings.cores)
    drawn = _drawn()
    problems = [problem for pixels in (drawn, drawn.swapaxes(0, 1)) for problem in _wrong(detector, pixels)]
    times = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        detector.find(drawn)
        times.append(time.perf_counter() - started)
    return DetectorReport(
        name=own.name,
        took_ms=round(float(np.median(times)) * 1000, 1),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        boxes=None if photo is None else _seen(detector, photo, settings),
        problems=tuple(dict.fromkeys(problems)),
    )


def _drawn() -> Pixels:
    """Returns a photo, uint8 (480, 640, 3), of random colours in coarse squares, always the same."""
    squares = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    return np.ascontiguousarray(squares.repeat(40, axis=0).repeat(40, axis=1))


def _wrong(detector: Detector, pixels: Pixels) -> Iterator[str]:
    """Yields what is wrong with all that the network answers to a photo."""
    told: BoxOutput = detector.own.boxes
    (boxes, scores), (again, _) = detector.read(pixels), detector.read(pixels)
    if not np.array_equal(boxes, again, equal_nan=True):
        yield "the same photo gives other boxes the second time"
    if not np.isfinite(scores).all() or (len(scores) and not -0.001 <= scores.min() <= scores.max() <= 1.001):
        yield f"its scores must be 0..1; they are not with activation = {told.activation!r}"
        return
    best = boxes[np.argsort(-scores)[:_BEST]]
    if not np.isfinite(best).all():
        yield "its boxes are not finite"
    elif len(best) and np.abs(np.median(best, axis=0)).max() > _FAR:
        yield f"its boxes lie far outside the photo with unit = {told.unit!r}"
    elif len(best) and told.unit == "pixels" and np.abs(best).max() <= 2 / detector.own.image.input_size:
        yield "all its boxes lie within 2 pixels of the corner; unit is perhaps 'share'"
    elif len(best) and np.mean(best[:, 2:] > best[:, :2]) < 0.5:
        yield f"most of its boxes end before they begin with format = {told.format!r}"


def _seen(detector: Detector, photo: bytes, settings: Settings) -> tuple[SeenBox, ...]:
    decoded = decode_photo(photo, settings, target=detector.own.image.input_size)
    boxes, scores = detector.find(decoded.pixels)
    shown = (boxes * decoded.width / decoded.pixels.shape[1]).round().astype(int)
    order = np.argsort(-scores, kind="stable")[:_BEST].tolist()
    return tuple(
        SeenBox(box=(x0, y0, x1, y1), score=round(float(scores[at]), 3))
        for at in order
        for x0, y0, x1, y1 in [shown[at].tolist()]
    )
