"""JPEGs that end early: up to 5 % of the lines may be missing."""

import io
from pathlib import Path

import image_corpus as corpus
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from data.catalogue import Catalogue
from data.errors import InvalidImage
from data.photos import decode_photo as decode_in_pool
from data.photos.images import decode_photo
from data.photos.truncation import cut_at
from data.settings import Settings
from indexer.importing import import_feed

SETTINGS = Settings()
PICTURE = Image.fromarray(corpus.noise(60, 40)).resize((900, 800), Image.Resampling.BICUBIC)
KINDS = {
    "plain": corpus.encoded(PICTURE, "JPEG", quality=90),
    "grey": corpus.encoded(PICTURE.convert("L"), "JPEG", quality=90),
    "444": corpus.encoded(PICTURE, "JPEG", quality=90, subsampling=0),
    "restarts": corpus.encoded(PICTURE, "JPEG", quality=90, restart_marker_rows=2),
    "cmyk": corpus.encoded(PICTURE.convert("CMYK"), "JPEG", quality=90),
    "progressive": corpus.encoded(PICTURE, "JPEG", quality=90, progressive=True),
}


def lines_really_missing(content: bytes, end: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """By comparison with the whole file."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    whole, cut = (lines(content[:stop]) for stop in (None, end))
    differs = np.flatnonzero((whole != cut).any(axis=1))
    return len(whole) - int(differs[0]) if len(differs) else 0


def lines(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image).reshape(image.height, -1)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.9999, 0.995, 0.99, 0.98, 0.97, 0.96, 0.94, 0.9, 0.7, 0.4, 0.1])
def test_missing_lines_are_counted(name: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    content = KINDS[name]
    end = int(share * len(content))
    missing = lines_really_missing(content, end, monkeypatch)
    if missing > 0.05 * 800 + 16:
        with pytest.raises(InvalidImage) as caught:
            decode_photo(content[:end], SETTINGS, target=400)
        assert caught.value.code == "truncated"
    elif missing < 0.05 * 800:
        photo = decode_photo(content[:end], SETTINGS)
        assert photo.is_truncated
        assert abs(photo.missing_lines - missing) <= 16
        whole = decode_photo(content, SETTINGS).pixels[: 800 - missing - 16]
        assert np.array_equal(photo.pixels[: len(whole)], whole)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("tail", [b"", b"\xff", bytes(5_000)])
def test_without_the_end_mark_alone_a_photo_is_whole(name: str, tail: bytes) -> None:
    photo = decode_in_pool(KINDS[name][:-2] + tail, SETTINGS)
    assert (photo.is_truncated, photo.missing_lines) == (True, 0)
    assert np.array_equal(photo.pixels, decode_photo(KINDS[name], SETTINGS).pixels)


def test_what_stands_behind_the_end_mark_is_no_matter() -> None:
    for name, content in KINDS.items():
        assert cut_at(content + b"SEFT" + bytes(100)) is None, name
        assert not decode_photo(content + KINDS["plain"][:300], SETTINGS).is_truncated


def test_the_import_says_which_photo_ends_early(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    for name, end in (("a", -2), ("b", int(0.98 * len(KINDS["plain"]))), ("c", 9_000)):
        (tmp_path / "feed" / f"{name}.jpg").write_bytes(KINDS["plain"][:end])
    report = import_feed(settings, tmp_path / "feed")
    assert (report.created, report.refused) == (2, 1)
    said = {problem.product_id: (problem.code, problem.severity, problem.message) for problem in report.problems[:2]}
    assert [said[name][:2] for name in ("a", "b")] == [("truncated", "warning")] * 2
    assert "end mark" in said["a"][2]
    assert "of its lines" in said["b"][2]
    assert Catalogue(settings.home).get("a").image_sha256
