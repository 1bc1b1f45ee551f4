"""Reads `detector.toml`, which describes a network that finds things: what it reads, and how it tells of boxes."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import InvalidModel
from engine.own_backbones import NAME, OwnNetwork, PixelInput, Rules, check_files, described

FILE = "detector.toml"
FOLDER = "detectors"
_RULES: Rules = {
    "input_size": (32, 2048),
    "channels": ("RGB", "BGR"),
    "layout": ("NCHW", "NHWC", "CHW", "HWC"),
    "fit": ("middle", "corner", "whole"),
    "fill": (0, 255),
    "format": ("xyxy", "yxyx", "cxcywh"),
    "unit": ("pixels", "share"),
    "activation": ("none", "sigmoid", "softmax"),
    "background": ("none", "first", "last"),
    "score_columns": (0, 100_000),
    "least": (0.0, 1.0),
}


@dataclass(frozen=True, kw_only=True)
class DetectorInput(PixelInput):
    """What it reads.

    Attributes:
        fit: where the photo lies in the square: `middle` or `corner` (the top left), as large as fits in; `whole`:
            squeezed, so that it fills the square.
        fill: grey, 0..255, of the rest of the square.
    """

    fit: str = "middle"
    fill: int = 114


@dataclass(frozen=True, kw_only=True)
class BoxOutput:
    """How it tells of boxes, one in each row.

    Attributes:
        output: name of the output whose first four columns are a box.
        format: the order of these four; `cxcywh` is the middle, the width and the height.
        unit: of these four: `pixels` of the square, or its `share`, 0..1.
        transposed: whether the output has boxes in columns, and so one row for each number of a box.
        scores: name of the output with the scores of each box; "": they stand behind the box in its row.
        activation: what makes scores of what it answers: `sigmoid`, `softmax` over the classes, or `none`.
        background: which class means that there is nothing.
        objectness: whether the first score tells how surely there is anything, and multiplies those of the classes.
        score_columns: how many columns hold scores of classes, if others follow; 0: all.
        least: score below which a box is left out.
    """

    output: str
    format: str
    unit: str = "pixels"
    transposed: bool = False
    scores: str = ""
    activation: str = "none"
    background: str = "none"
    objectness: bool = False
    score_columns: int = 0
    least: float = 0.3


@dataclass(frozen=True, kw_only=True)
class OwnDetector(OwnNetwork):
    """A detector that a shop brought, in `$LOOKALIKE_HOME/detectors/<name>/`."""

    image: DetectorInput
    boxes: BoxOutput


def is_own(home: Path, name: str) -> bool:
    """Returns whether there is a detector of this name; its files are not looked at."""
    return bool(NAME.fullmatch(name)) and (home / FOLDER / name / FILE).exists()


def read_own(home: Path, name: str) -> OwnDetector:
    """Returns the description of the detector of this name.

    Raises:
        InvalidModel: there is none, or its `detector.toml` breaks a rule.
    """
    if not is_own(home, name):
        raise InvalidModel(f"detector must be one that `lookalike detector add` stored in {home}; got {name!r:.80}.")
    return read_folder(home / FOLDER / name)


def read_folder(folder: Path) -> OwnDetector:
    """Returns the description in a folder.

    Raises:
        InvalidModel: it is missing or breaks a rule.
    """
    with described(folder, FILE, "docs/objects.md") as tables:
        image = tables.section("image", DetectorInput, _RULES)
        boxes = tables.section("boxes", BoxOutput, _RULES)
        return OwnDetector(**tables.rest([image.onnx]), image=image, boxes=boxes)


def damaged_detectors(home: Path) -> list[str]:
    """Returns what is wrong with the detectors of a home that are damaged."""
    found = []
    for folder in sorted(path for path in (home / FOLDER).glob("[!.]*") if path.is_dir()):
        try:
            check_files(read_folder(folder))
        except InvalidModel as error:
            found.append(str(error))
    return found
