"""Networks that users bring: their descriptions, hostile files, and what their photos become."""

import hashlib
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tiny_joint import DIM, SIZE, expected, image_tower, write_joint

from data.errors import SettingsError
from data.settings import Settings
from engine.backbones import damaged_backbones, load_backbone, resolve_spec
from engine.errors import BackboneUnavailable, InvalidModel
from engine.own_backbones import check_onnx, read_own
from engine.text import TextEncoder
from indexer.backbones import BackboneNotes, add, check, list_backbones, remove

TOLD = BackboneNotes()


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has the tiny joint model as `tiny`; not to be changed."""
    folder = tmp_path_factory.mktemp("own")
    add(Settings(home=folder / "home"), write_joint(folder / "joint"), "tiny", TOLD)
    return folder / "home"


@pytest.fixture
def home(added: Path, tmp_path: Path) -> Path:
    shutil.copytree(added / "backbones", tmp_path / "own_home" / "backbones")  # nothing is converted yet
    return tmp_path / "own_home"


def of(home: Path, **changes: Any) -> Settings:
    return Settings(**{"home": home, "backbone": "tiny", "precision": "f32", **changes})


def test_its_features_are_those_that_numpy_computes(added: Path) -> None:
    settings = of(added)
    pixels = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), np.uint8)
    rows = load_backbone(settings, resolve_spec(settings)).embed(pixels)
    assert np.allclose(rows, [expected(each) for each in pixels], atol=1e-4)


def test_words_lie_beside_photos_of_what_they_name(added: Path) -> None:
    encoder = TextEncoder("backbones/tiny", home=added)
    words = encoder.embed(["a red thing", "BLUE"])
    painted = np.stack([np.full((SIZE, SIZE, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255))])
    photos = np.stack([expected(each) for each in painted])
    cosines = words @ (photos / np.linalg.norm(photos, axis=1, keepdims=True)).T
    assert (np.diag(cosines) > 0.99).all()
    assert encoder.dim == DIM


def test_every_entry_that_decides_the_features_is_in_the_fingerprint(added: Path, tmp_path: Path) -> None:
    first = resolve_spec(of(added))
    other = Settings(home=tmp_path / "other")
    shutil.copytree(added / "backbones", other.home / "backbones")
    path = other.home / "backbones" / "tiny" / "backbone.toml"
    for old, new in (("1.0", "0.9"), ('"whole"', '"centre"'), ("0.5,", "0.6,")):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        second = resolve_spec(of(other.home))
        assert second.fingerprint != first.fingerprint
        first = second


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"channels": "BGR"}, "channels = RGB"),
        ({"mean": [0.0, 0.0, 0.0], "std": [1 / 255] * 3}, "reference"),
        ({"fit": "centre"}, 'fit = "whole"'),
        ({"layout": "NHWC"}, "must fit its description"),
        ({"dim": 11}, "reference vector of 12 numbers"),
        ({"input": "photos"}, "must have the input 'photos'"),
        ({"output": "rows"}, "must have the output 'rows'"),
        ({"pooling": "average"}, "must fit its description"),
        ({"colour": "red"}, "unknown entry image.colour"),
        ({"input_size": 100_000}, "32 to 1024"),
        ({"std": [0.2, 0.0, 0.3]}, "std of 0 or less"),
        ({"shown": float("nan")}, "Invalid value"),
        ({"onnx": "../image.onnx"}, "plain file|another folder"),
    ],
)
def test_a_wrong_description_is_refused_and_nothing_is_stored(
    wrong: dict[str, Any], named: str, settings: Settings, tmp_path: Path
) -> None:
    folder = write_joint(tmp_path / "joint", **wrong)
    with pytest.raises(InvalidModel, match=named):
        add(settings, folder, "tiny", TOLD)
    assert list((settings.home / "backbones").iterdir()) == []


def _link(folder: Path) -> None:
    (folder / "image.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "image.onnx").symlink_to(folder.parent / "elsewhere.onnx")


def _pipe(folder: Path) -> None:
    (folder / "image.onnx").unlink()
    os.mkfifo(folder / "image.onnx")


def _noise(folder: Path) -> None:
    (folder / "image.onnx").write_bytes(b"\xff" * 1000)


def _custom_operator(folder: Path) -> None:
    model = onnx.load(folder / "image.onnx")
    model.graph.node.append(helper.make_node("Run", ["features"], ["more"], domain="evil"))
    onnx.save(model, folder / "image.onnx")


def _hidden_operator(folder: Path) -> None:
    """Puts a foreign operator inside the branch of an If."""
    model = onnx.load(folder / "image.onnx")
    run = helper.make_node("Run", [], ["inside"], domain="evil")
    branch = helper.make_graph([run], "b", [], [helper.make_tensor_value_info("inside", TensorProto.FLOAT, [1])])
    node = helper.make_node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch)
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [1], [True]))
    model.graph.node.append(node)
    onnx.save(model, folder / "image.onnx")


def _outside(folder: Path, place: str = "../../secret") -> None:
    model = onnx.load(folder / "image.onnx")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    onnx.save(model, folder / "image.onnx")


def _beyond_its_end(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(b"\0" * 4)
    _outside(folder, "weights.bin")
    model = onnx.load(folder / "image.onnx", load_external_data=False)
    model.graph.initializer[0].external_data.add(key="length", value="12")
    onnx.save(model, folder / "image.onnx")


def _bomb(folder: Path) -> None:
    """Makes a step of 32 GiB for one photo."""
    model = onnx.load(folder / "image.onnx")
    model.graph.initializer.append(helper.make_tensor("many", TensorProto.INT64, [4], [1, 30_000, 300_000, 1]))
    model.graph.node.insert(0, helper.make_node("Slice", ["pixels", "zero", "one", "axis"], ["few"]))
    for name, value in (("zero", 0), ("one", 1), ("axis", 1)):
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    model.graph.node.insert(1, helper.make_node("Tile", ["few", "many"], ["huge"]))
    model.graph.node.insert(2, helper.make_node("ReduceMean", ["huge"], ["small"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", ["features", "small"], ["sum"]))
    model.graph.output[0].name = "sum"
    onnx.save(model, folder / "image.onnx")
    path = folder / "backbone.toml"
    path.write_text(path.read_text().replace('output = "features"', 'output = "sum"', 1))


def _tokens(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[" * 100_000)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (_link, "link"),
        (_pipe, "plain file"),
        (_noise, "ONNX file"),
        (_custom_operator, "own operators"),
        (_hidden_operator, "own operators"),
        (_outside, "files beside it"),
        (_beyond_its_end, "beyond its end"),
        (_bomb, "in a step"),
        (_tokens, "tokenizers"),
    ],
)
def test_hostile_files_are_refused(
    harm: Callable[[Path], None], named: str, settings: Settings, tmp_path: Path
) -> None:
    folder = write_joint(tmp_path / "joint")
    harm(folder)
    with pytest.raises(InvalidModel, match=named):
        add(settings, folder, "tiny", TOLD)
    assert list((settings.home / "backbones").iterdir()) == []


def test_weights_may_lie_in_a_file_beside(tmp_path: Path, settings: Settings) -> None:
    folder = write_joint(tmp_path / "joint")
    model = onnx.load(folder / "image.onnx")
    onnx.save(model, folder / "image.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert check_onnx(folder / "image.onnx", {"weights.bin": 1000}) == ["weights.bin"]
    add(settings, folder, "tiny", TOLD)
    assert "weights.bin" in read_own(settings.home, "tiny").files


@pytest.mark.parametrize("name", ["../tiny", "Tiny", "", "a" * 65, "inception_v3", ".hidden", "a/b"])
def test_names_that_lead_elsewhere_are_refused(name: str, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackboneUnavailable, match="name must have"):
        add(settings, write_joint(tmp_path / "joint"), name, TOLD)


def test_a_taken_name_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BackboneUnavailable, match="exists already"):
        add(of(home), write_joint(tmp_path / "joint"), "tiny", TOLD)


def test_a_changed_file_is_found_and_not_converted(home: Path) -> None:
    assert damaged_backbones(home) == {}
    image_tower(home / "backbones" / "tiny" / "image.onnx", allowzero=1)
    assert list(damaged_backbones(home)) == [home / "backbones" / "tiny"]
    with pytest.raises(InvalidModel, match="it was changed"):
        load_backbone(of(home), resolve_spec(of(home)))
    with pytest.raises(InvalidModel, match="it was changed"):
        check(of(home), "tiny")


def test_a_changed_description_is_not_taken_for_the_one_that_made_the_features(home: Path) -> None:
    spec = resolve_spec(of(home))
    path = home / "backbones" / "tiny" / "backbone.toml"
    path.write_text(path.read_text().replace("MIT", "BSD"))
    with pytest.raises(InvalidModel, match="as it was when the features were made"):
        load_backbone(of(home), spec)


def test_an_onnx_file_alone_needs_only_the_name_of_its_preprocessing(tmp_path: Path, settings: Settings) -> None:
    image_tower(tmp_path / "network.onnx")
    with pytest.raises(InvalidModel, match="imagenet, clip"):
        add(settings, tmp_path / "network.onnx", "alone", TOLD)
    found = add(settings, tmp_path / "network.onnx", "alone", BackboneNotes(preprocessing="clip", licence="MIT"))
    assert (found.dim, found.has_text, found.reference_cosine) == (DIM, False, None)
    image = read_own(settings.home, "alone").image
    assert (image.input, image.input_size, image.fit, image.resample) == ("pixels", SIZE, "centre", "bicubic")


def test_the_list_tells_what_uses_a_network_and_that_one_is_not_removed(home: Path) -> None:
    (kept,) = list_backbones(of(home))
    assert (kept.name, kept.kind, kept.dim, kept.licence, kept.used) == (
        "tiny",
        "image and text",
        DIM,
        "MIT",
        ("the settings",),
    )
    with pytest.raises(BackboneUnavailable, match="in use by the settings"):
        remove(of(home), "tiny")
    with pytest.raises(BackboneUnavailable, match="in use by the settings"):
        remove(of(home, backbone="efficientnet_lite2+tiny"), "tiny")
    remove(of(home, backbone="efficientnet_lite2"), "tiny")
    assert list((home / "backbones").iterdir()) == []
    with pytest.raises(BackboneUnavailable, match="only a backbone"):
        remove(of(home), "tiny")


def test_settings_that_it_cannot_serve_are_refused(added: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="OpenVINO only"):
        resolve_spec(of(added, runtime="keras"))
    with pytest.raises(SettingsError, match=f"input_size must be 0 with tiny, whose file says {SIZE}; got 320"):
        resolve_spec(of(added, input_size=320))
    with pytest.raises(SettingsError, match="text tower"):
        resolve_spec(Settings(home=added, backbone="efficientnet_lite2", text_encoder="backbone"))


def test_the_stored_description_names_the_sha256_of_every_file(added: Path) -> None:
    folder = added / "backbones" / "tiny"
    files = tomllib.loads((folder / "backbone.toml").read_text())["files"]
    own = {path.name for path in folder.iterdir()} - {"backbone.toml"}
    assert files == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in own}
