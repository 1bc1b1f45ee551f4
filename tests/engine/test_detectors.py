"""Detectors that shops bring: their descriptions, and the boxes in what they answer, in every form."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_detector import FORMS, SIZE, write_detector

from data.settings import Settings
from engine.detectors import BoxOutput, Detector, damaged_detectors, read_boxes, read_own
from engine.errors import InvalidModel
from engine.generation import Models
from indexer.detectors import add

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
Add = Callable[..., Detector]


@pytest.fixture
def added(settings: Settings, tmp_path: Path) -> Add:
    """Adds a detector to the home and loads it: `added("transposed", fit="whole", name="tiny")`."""

    def bring(form: str = "corners and scores", *, name: str = "tiny", **changes: Any) -> Detector:
        add(settings, write_detector(tmp_path / name, form, **changes), name)
        return Detector(read_own(settings.home, name), 1)

    return bring


def painted(width: int, height: int, *boxes: tuple[tuple[int, int, int], tuple[int, int, int, int]]) -> np.ndarray:
    """Returns a light photo with rectangles of a colour."""
    pixels = np.full((height, width, 3), 240, np.uint8)
    for colour, (x0, y0, x1, y1) in boxes:
        pixels[y0:y1, x0:x1] = colour
    return pixels


def near(found: np.ndarray, wanted: tuple[int, int, int, int], pixels: np.ndarray) -> bool:
    """Tells whether a box is right but for the blur of the network's square."""
    return bool(np.abs(found - wanted).max() <= 1.5 * max(pixels.shape) / SIZE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(640, 480), (300, 500)])
def test_each_form_of_output_gives_the_boxes_in_the_photo(form: str, size: tuple[int, int], added: Add) -> None:
    places = (30, 40, 130, 360), (180, 100, 280, 200)
    photo = painted(*size, (RED, places[0]), (BLUE, places[1]))
    boxes, scores = added(form).find(photo)
    assert len(boxes) == 2
    assert all(near(box, place, photo) for box, place in zip(boxes, places, strict=True))
    assert scores == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("fit", "in_square"), [("middle", 370 / 900), ("corner", 20 / 900), ("whole", 20 / 200)])
def test_boxes_lie_in_the_photo_however_it_lies_in_the_square(fit: str, in_square: float, added: Add) -> None:
    photo, place = painted(200, 900, (GREEN, (20, 500, 180, 850))), (20, 500, 180, 850)
    detector = added(fit=fit)
    boxes, _ = detector.find(photo)
    assert len(boxes) == 1
    assert near(boxes[0], place, photo)
    answered, scores = detector.read(photo)
    assert answered[scores.argmax(), 0] == pytest.approx(in_square, abs=1.5 / SIZE)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "CHW", "HWC"])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_pixels_are_laid_out_as_the_network_reads_them(layout: str, channels: str, added: Add) -> None:
    photo, place = painted(400, 400, (RED, (100, 60, 300, 200))), (100, 60, 300, 200)
    detector = added(layout=layout, channels=channels)
    boxes, scores = detector.read(photo)
    surest = int(scores.argmax())
    assert near(boxes[surest] * 400, place, photo)
    assert surest == (0 if channels == "RGB" else 2)  # the network's first channel is what it takes for red


def test_weak_boxes_are_left_out(added: Add) -> None:
    photo = painted(200, 200, ((0, 128, 0), (20, 20, 100, 100)))  # green of half the strength has a score of a half
    assert [len(added(name=f"d{least}", least=least / 10).find(photo)[0]) for least in (4, 6)] == [1, 0]


def test_a_photo_of_nothing_has_no_boxes(added: Add) -> None:
    boxes, scores = added().find(painted(300, 200))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_several_threads_and_two_detectors_at_once_give_what_each_gives_alone(added: Add) -> None:
    detectors = added(), added("transposed", name="other", fit="whole")
    random = np.random.default_rng(0)
    corners = random.integers(10, 150, (16, 2))
    photos = [painted(400, 300, (RED, (x, y, x + 100, y + 100))) for x, y in corners.tolist()]
    alone = [detector.find(photo) for detector in detectors for photo in photos]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda at: detectors[at // 16].find(photos[at % 16]), range(32)))
    for (boxes, scores), (others, marks) in zip(alone, together, strict=True):
        assert np.array_equal(boxes, others)
        assert np.array_equal(scores, marks)


def test_the_class_before_all_others_may_be_the_background() -> None:
    told = BoxOutput(output="b", format="xyxy", scores="s", activation="softmax", background="first")
    logits = np.array([[[9, 0, 0], [0, 1, 9]]], np.float32)
    boxes, scores = read_boxes([np.ones((1, 2, 4), np.float32), logits], told, SIZE)
    assert scores == pytest.approx([0, 1], abs=0.01)
    assert boxes == pytest.approx(np.full((2, 4), 1 / SIZE))


@pytest.mark.parametrize("scores", [np.zeros((1, 0)), np.zeros((0, 91)), np.zeros(0)])
def test_an_answer_without_boxes_is_one(scores: np.ndarray) -> None:
    told = BoxOutput(output="b", format="cxcywh", scores="s", activation="softmax", background="last")
    boxes, found = read_boxes([np.zeros((0, 4), np.float32), scores.astype(np.float32)], told, SIZE)
    assert (boxes.shape, found.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ([(1, 5, 3)], {}),  # no box has three numbers
        ([(1, 5, 4)], {}),  # no scores
        ([(1, 5, 4)], {"objectness": True}),
        ([(1, 5, 5)], {"background": "last"}),
        ([(5, 6), (5,)], {"scores": "s"}),
        ([(5, 4), (7,)], {"scores": "s"}),
        ([(7,)], {"scores": ""}),
    ],
)
def test_other_shapes_than_boxes_with_scores_are_refused(shapes: list[tuple[int, ...]], told: dict[str, Any]) -> None:
    outputs = [np.ones(shape, np.float32) for shape in shapes]
    with pytest.raises(ValueError, match=r"boxes with scores|columns of scores"):
        read_boxes(outputs, BoxOutput(output="b", format="xyxy", **(told | {"transposed": len(shapes[0]) == 1})), SIZE)


def test_a_changed_file_is_found_and_not_loaded(added: Add, settings: Settings) -> None:
    added()
    assert damaged_detectors(settings.home) == []
    network = settings.home / "detectors" / "tiny" / "detector.onnx"
    network.write_bytes(network.read_bytes() + b"\0")
    assert "it was changed" in damaged_detectors(settings.home)[0]
    with pytest.raises(InvalidModel, match="it was changed"):
        Detector(read_own(settings.home, "tiny"), 1)


def test_generations_of_other_homes_use_the_detectors_of_the_own_home(
    added: Add, settings: Settings, tmp_path: Path
) -> None:
    added()
    models = Models(settings)  # of a searcher, which serves each release from a home of its own
    released = models.at(settings.replace(home=tmp_path / "release"))
    assert released.detector("tiny") is models.detector("tiny")


def test_a_home_that_was_copied_needs_no_onnx_library(
    added: Add, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added()
    shutil.copytree(settings.home / "detectors", tmp_path / "searcher" / "detectors")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)  # as on a machine with the extra `serve`
    photo = painted(100, 100, (RED, (20, 20, 60, 60)))
    assert len(Detector(read_own(tmp_path / "searcher", "tiny"), 1).find(photo)[0]) == 1
