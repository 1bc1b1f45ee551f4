import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.preprocess import to_input


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 64), st.integers(0, 255))
def test_any_photo_becomes_a_square_and_a_plain_one_keeps_its_colour(height: int, width: int, size: int, value: int):
    square = to_input(np.full((height, width, 3), value, np.uint8), size)
    assert square.shape == (size, size, 3)
    assert square.dtype == np.uint8
    assert (square == value).all()


def test_a_photo_of_the_right_size_passes_unchanged():
    exact = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (to_input(exact, 32) == exact).all()


def test_fine_patterns_are_averaged_not_sampled():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(to_input(stripes, 50).astype(int) - 127).max() <= 10


@pytest.mark.parametrize("size", [(40, 80), (80, 40)])
def test_up_stays_up_and_left_stays_left(size: tuple[int, int]):
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2, :, 0] = 255
    image[:, : size[1] // 2, 1] = 255
    square = to_input(image, 16)
    assert square[2, 2].tolist() == [255, 255, 0]
    assert square[2, 13].tolist() == [255, 0, 0]
    assert square[13, 2].tolist() == [0, 255, 0]
    assert square[13, 13].tolist() == [0, 0, 0]


def test_the_callers_pixels_are_never_written_to():
    image = np.asarray(Image.new("RGB", (50, 30), "red"))
    assert not image.flags.writeable
    before = image.copy()
    to_input(image, 20)
    assert (image == before).all()
