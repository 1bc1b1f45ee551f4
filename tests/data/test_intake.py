"""A photo's way in: thumbnail, record, kept original; what is known is not decoded again."""

import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import image_corpus as corpus
import pytest
from PIL import Image

from data.catalogue import Catalogue, PhotoRecord, Product
from data.errors import ImageTooLarge, InvalidImage
from data.photos import Intake, thumbnail_path
from data.photos import intake as intake_module
from data.photos.decoders import decode_photo
from data.photos.images import Photo
from data.photos.intake import upload_path
from data.settings import Settings


@pytest.fixture
def catalogue(settings: Settings) -> Catalogue:
    return Catalogue(settings.home)


@pytest.fixture
def intake(settings: Settings, catalogue: Catalogue) -> Intake:
    return Intake(settings, catalogue)


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every decode."""
    done: list[int] = []

    def counting(content: bytes, settings: Settings, **wanted: Any) -> Photo:
        done.append(len(content))
        return decode_photo(content, settings, **wanted)

    monkeypatch.setattr(intake_module, "decode_photo", counting)
    return done


def large() -> bytes:
    return corpus.encoded(Image.fromarray(corpus.scene(900, 600)), "JPEG", quality=90, exif=corpus.exif(6))


def test_a_file_gives_a_record_and_a_thumbnail(intake: Intake, settings: Settings, tmp_path: Path) -> None:
    content = large()
    (tmp_path / "a.jpg").write_bytes(content)
    record = intake.accept_path(tmp_path / "a.jpg")
    sha256 = hashlib.sha256(content).hexdigest()
    assert record == PhotoRecord(
        sha256=sha256, source=str(tmp_path / "a.jpg"), size_bytes=len(content), width=600, height=900,
        colours=record.colours,
    )  # fmt: skip
    assert record.colours
    assert thumbnail_path(settings.home, sha256) == settings.home / "thumbs" / sha256[:2] / f"{sha256}.webp"
    with Image.open(thumbnail_path(settings.home, sha256)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (213, 320))
        assert not {"exif", "icc_profile", "xmp"} & set(thumbnail.info)
    assert not upload_path(settings.home, sha256).exists()
    assert intake.read(record) == content


def test_a_server_run_by_another_user_can_read_a_thumbnail(intake: Intake, settings: Settings) -> None:
    before = os.umask(0o022)
    try:
        record = intake.accept_bytes(corpus.good()["png"])
    finally:
        os.umask(before)
    assert thumbnail_path(settings.home, record.sha256).stat().st_mode & 0o777 == 0o644


def test_a_small_photo_is_not_blown_up(intake: Intake, settings: Settings) -> None:
    record = intake.accept_bytes(corpus.good()["png"])
    with Image.open(thumbnail_path(settings.home, record.sha256)) as thumbnail:
        assert thumbnail.size == (96, 64)


def test_an_upload_is_kept(intake: Intake, settings: Settings) -> None:
    content = large()
    record = intake.accept_bytes(content)
    kept = settings.home / "uploads" / record.sha256[:2] / record.sha256
    assert record.source == str(kept)
    assert kept.read_bytes() == content == intake.read(record)


def test_an_upload_is_on_disk_before_it_is_acknowledged(
    intake: Intake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    )
    record = intake.accept_bytes(large())
    folder = upload_path(settings.home, record.sha256).parent
    assert any(Path(path).parent == folder for path in flushed), "the file"
    assert str(folder) in flushed, "its name"


@pytest.mark.parametrize("name", sorted(corpus.bad()))
def test_a_bad_photo_leaves_nothing(intake: Intake, settings: Settings, tmp_path: Path, name: str) -> None:
    content, kind, code = corpus.bad()[name]
    (tmp_path / "a.jpg").write_bytes(content)
    ways: tuple[Callable[[], PhotoRecord], ...] = (
        lambda: intake.accept_bytes(content),
        lambda: intake.accept_path(tmp_path / "a.jpg"),
    )
    for accept in ways:
        with pytest.raises(kind) as caught:
            accept()
        assert not code or caught.value.code == code
    assert not [*settings.home.glob("thumbs/*/*"), *settings.home.glob("uploads/*/*")]


@pytest.mark.parametrize("name", ["jpeg and zip", "gif and script", "png with text"])
def test_nothing_but_pixels_is_served(intake: Intake, settings: Settings, name: str) -> None:
    content = corpus.good()[name]
    assert corpus.SCRIPT in content
    served = thumbnail_path(settings.home, intake.accept_bytes(content).sha256).read_bytes()
    assert served[:4] == b"RIFF"
    assert b"alert" not in served
    assert b"PK" not in served


def test_a_known_photo_is_not_decoded_again(
    intake: Intake, catalogue: Catalogue, settings: Settings, tmp_path: Path, decodes: list[int]
) -> None:
    (tmp_path / "a.jpg").write_bytes(large())
    record = intake.accept_path(tmp_path / "a.jpg")
    catalogue.upsert(Product(product_id="a"), [record])
    assert intake.accept_path(tmp_path / "a.jpg") == record
    assert len(decodes) == 1
    thumbnail_path(settings.home, record.sha256).write_bytes(b"")
    assert intake.accept_path(tmp_path / "a.jpg").sha256 == record.sha256
    assert len(decodes) == 2, "an empty thumbnail is made again"
    assert thumbnail_path(settings.home, record.sha256).stat().st_size > 0


def test_a_moved_file_is_found_where_it_is_now(intake: Intake, catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(large())
    record = intake.accept_path(tmp_path / "a.jpg")
    catalogue.upsert(Product(product_id="a"), [record])
    (tmp_path / "copy.jpg").write_bytes(large())
    assert intake.accept_path(tmp_path / "copy.jpg").source == record.source, "the first one is still there"
    (tmp_path / "a.jpg").unlink()
    assert intake.accept_path(tmp_path / "copy.jpg").source == str(tmp_path / "copy.jpg")


def test_an_upload_of_a_photo_known_from_a_file_is_kept_too(
    intake: Intake, catalogue: Catalogue, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(large())
    catalogue.upsert(Product(product_id="a"), [intake.accept_path(tmp_path / "a.jpg")])
    record = intake.accept_bytes(large())
    (tmp_path / "a.jpg").unlink()
    assert intake.read(record) == large()


def test_an_original_that_is_gone_or_changed_is_told(intake: Intake, tmp_path: Path) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(large())
    record = intake.accept_path(source)
    source.write_bytes(corpus.good()["png"])
    with pytest.raises(InvalidImage, match=r"a\.jpg") as changed:
        intake.read(record)
    source.unlink()
    with pytest.raises(InvalidImage, match=r"a\.jpg") as gone:
        intake.read(record)
    assert (changed.value.code, gone.value.code) == ("source_changed", "source_gone")


def test_what_is_no_file_is_refused_without_waiting(intake: Intake, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", tmp_path, Path("/dev/zero"), tmp_path / "none.jpg", tmp_path / ("x" * 300)):
        with pytest.raises(InvalidImage) as caught:
            intake.accept_path(path)
        assert caught.value.code == "missing_image"


def test_no_more_than_the_cap_is_read(settings: Settings, catalogue: Catalogue, tmp_path: Path) -> None:
    content = large()
    (tmp_path / "a.jpg").write_bytes(content)
    small = Intake(settings.replace(max_image_bytes=len(content) - 1), catalogue)
    with pytest.raises(ImageTooLarge):
        small.accept_path(tmp_path / "a.jpg")
    with pytest.raises(ImageTooLarge):
        small.accept_bytes(content)
    assert Intake(settings.replace(max_image_bytes=len(content)), catalogue).accept_bytes(content)


def test_threads_may_take_in_the_same_photo(intake: Intake, settings: Settings) -> None:
    contents = [corpus.good()[name] for name in ("jpeg", "png", "webp", "gif")] * 8
    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(intake.accept_bytes, contents))
    assert len({record.sha256 for record in records}) == 4
    for record in records:
        Image.open(io.BytesIO(thumbnail_path(settings.home, record.sha256).read_bytes())).load()
    assert not list(settings.home.glob("thumbs/*/.*"))
