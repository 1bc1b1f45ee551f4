"""Importing what shops really send: zips with photos, Parquet with photos, files that say nothing of photos."""

import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import image_corpus as corpus
import pytest
from feed_files import feed, parquet
from PIL import Image

from data.catalogue import Catalogue
from data.errors import InvalidFeed
from data.photos import Intake
from data.settings import Settings
from indexer.importing import describe, import_feed

PHOTOS = [corpus.encoded(Image.new("RGB", (40, 30), (number * 40, 90, 10)), "PNG") for number in range(3)]
CSV = "product_id,title,image\na,Mug,photos/0.png\nb,컵,photos/1.png; photos/2.png\nc,Cup,photos/none.png\n"


def originals(settings: Settings) -> list[bytes]:
    """Returns the bytes of every photo of the catalogue, read where the catalogue says that they are."""
    catalogue = Catalogue(settings.home)
    return [Intake(settings, catalogue).original(sha256) for sha256 in catalogue.snapshot().image_sha256]


def test_photos_in_a_zip_are_kept_like_uploads(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("shop/feed.csv", CSV)
        for number, photo in enumerate(PHOTOS):
            file.writestr(f"shop/photos/{number}.png", photo)
    report = import_feed(settings, path)
    assert (report.created, report.images, report.codes) == (3, 3, {"missing_image": 1, "no_usable_image": 1})
    assert not import_feed(settings, path).changed
    path.unlink()
    assert sorted(originals(settings)) == sorted(PHOTOS), "the zip is not needed any more"
    for sha256 in Catalogue(settings.home).snapshot().image_sha256:
        assert (settings.home / "uploads" / sha256[:2] / sha256).is_file()


def test_a_member_of_a_zip_is_read_no_further_than_the_limit(settings: Settings, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "feed.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("feed.csv", "product_id,image\na,big.png\n")
        file.writestr("big.png", PHOTOS[0] + bytes(50_000))
    report = import_feed(settings.replace(max_image_bytes=10_000), tmp_path / "feed.zip")
    assert report.codes == {"image_too_large": 1, "no_usable_image": 1}


@pytest.mark.parametrize("as_struct", [False, True])
def test_photos_in_parquet(settings: Settings, tmp_path: Path, as_struct: bool) -> None:
    import pyarrow

    (tmp_path / "2.png").write_bytes(PHOTOS[2])
    if as_struct:
        kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
        cells = [
            {"bytes": PHOTOS[0], "path": "x.png"},
            {"bytes": PHOTOS[1], "path": None},
            {"bytes": None, "path": "2.png"},
        ]
        images = pyarrow.array(cells, kind)
    else:
        images = pyarrow.array([*PHOTOS[:2], b"2.png"], pyarrow.large_binary())
    ids = pyarrow.array([b"a", b"b", "컵".encode()])
    report = import_feed(settings, parquet(tmp_path, {"Product_ID": ids, "Image": images}))
    assert (report.created, report.images, report.codes) == (3, 3, {})
    assert sorted(originals(settings)) == sorted(PHOTOS)
    assert Catalogue(settings.home).get("컵").image_sha256


def test_a_photo_with_a_name_that_is_no_text(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "Mugs"
    folder.mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(PHOTOS[0])
    report = import_feed(settings, tmp_path / "shop")
    assert (report.created, report.codes) == (1, {})
    assert originals(settings) == [PHOTOS[0]]
    assert Catalogue(settings.home).get("Mugs~café")


def test_what_was_left_out_or_guessed_is_said(settings: Settings, tmp_path: Path) -> None:
    for name in ("Mugs/a.png", "Mugs/Thumbs.db", "@eaDir/a.png", "Mugs/.x", "Mugs/notes.txt"):
        (tmp_path / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / name).write_bytes(PHOTOS[0] if name.endswith("png") else b"x")
    report = import_feed(settings, tmp_path / "shop")
    assert report.skipped == {"of the system": 2, "hidden": 1, "no photo": 1}
    assert "files left out: " in describe(report)
    report = import_feed(settings, feed(tmp_path, "product_id,title\nx,컵\n".encode("cp949")))
    assert "read as CP949" in describe(report)
    assert "no column of photos" in describe(report)
    assert Catalogue(settings.home).get("x").product.title == "컵"


def test_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes(PHOTOS[0])
    command = [sys.executable, "-m", "lookalike", "--home", "home", "import", "-", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, cwd=tmp_path, input=gzip.compress(CSV.encode()), capture_output=True, check=True, env=environment
    )
    assert b'"created": 3' in done.stdout
    assert b'"images": 1' in done.stdout


def test_a_zip_without_a_feed_says_what_is_in_it(settings: Settings, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("letter.docx", "x")
    with pytest.raises(InvalidFeed, match="1 \\(no photo\\)"):
        import_feed(settings, feed(tmp_path, buffer.getvalue(), "feed.zip"))
