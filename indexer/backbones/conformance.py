"""Checks that a network that a user brought answers as it must, and that photos are prepared as it was trained to."""

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.photos import decode
from data.settings import Settings
from engine.backbones import View, to_input
from engine.exports import processor_options
from engine.own_backbones import ImageSide, OwnBackbone, check_files, convert_image, convert_text, read_own
from engine.protocols import Floats
from engine.space import normalise
from engine.text import JointModel
from indexer.backbones.onnx_drafts import PREPROCESSINGS

_PHOTOS = 8
_TIMED_S = 1.0
_ALIKE = 0.99  # cosine with the reference; libraries scale photos a little differently
_SAME = 0.9999
_BETTER = 0.0005  # by which another preprocessing must come nearer to be the right one


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """What `lookalike backbone check` found.

    Attributes:
        name: the backbone's.
        dim: width of its features.
        has_text: whether it has a text tower.
        images_per_s: photos per second on the threads of the settings, in float32, in batches of 8.
        memory_bytes: the most memory that this process has held so far.
        reference_cosine: of the reference photo's features with those given; None: none were given.
        problems: why it is refused; empty: it passed.
    """

    name: str
    dim: int
    has_text: bool
    images_per_s: float
    memory_bytes: int
    reference_cosine: float | None
    problems: tuple[str, ...]


def check(settings: Settings, name: str) -> Conformance:
    """Examines the network of this name in the home.

    Raises:
        BackboneUnavailable: there is none.
        InvalidModel: a file of it breaks a rule.
    """
    return examine_own(read_own(settings.home, name), settings)


def examine_own(own: OwnBackbone, settings: Settings) -> Conformance:
    """Examines a network, wherever its folder lies; see `check`."""
    check_files(own)
    run = _Run(own, settings)
    photos = _drawn(own.image.input_size)
    problems = list(_unsteady(run, photos))
    cosine = None
    if own.reference is not None and not problems:
        cosine, wrong = _compare(run, own)
        problems += wrong
    if own.text is not None:
        problems += _texts(own, settings)
    return Conformance(
        name=own.name,
        dim=own.image.dim,
        has_text=own.text is not None,
        images_per_s=round(_speed(run, photos), 1),
        memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        reference_cosine=None if cosine is None else round(cosine, 5),
        problems=tuple(problems),
    )


class _Run:
    """Runs the image tower, prepared as its description says or in another way."""

    def __init__(self, own: OwnBackbone, settings: Settings) -> None:
        self.own, self.settings = own, settings
        self._networks: dict[ImageSide, Any] = {}

    def rows(self, inputs: NDArray[np.uint8], image: ImageSide | None = None) -> Floats:
        """Returns features float32 (n, dim) of inputs uint8 (n, size, size, 3)."""
        image = image or self.own.image
        if image not in self._networks:
            import openvino

            options = processor_options(self.settings.cores, "f32")
            converted = convert_image(self.own, image)
            self._networks = {
                self.own.image: self._networks.get(self.own.image),
                image: openvino.Core().compile_model(converted, "CPU", options),
            }
        return np.array(self._networks[image]([inputs])[0], np.float32)


def _drawn(size: int) -> NDArray[np.uint8]:
    """Returns inputs uint8 (8, size, size, 3) of random colours in coarse squares, always the same ones."""
    squares = np.random.default_rng(0).integers(0, 256, (_PHOTOS, 8, 8, 3), np.uint8)
    places = np.arange(size) * 8 // size
    return np.ascontiguousarray(squares[:, places][:, :, places])


def _unsteady(run: _Run, photos: NDArray[np.uint8]) -> Iterator[str]:
    """Yields what is wrong with the features of drawn photos."""
    rows = run.rows(photos)
    if not np.isfinite(rows).all():
        yield "its features are not finite"
        return
    if not np.array_equal(rows, run.rows(photos)):
        yield "the same photos give other features the second time"
    alone = np.concatenate([run.rows(photo[None]) for photo in photos])
    if _cosines(rows, alone).min() < _SAME:
        yield "a photo gives other features alone than among others"
    if _cosines(rows[:1], rows[1:]).min() > _SAME:
        yield "all photos give the same features"


def _compare(run: _Run, own: OwnBackbone) -> tuple[float, list[str]]:
    """Returns the cosine with the reference, and what is wrong with the preprocessing."""
    reference = own.reference
    if reference is None:
        return 1.0, []
    pixels = decode((own.folder / reference.photo).read_bytes(), run.settings)
    wanted = np.array([reference.vector], np.float32)

    def likeness(image: ImageSide) -> float:
        view = View(image.fit, image.shown, image.resample)
        rows = run.rows(to_input(pixels, image.input_size, view.preprocessing)[None], image)
        return float(_cosines(rows, wanted)[0])

    found = likeness(own.image)
    others = {change: likeness(image) for change, image in _others(own.image)}
    change = max(others, key=lambda each: others[each])
    if others[change] > found + _BETTER and others[change] >= _ALIKE:
        return found, [f"with {change} it comes nearer to the reference ({others[change]:.4f} than {found:.4f})"]
    if found < _ALIKE:
        return found, [
            f"the reference photo's features must be those given, cosine {_ALIKE} or more; got {found:.4f}: the "
            "preprocessing, the output or the pooling is wrong"
        ]
    if found - others[_swapped(own.image)] < _BETTER:
        return found, ["the reference photo does not tell the order of channels; take a colourful one"]
    return found, []


def _swapped(image: ImageSide) -> str:
    return f"channels = {'BGR' if image.channels == 'RGB' else 'RGB'}"


def _others(image: ImageSide) -> Iterator[tuple[str, ImageSide]]:
    """Yields other ways to prepare photos, each with its name."""
    yield _swapped(image), replace(image, channels=_swapped(image)[-3:])
    for name, rule in PREPROCESSINGS.items():
        changed = replace(image, mean=tuple(rule["mean"]), std=tuple(rule["std"]))
        if changed != image:
            yield f"the mean and std of {name}", changed
    yield "values of 0..255", replace(image, mean=(0.0,) * 3, std=(1 / 255,) * 3)
    for fit, shown in (("middle", 0.875), ("centre", 0.875), ("centre", 1.0), ("whole", 1.0)):
        changed = replace(image, fit=fit, shown=shown)
        if changed != image:
            yield f'fit = "{fit}" and shown = {shown}', changed


def _texts(own: OwnBackbone, settings: Settings) -> list[str]:
    """Returns what is wrong with the text tower."""
    if own.text is None:
        return []
    model = JointModel(own, own.text, convert_text(own, own.text), settings.cores)
    asked = ["a red shoe", "", "빨간 신발", "word " * 200]
    rows, alone = model.encode(asked), np.concatenate([model.encode([each]) for each in asked])
    if not np.isfinite(rows).all() or _cosines(rows, alone).min() < _SAME:
        return ["a text gives other features alone than among others, or such that are not finite"]
    reference = own.reference
    if reference is not None and reference.text:
        found = float(_cosines(model.encode([reference.text]), np.array([reference.text_vector], np.float32))[0])
        if found < _ALIKE:
            return [f"the reference text's features must be those given, cosine {_ALIKE} or more; got {found:.4f}"]
    return []


def _cosines(rows: Floats, others: Floats) -> Floats:
    return np.asarray((normalise(rows) * normalise(others)).sum(axis=1), np.float32)


def _speed(run: _Run, photos: NDArray[np.uint8]) -> float:
    started, done = time.perf_counter(), 0
    while (took := time.perf_counter() - started) < _TIMED_S:
        run.rows(photos)
        done += len(photos)
    return done / took
