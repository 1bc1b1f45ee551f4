"""A detector that a shop brought, the whole way: added by commands, set, and asked over HTTP for things in photos."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from shape_catalogue import draw_shape
from tiny_backbone import TinyBackbone
from tiny_detector import SIZE, write_detector

from api.app import create_app
from data.settings import load_settings
from engine.search import SearchEngine

PLACES = {"red": ("disc", 60, 40, 300), "blue": ("square", 420, 600, 200), "green": ("bar", 40, 560, 240)}
Box = tuple[float, float, float, float]


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "lookalike", *arguments]
    environment = os.environ | {"LOOKALIKE_HOME": str(home), "LOOKALIKE_BACKBONE": "efficientnet_lite2"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def home(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built home to which two detectors were added by commands."""
    folder = tmp_path_factory.mktemp("detectors")
    shutil.copytree(built_home, folder / "home")
    for name, form, fit in (("boxes", "corners and scores", "middle"), ("yolo", "transposed", "corner")):
        added = run(
            folder / "home", "detector", "add", str(write_detector(folder / name, form, fit=fit)), "--name", name
        )
        assert (added.returncode, "Every check passed" in added.stdout) == (0, True), added.stderr
    return folder / "home"


@pytest.fixture(scope="module")
def client_of(home: Path) -> Callable[[str], FlaskClient]:
    """Makes a client of the home with a detector."""

    def client(detector: str) -> FlaskClient:
        settings = load_settings({}, home=home, backbone="efficientnet_lite2", detector=detector)
        return create_app(settings, SearchEngine(settings, backbone=TinyBackbone())).test_client()

    return client


def table() -> Image.Image:
    """A photo, 640 x 840, of a table on which three shapes lie."""
    picture = Image.new("RGB", (640, 840), (240, 240, 235))
    for colour, (shape, left, top, side) in PLACES.items():
        picture.paste(draw_shape(colour, shape).resize((side, side)), (left, top))
    return picture


def painted(picture: Image.Image, colour: str) -> Box:
    """Returns the box around what was drawn in a colour, found in the picture itself."""
    _, left, top, side = PLACES[colour]
    pixels = np.asarray(picture.crop((left, top, left + side, top + side))).astype(int)
    _, middle, highest = np.sort(pixels, axis=2).transpose(2, 0, 1)
    rows, columns = np.nonzero(highest - middle > 80)
    return left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1


def bytes_of(picture: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def things(client: FlaskClient, photo: bytes) -> list[dict[str, Any]]:
    data = {"file": (io.BytesIO(photo), "table.jpg"), "objects": "true", "k": "3"}
    answer = client.post("/v1/search/image", data=data)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["objects"]
    return found


def check_boxes(found: list[dict[str, Any]]) -> None:
    """Checks that each planted thing has its box, to a pixel of the detector's square, and its product."""
    assert len(found) == 3
    for colour in PLACES:
        drawn = painted(table(), colour)
        (thing,) = [each for each in found if _farthest(each["box"], drawn) <= 1.5 * 840 / SIZE]
        # a bar that fills its box looks much like those of other dark colours
        assert colour in {hit["product_id"].partition("-")[0] for hit in thing["hits"][: 1 if colour != "green" else 3]}


def _farthest(one: Box, other: Box) -> float:
    return max(abs(side - its) for side, its in zip(one, other, strict=True))


@pytest.mark.parametrize("detector", ["boxes", "yolo"])
def test_each_thing_has_its_box_and_its_product(detector: str, client_of: Callable[[str], FlaskClient]) -> None:
    check_boxes(things(client_of(detector), bytes_of(table())))


def test_boxes_lie_in_the_photo_as_it_is_shown(client_of: Callable[[str], FlaskClient]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a turn to the right
    check_boxes(things(client_of("boxes"), bytes_of(table().transpose(Image.Transpose.ROTATE_90), exif=exif)))


def test_a_photo_of_nothing_has_no_things(client_of: Callable[[str], FlaskClient]) -> None:
    assert things(client_of("boxes"), bytes_of(Image.new("RGB", (300, 200), (200, 200, 200)))) == []


def test_status_names_the_detector(client_of: Callable[[str], FlaskClient], home: Path) -> None:
    assert client_of("yolo").get("/v1/status").get_json()["detector"] == "yolo"
    (home / "lookalike.toml").write_text('detector = "boxes"\n')
    try:
        assert "boxes finds the things" in run(home, "status").stdout
        assert json.loads(run(home, "status", "--json").stdout)["detector"] == "boxes"
    finally:
        (home / "lookalike.toml").unlink()


def test_commands_search_with_it_list_it_and_show_its_boxes(home: Path, tmp_path: Path) -> None:
    (tmp_path / "table.jpg").write_bytes(bytes_of(table()))
    seen = run(home, "detector", "check", "boxes", "--photo", str(tmp_path / "table.jpg"))
    assert (seen.returncode, len([line for line in seen.stdout.splitlines() if line.startswith("[")])) == (0, 3)
    (home / "lookalike.toml").write_text('detector = "boxes"\n')
    try:
        listed = run(home, "detector", "list").stdout.splitlines()
        assert [line.partition(":")[0] for line in listed] == ["boxes", "yolo"]
        assert ["used by the settings" in line for line in listed] == [True, False]
        ended = run(home, "detector", "remove", "boxes")
        assert (ended.returncode, "in use by the settings" in ended.stderr) == (1, True)
    finally:
        (home / "lookalike.toml").unlink()


def test_remove_deletes_it(home: Path, tmp_path: Path) -> None:
    assert run(home, "detector", "add", str(write_detector(tmp_path / "short")), "--name", "short").returncode == 0
    assert "short is gone" in run(home, "detector", "remove", "short").stdout
    assert not (home / "detectors" / "short").exists()
    assert json.loads(run(home, "detector", "list", "--json").stdout)[0]["name"] == "boxes"
