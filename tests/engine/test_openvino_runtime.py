import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import are_real, photo_files

from data.errors import SettingsError
from data.settings import Settings
from engine import exports
from engine.backbones import PREPROCESSING, load_backbone, load_input, resolve_spec
from engine.backbones.openvino_runtime import OpenVinoBackbone, export, is_exported, model_folder, quantise
from engine.errors import BackboneUnavailable, InvalidModel, NoFeatureMap
from engine.exports import processor_has_bf16
from engine.protocols import BackboneSpec, Floats

SIZE = 260
TINY = BackboneSpec(
    name="tiny", dim=4, input_size=8, weights_digest="0" * 64, preprocessing="1", runtime="openvino", precision="f32"
)


def tiny_model() -> Any:
    """Mean colour of an 8 x 8 picture through a 3 -> 4 convolution."""
    import openvino
    from openvino import opset13 as ops

    image = ops.parameter([-1, 8, 8, 3], np.uint8, name="image")
    planes = ops.transpose(ops.convert(image, np.float32), np.array([0, 3, 1, 2]))
    kernel = ops.constant(np.arange(12, dtype=np.float32).reshape(4, 3, 1, 1) / 100)
    spread = ops.convolution(planes, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    return openvino.Model([ops.reduce_mean(spread, np.array([2, 3]))], [image])


def tiny_expected(images: np.ndarray) -> np.ndarray:
    rows: np.ndarray = images.mean((1, 2)) @ (np.arange(12).reshape(4, 3) / 100).T
    return rows


def tiny_images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    return np.stack([load_input(content, SIZE, Settings(), PREPROCESSING) for content in photo_files(40)])


@pytest.fixture(scope="module")
def reference(inputs: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Floats:
    """The same photos through Keras itself."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), backbone="efficientnet_lite2", runtime="keras")
    return load_backbone(settings, resolve_spec(settings)).embed(inputs[:12])


def cosines(one: Floats, other: Floats) -> Floats:
    found: Floats = np.sum(one * other, axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    return found


@pytest.mark.parametrize("latency", [False, True])
@pytest.mark.parametrize(("precision", "least"), [("f32", 0.9999), ("bf16", 0.99)])
def test_features_are_those_of_keras(
    settings: Settings,
    efficientnet_home: Path,
    inputs: np.ndarray,
    reference: Floats,
    precision: str,
    least: float,
    latency: bool,
) -> None:
    if precision == "bf16" and not processor_has_bf16():
        pytest.skip("this processor does not compute in bf16")
    settings = settings.replace(precision=precision)
    backbone = load_backbone(settings, resolve_spec(settings), latency=latency)
    rows = backbone.embed(inputs[:12])
    assert rows.dtype == np.float32
    assert cosines(rows, reference).min() >= least
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.linalg.norm(reference, axis=1), rel=0.03)


def test_int8_features_are_close_to_those_of_keras(
    settings: Settings, efficientnet_home: Path, inputs: np.ndarray, reference: Floats
) -> None:
    settings = settings.replace(precision="int8")
    spec = resolve_spec(settings)
    with pytest.raises(BackboneUnavailable, match="calibrated"):
        load_backbone(settings, spec)
    load_backbone(settings, spec, calibration=inputs)
    again = load_backbone(settings, spec, latency=True)
    # The bar of 0.98 is for photographs; pictures drawn from noise and hard edges reach 0.979.
    assert cosines(again.embed(inputs[:12]), reference).min() >= (0.98 if are_real() else 0.97)


def test_precisions_never_meet(settings: Settings) -> None:
    specs = [resolve_spec(settings.replace(precision=precision)) for precision in ("f32", "int8")]
    assert specs[0].fingerprint != specs[1].fingerprint


def test_photos_are_read_at_the_size_that_the_settings_or_a_generation_name(
    settings: Settings, efficientnet_home: Path
) -> None:
    settings = settings.replace(precision="f32")
    smaller = settings.replace(input_size=96)
    of_settings, of_generation = resolve_spec(smaller), resolve_spec(settings)
    assert (of_settings.input_size, of_generation.input_size) == (96, SIZE)
    assert of_settings.fingerprint != of_generation.fingerprint
    for spec in (of_settings, of_generation):  # a generation keeps its size, whatever the settings say now
        black = np.zeros((2, spec.input_size, spec.input_size, 3), np.uint8)
        assert load_backbone(smaller, spec).embed(black).shape == (2, 1280)


def test_a_size_too_small_for_a_network_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="at least 96; got 32"):
        resolve_spec(settings.replace(input_size=32))


def test_loading_an_exported_model_needs_neither_keras_nor_tensorflow_and_tells_nobody(
    efficientnet_home: Path, tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\nfrom data.settings import Settings\n"
        "from engine.backbones import load_backbone, resolve_spec\n"
        "settings = Settings(home=Path(sys.argv[1]), backbone='efficientnet_lite2', precision='f32')\n"
        "print(load_backbone(settings, resolve_spec(settings)).embed(np.zeros((1, 260, 260, 3), np.uint8)).shape)\n"
        "print(sorted({'keras', 'tensorflow', 'torch', 'openvino_telemetry.main'} & set(sys.modules)))"
    )
    user = tmp_path / "user"
    user.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(user), "CI": ""}
    run = subprocess.run(
        [sys.executable, "-c", code, efficientnet_home], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines() == ["(1, 1280)", "[]"], run.stderr
    assert list(user.iterdir()) == []  # OpenVINO's telemetry would keep the user's id there


def test_a_network_without_a_grid_says_so(tmp_path: Path) -> None:
    export(tmp_path, TINY, tiny_model)
    with pytest.raises(NoFeatureMap, match="tiny cannot say where") as caught:
        OpenVinoBackbone(tmp_path, TINY, threads=1).look(tiny_images(1))
    assert caught.value.field == "objects"


@pytest.mark.parametrize("latency", [False, True])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 40])
def test_any_number_of_images(tmp_path: Path, count: int, latency: bool) -> None:
    export(tmp_path, TINY, tiny_model)
    rows = OpenVinoBackbone(tmp_path, TINY, threads=2, latency=latency).embed(tiny_images(count))
    assert rows.shape == (count, 4)
    assert rows == pytest.approx(tiny_expected(tiny_images(count)), abs=1e-3)


def test_callers_on_many_threads_get_their_own_rows(tmp_path: Path) -> None:
    export(tmp_path, TINY, tiny_model)
    backbone = OpenVinoBackbone(tmp_path, TINY, threads=2, latency=True)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: backbone.embed(tiny_images(number)), range(1, 60)))
    for number, rows in enumerate(answers, 1):
        assert rows == pytest.approx(tiny_expected(tiny_images(number)), abs=1e-3)


def test_a_query_that_comes_while_another_is_computed_need_not_wait_for_it(tmp_path: Path) -> None:
    export(tmp_path, TINY, tiny_model)
    backbone = OpenVinoBackbone(tmp_path, TINY, threads=2, latency=True)
    assert backbone._alone is not None
    quick, began, may_end = backbone._alone.get(), threading.Event(), threading.Event()

    class Slow:
        def infer(self, *args: Any, **options: Any) -> Any:
            began.set()
            assert may_end.wait(60)
            return quick.infer(*args, **options)

    backbone._alone.put(Slow())
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(backbone.embed, tiny_images(1))
        assert began.wait(60)
        assert backbone.embed(tiny_images(2)) == pytest.approx(tiny_expected(tiny_images(2)), abs=1e-3)
        assert not first.done()
        may_end.set()
        assert first.result(60) == pytest.approx(tiny_expected(tiny_images(1)), abs=1e-3)


def test_a_model_is_exported_once(tmp_path: Path) -> None:
    first = export(tmp_path, TINY, tiny_model)
    assert is_exported(tmp_path, TINY)
    assert export(tmp_path, TINY, lambda: pytest.fail("exported twice")) == first


def test_two_exports_at_once_leave_one_whole_model(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def convert() -> Any:
        barrier.wait(10)
        return tiny_model()

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: export(tmp_path, TINY, convert), range(4)))
    assert folders == {model_folder(tmp_path, TINY)}
    assert [path.name for path in (tmp_path / "runtime").iterdir()] == [TINY.fingerprint]
    assert len(OpenVinoBackbone(tmp_path, TINY, threads=1).embed(tiny_images(3))) == 3


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError("no space left on device")

    monkeypatch.setattr(exports, "sha256_file", full)
    with pytest.raises(OSError, match="no space"):
        export(tmp_path, TINY, tiny_model)
    assert list((tmp_path / "runtime").iterdir()) == []


def test_leftovers_of_killed_exports_are_removed_but_not_those_under_way(tmp_path: Path) -> None:
    for name in (".export-killed", ".export-running"):
        (tmp_path / "runtime" / name).mkdir(parents=True)
    os.utime(tmp_path / "runtime" / ".export-killed", (0, 0))
    export(tmp_path, TINY, tiny_model)
    assert {path.name for path in (tmp_path / "runtime").iterdir()} == {".export-running", TINY.fingerprint}


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "model.json"])
def test_one_flipped_byte_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = export(tmp_path, TINY, tiny_model) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidModel, match=r"model\."):
        OpenVinoBackbone(tmp_path, TINY, threads=1)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model.xml": 1, "model.bin": null}'])
def test_a_damaged_record_is_refused(tmp_path: Path, content: str) -> None:
    (export(tmp_path, TINY, tiny_model) / "model.json").write_text(content)
    with pytest.raises(InvalidModel, match="Delete the folder"):
        OpenVinoBackbone(tmp_path, TINY, threads=1)


def test_quantising_takes_at_most_200_photos_and_prints_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(tmp_path, TINY, tiny_model)
    taken = 0

    def photos() -> Any:
        nonlocal taken
        for image in tiny_images(500):
            taken += 1
            yield image

    spec = BackboneSpec.from_json({**TINY.to_json(), "precision": "int8"})
    folder = quantise(tmp_path, spec, photos())
    assert taken <= 201
    assert capsys.readouterr().out == ""
    assert json.loads((folder / "model.json").read_text()).keys() == {"model.xml", "model.bin"}
