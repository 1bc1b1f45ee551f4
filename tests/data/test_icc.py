"""Colour profiles: wide gamuts are shown as they were meant, and no profile makes another product of a photo."""

import io

import colour_profiles as profiles
import image_corpus as corpus
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from data.photos import photo_bytes
from data.photos.icc import to_srgb
from data.photos.images import decode_photo
from data.settings import Settings

SETTINGS = Settings()
WIDE = {
    "Display P3": profiles.profile(profiles.DISPLAY_P3, profiles.curve_of_srgb()),
    "Adobe RGB": profiles.profile(profiles.ADOBE_RGB, profiles.gamma(2.2)),
    "ProPhoto": profiles.profile(profiles.PROPHOTO, profiles.gamma(1.8)),
    "P3 by steps": profiles.profile(profiles.DISPLAY_P3, profiles.steps(np.linspace(0, 1, 1024) ** 2.2)),
}


def converted(picture: Image.Image, source: bytes | None, target: bytes | None) -> Image.Image:
    """By LittleCMS."""
    opened = [
        ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("sRGB")
        for profile in (source, target)
    ]
    done = ImageCms.profileToProfile(picture, opened[0], opened[1], ImageCms.Intent.RELATIVE_COLORIMETRIC)
    assert done is not None
    done.info.clear()
    return done


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIC"])
def test_a_wide_gamut_gives_the_colours_that_were_meant(name: str, kind: str) -> None:
    wide = converted(Image.fromarray(corpus.scene()), None, WIDE[name])
    if kind == "HEIC":
        content = corpus.heic(wide, icc_profile=WIDE[name], icc_profile_type="prof")
    else:
        content = corpus.encoded(wide, kind, icc_profile=WIDE[name], quality=95)
    difference = np.abs(decode_photo(content, SETTINGS).pixels.astype(int) - corpus.scene().astype(int))
    assert difference.mean() < 5
    assert (
        np.abs(decode_photo(corpus.encoded(wide), SETTINGS).pixels.astype(int) - corpus.scene().astype(int)).mean() > 5
    )


@pytest.mark.parametrize("name", WIDE)
def test_the_table_is_as_exact_as_littlecms(name: str) -> None:
    picture = converted(Image.fromarray(corpus.scene()), None, WIDE[name])
    difference = np.asarray(to_srgb(picture, WIDE[name])).astype(int) - np.asarray(converted(picture, WIDE[name], None))
    assert np.abs(difference).mean() < 2
    assert np.percentile(np.abs(difference), 99) <= 16


def test_profiles_of_srgb_change_nothing() -> None:
    picture = Image.fromarray(corpus.scene())
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, profiles.profile(profiles.SRGB, profiles.curve_of_srgb()), None, b""):
        assert to_srgb(picture, profile) is picture


RED, GREEN, BLUE = profiles.DISPLAY_P3
STRANGE = {
    "channels swapped": profiles.profile((BLUE, GREEN, RED), profiles.gamma(2.2)),
    "channels turned": profiles.profile((GREEN, BLUE, RED), profiles.gamma(2.2)),
    "all grey": profiles.profile(((0.3214, 0.3333, 0.2750),) * 3, profiles.gamma(2.2)),
    "negative": profiles.profile(profiles.DISPLAY_P3, profiles.steps(np.linspace(1, 0, 256))),
    "no light": profiles.profile(profiles.DISPLAY_P3, profiles.gamma(90)),
    "another white": profiles.profile((RED, GREEN, (0.4, 0.17, 1.9)), profiles.gamma(2.2)),
    "of grey": WIDE["Display P3"].replace(b"RGB ", b"GRAY"),
    "cut": WIDE["Display P3"][:180],
    "too long": WIDE["Display P3"] + bytes(70_000),
    "tags without end": WIDE["Display P3"][:128] + b"\xff" * 400,
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_profiles_are_ignored(name: str) -> None:
    picture = Image.fromarray(corpus.scene())
    assert to_srgb(picture, STRANGE[name]) is picture


@given(st.sampled_from(sorted(WIDE)), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=12))
@hypothesis_settings(max_examples=300, deadline=None)
def test_damaged_profiles_are_ignored_or_give_a_photo(name: str, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(WIDE[name])
    for place, value in changes:
        damaged[place % len(damaged)] = value
    assert to_srgb(Image.new("RGB", (2, 2)), bytes(damaged)).size == (2, 2)


def test_a_pil_image_with_a_profile_is_converted_once() -> None:
    wide = corpus.encoded(
        converted(Image.fromarray(corpus.scene()), None, WIDE["Adobe RGB"]), icc_profile=WIDE["Adobe RGB"]
    )
    again = decode_photo(photo_bytes(Image.open(io.BytesIO(wide)), SETTINGS), SETTINGS).pixels
    assert np.array_equal(again, decode_photo(wide, SETTINGS).pixels)
