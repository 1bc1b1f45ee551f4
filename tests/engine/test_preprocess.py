import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.settings import Settings
from engine.answers import photo_input
from engine.backbones import PREPROCESSING, decode_target, load_input, looked_at
from engine.backbones.preprocess import to_input
from engine.protocols import Mask


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 64), st.integers(0, 254))
def test_any_photo_becomes_a_square_of_its_colour_with_white_beside_it(
    height: int, width: int, size: int, value: int
) -> None:
    square = to_input(np.full((height, width, 3), value, np.uint8), size)
    assert square.shape == (size, size, 3)
    assert square.dtype == np.uint8
    assert set(np.unique(square)) <= {value, 255}
    side = 7 / 8 * max(height, width)
    expected = [max(1, round(min(1, part / side) * size)) for part in (height, width)]
    seen = (square == value).all(axis=2)
    assert [seen.any(axis=1).sum(), seen.any(axis=0).sum()] == expected
    assert seen.sum() == expected[0] * expected[1]


def test_fine_patterns_are_averaged_not_sampled() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(to_input(stripes, 50).astype(int) - 127).max() <= 10


@pytest.mark.parametrize("size", [(40, 80), (80, 40), (64, 64)])
def test_up_stays_up_left_stays_left_and_shapes_keep_their_proportions(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2, :, 0] = 200
    image[:, : size[1] // 2, 1] = 200
    square = to_input(image, 16)
    assert square[6, 6].tolist() == [200, 200, 0]
    assert square[6, 9].tolist() == [200, 0, 0]
    assert square[9, 6].tolist() == [0, 200, 0]
    assert square[9, 9].tolist() == [0, 0, 0]
    seen: Mask = np.any(square < 255, axis=2)
    assert seen.any(axis=1).sum() / seen.any(axis=0).sum() == pytest.approx(
        min(1, size[0] / (7 / 8 * max(size))) / min(1, size[1] / (7 / 8 * max(size))), rel=0.07
    )


def test_the_border_is_left_out_and_the_middle_is_centred() -> None:
    image = np.zeros((160, 160, 3), np.uint8)
    image[10:150, 10:150] = 100
    image[70:90, 70:90] = 250
    square = to_input(image, 140)
    assert square[1:-1, 1:-1].min() == 100
    assert (square[60:80, 60:80] == 250).all()
    assert (square[:59] == 250).sum() == 0


@given(st.integers(8, 400), st.integers(0, 300))
def test_a_photo_decoded_at_the_target_is_never_enlarged(size: int, longer_by: int) -> None:
    shorter = decode_target(size)
    assert 7 / 8 * (shorter + longer_by) >= size


def test_the_callers_pixels_are_never_written_to() -> None:
    image = np.asarray(Image.new("RGB", (50, 30), "red"))
    assert not image.flags.writeable
    before = image.copy()
    to_input(image, 20)
    assert (image == before).all()


def test_all_of_a_box_is_seen(settings: Settings) -> None:
    photo = np.zeros((400, 400, 3), np.uint8)
    photo[100:300, 100:300] = (255, 0, 0)
    photo[110:290, 110:290] = (0, 0, 255)
    content = io.BytesIO()
    Image.fromarray(photo).save(content, "PNG")
    seen = photo_input(content.getvalue(), (103, 103, 297, 297), 100, settings, PREPROCESSING)[0]
    for edge in (seen[2, 20:80], seen[-3, 20:80], seen[20:80, 2], seen[20:80, -3]):
        assert (edge == (255, 0, 0)).all()


@given(st.integers(1, 80), st.integers(1, 80))
def test_a_close_up_is_the_middle_mirrored(height: int, width: int) -> None:
    columns = np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None], (height, width, 3))
    close = looked_at(columns, "close")
    assert min(close.shape[:2]) >= 1
    assert abs(close.shape[0] - 0.75 * height) <= 1
    assert abs(close.shape[1] - 0.75 * width) <= 1
    around = (width - close.shape[1]) // 2
    np.testing.assert_array_equal(close[0, :, 0], np.arange(width - around - 1, around - 1, -1))
    np.testing.assert_array_equal(looked_at(columns, "flip")[:, ::-1], columns)
    assert looked_at(columns, "photo") is columns


def test_a_close_up_is_decoded_large_enough(settings: Settings) -> None:
    content = io.BytesIO()
    colours = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    Image.fromarray(colours).resize((1600, 1200), Image.Resampling.BICUBIC).save(content, "JPEG")
    small = load_input(content.getvalue(), 64, settings, PREPROCESSING, "close")
    whole = np.asarray(Image.open(content).convert("RGB"))
    assert np.abs(small.astype(int) - to_input(looked_at(whole, "close"), 64)).mean() < 3
    assert min(looked_at(np.zeros((decode_target(64, look="close"),) * 2, np.uint8), "close").shape) * 7 / 8 >= 63
