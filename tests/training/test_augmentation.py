"""Augmented copies: what each operation does, and that a copy is always the same."""

import numpy as np
import pytest
from PIL import Image

from training.photos import contact_sheet, copy_key, look_key, varied_key
from training.photos.augmentation import augment, blur, brighten, crop, rotate, vary

SHA = "3f" * 32


@pytest.fixture
def quarters() -> np.ndarray:
    """Red, green over blue, white."""
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[:40, :60], picture[:40, 60:], picture[40:, :60], picture[40:, 60:] = (
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        255,
    )
    return picture


def test_a_copy_is_always_the_same_and_copies_differ(quarters: np.ndarray) -> None:
    copies = [augment(quarters, SHA, number) for number in range(6)]
    for number, copy in enumerate(copies):
        np.testing.assert_array_equal(copy, augment(quarters, SHA, number))
        assert copy.dtype == np.uint8
        assert copy.shape[2] == 3
    assert len({copy.tobytes() for copy in copies}) == 6
    assert augment(quarters, "40" * 32, 0).tobytes() != copies[0].tobytes()


@pytest.mark.parametrize(
    ("corner", "colour"), [(0, (255, 0, 0)), (1, (0, 255, 0)), (2, (0, 0, 255)), (3, (255, 255, 255))]
)
def test_corner_crops_keep_their_corner(quarters: np.ndarray, corner: int, colour: tuple[int, int, int]) -> None:
    piece = np.asarray(crop(Image.fromarray(quarters), 0.5, corner))
    assert piece.shape == (40, 60, 3)
    assert (piece == colour).all()


def test_the_other_operations(quarters: np.ndarray) -> None:
    picture = Image.fromarray(quarters)
    assert np.asarray(brighten(picture, 0.5))[0, 0, 0] in (127, 128)
    turned = np.asarray(rotate(picture, 20))
    assert turned.shape == quarters.shape
    assert (turned.sum(axis=2) > 100).all(), "no black corner may come in"
    other = np.asarray(rotate(picture, -20))
    assert (turned[20, 65] != other[20, 65]).any(), "left and right must differ"
    soft = np.asarray(blur(picture, 8.0))
    assert 0 < soft[5, 59, 0] < 255


@pytest.mark.parametrize("size", [(16, 16), (16, 300), (1, 40)])
def test_odd_sizes_survive(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    for number in range(12):
        assert min(augment(picture, SHA, number).shape[:2]) >= 1


def test_keys_name_the_photo_and_the_copy() -> None:
    assert copy_key(SHA, 2) == f"{SHA}+a2.2"
    assert (look_key(SHA, "photo"), look_key(SHA, "close")) == (SHA, f"{SHA}+close")


def test_the_contact_sheet_shows_every_operation(quarters: np.ndarray) -> None:
    sheet = contact_sheet(quarters, SHA, 4)
    assert sheet.size == (800, 4 * 222)
    assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 50


def test_varied_copies_differ_from_each_other_and_come_out_the_same_each_time(quarters: np.ndarray) -> None:
    copies = [vary(quarters, SHA, number) for number in range(8)]
    for number, copy in enumerate(copies):
        np.testing.assert_array_equal(copy, vary(quarters, SHA, number))
        assert copy.dtype == np.uint8
        assert np.prod(copy.shape[:2]) <= np.prod(quarters.shape[:2])
    assert len({copy.tobytes() for copy in copies}) == 8
    assert copy_key(SHA, 1) != varied_key(SHA, 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (300, 2)])
def test_the_smallest_photos_can_be_varied(shape: tuple[int, int]) -> None:
    assert vary(np.full((*shape, 3), 200, np.uint8), SHA, 3).size
