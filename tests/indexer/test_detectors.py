"""Detectors come into a home only when they answer as they must, and leave it at once."""

import io
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper
from PIL import Image
from tiny_detector import SIZE, write_detector

from data.errors import SettingsError
from data.settings import Settings, load_settings
from engine.errors import BackboneUnavailable, InvalidModel
from indexer.detectors import SeenBox, add, check, list_detectors, remove
from indexer.operating import examine


@pytest.mark.parametrize(
    ("form", "wrong", "named"),
    [
        ("background", {"activation": "none"}, r"scores must be 0\.\.1; they are not with activation = 'none'"),
        ("background", {"unit": "pixels"}, "unit is perhaps 'share'"),
        ("transposed", {"unit": "share"}, "far outside the photo with unit = 'share'"),
        ("transposed", {"transposed": False}, r"outputs of \[\(1, 6, 3\)\].*Correct output, scores and transposed"),
        ("objectness", {"scores": "rows"}, "rows and rows are one"),
        ("corners and scores", {"output": "boxes"}, "must have the output 'boxes'; it has chance, corners"),
        ("corners and scores", {"input": "images"}, "must have the input 'images'; it has pixels"),
        ("corners and scores", {"input_size": 96}, "must fit its description"),
        ("corners and scores", {"format": "xywh"}, "one of xyxy, yxyx, cxcywh is needed"),
        ("corners and scores", {"least": 2.0}, "0.0 to 1.0 is needed"),
        ("corners and scores", {"fill": 300}, "0 to 255 is needed"),
        ("corners and scores", {"transposed": 1}, "a bool is needed"),
        ("corners and scores", {"classes": 3}, "unknown entry boxes.classes"),
        ("corners and scores", {"std": [0.1, 0.0, 0.1]}, "a std of 0 or less"),
        ("corners and scores", {"onnx": "../detector.onnx"}, "plain file|another folder"),
    ],
)
def test_a_wrong_description_is_refused_and_nothing_is_stored(
    form: str, wrong: dict[str, Any], named: str, settings: Settings, tmp_path: Path
) -> None:
    folder = write_detector(tmp_path / "tiny", form, **wrong)
    with pytest.raises(InvalidModel, match=named):
        add(settings, folder, "tiny")
    assert list((settings.home / "detectors").iterdir()) == []


def _noise(folder: Path) -> None:
    (folder / "detector.onnx").write_bytes(b"\xff" * 1000)


def _link(folder: Path) -> None:
    (folder / "detector.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "detector.onnx").symlink_to(folder.parent / "elsewhere.onnx")


def _foreign(folder: Path) -> None:
    model = onnx.load(folder / "detector.onnx")
    model.graph.node.append(helper.make_node("Run", ["chance"], ["more"], domain="evil"))
    onnx.save(model, folder / "detector.onnx")


def _huge_step(folder: Path) -> None:
    model = onnx.load(folder / "detector.onnx")
    model.graph.initializer.append(helper.make_tensor("many", onnx.TensorProto.INT64, [4], [1, 1, 1000, 1000]))
    model.graph.node.insert(0, helper.make_node("Tile", ["pixels", "many"], ["huge"]))
    model.graph.node.insert(1, helper.make_node("ReduceMean", ["huge", "both"], ["small"], keepdims=1))
    model.graph.node.insert(2, helper.make_node("Add", ["pixels", "small"], ["moved"]))
    transpose = next(node for node in model.graph.node if node.op_type == "Transpose")
    transpose.input[0] = "moved"
    onnx.save(model, folder / "detector.onnx")


def _no_description(folder: Path) -> None:
    (folder / "detector.toml").unlink()


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (_noise, "ONNX file"),
        (_link, "link"),
        (_foreign, "own operators"),
        (_huge_step, "values in a step"),
        (_no_description, r"detector\.toml must be as docs/objects\.md says"),
    ],
)
def test_hostile_files_are_refused(harm: Any, named: str, settings: Settings, tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "tiny")
    harm(folder)
    with pytest.raises(InvalidModel, match=named):
        add(settings, folder, "tiny")
    assert list((settings.home / "detectors").iterdir()) == []


@pytest.mark.parametrize("name", ["../tiny", "Tiny", "", "a" * 65, ".hidden", "a/b"])
def test_names_that_lead_elsewhere_are_refused(name: str, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="name must have"):
        add(settings, write_detector(tmp_path / "tiny"), name)


def test_a_detector_is_removed_and_another_takes_its_name(settings: Settings, tmp_path: Path) -> None:
    add(settings, write_detector(tmp_path / "one"), "tiny")
    with pytest.raises(BackboneUnavailable, match="lookalike detector remove tiny"):
        add(settings, write_detector(tmp_path / "two", "transposed"), "tiny")
    used = load_settings(home=settings.home, detector="tiny", backbone="efficientnet_lite2")
    with pytest.raises(InvalidModel, match="in use by the settings"):
        remove(used, "tiny")
    remove(settings, "tiny")
    with pytest.raises(InvalidModel, match="only a detector"):
        remove(settings, "tiny")
    add(settings, tmp_path / "two", "tiny")
    (kept,) = list_detectors(used)
    assert (kept.name, kept.licence, kept.used, kept.damage) == ("tiny", "MIT", True, "")


def test_a_setting_that_names_none_is_refused_with_the_nearest(settings: Settings, tmp_path: Path) -> None:
    add(settings, write_detector(tmp_path / "one"), "shelves")
    with pytest.raises(SettingsError, match=r"\(shelves\); got 'shelfs'\. .*shelves"):
        load_settings(home=settings.home, detector="shelfs")


def test_check_shows_the_boxes_of_a_photo_as_it_is_shown(settings: Settings, tmp_path: Path) -> None:
    add(settings, write_detector(tmp_path / "one"), "tiny")
    picture = Image.new("RGB", (1200, 900), (240, 240, 240))
    picture.paste((0, 0, 255), (300, 150, 900, 600))
    out, turned = io.BytesIO(), picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a turn to the right
    turned.save(out, "JPEG", quality=95, exif=exif)
    (seen,) = check(settings, "tiny", out.getvalue()).boxes or ()
    assert isinstance(seen, SeenBox)
    assert max(abs(one - other) for one, other in zip(seen.box, (300, 150, 900, 600), strict=True)) <= 1200 / SIZE
    assert seen.score > 0.9
    assert check(settings, "tiny").boxes is None


def test_doctor_names_a_damaged_detector_and_knows_its_files(settings: Settings, tmp_path: Path) -> None:
    add(settings, write_detector(tmp_path / "one"), "tiny")
    said = [str(finding) for finding in examine(settings)]
    assert not [line for line in said if "detectors" in line]
    (settings.home / "detectors" / "tiny" / "detector.onnx").write_bytes(b"")
    said = [str(finding) for finding in examine(settings)]
    assert [line for line in said if line.startswith("FAIL") and "detectors" in line and "it was changed" in line]
    (kept,) = list_detectors(settings)
    assert kept.damage == ""  # its description is as it was; `check` and doctor read the files
