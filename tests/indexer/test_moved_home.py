"""Photos that the home owns follow it wherever it goes; those outside it are found again by importing from there."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from shape_catalogue import draw_catalogue

from data.catalogue import Catalogue, Product
from data.database import FILE_NAME
from data.photos import Intake
from data.settings import Settings
from indexer.importing import import_feed
from indexer.operating import examine

Photo = Callable[..., bytes]


def upload(settings: Settings, content: bytes) -> str:
    catalogue = Catalogue(settings.home)
    record = Intake(settings, catalogue).accept_bytes(content)
    catalogue.upsert(Product(product_id="uploaded"), [record])
    return record.sha256


def stored_sources(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / FILE_NAME)) as connection:
        return [source for (source,) in connection.execute("SELECT source FROM photos ORDER BY source")]


def make_old(home: Path, *, once_at: Path | None = None) -> None:
    """Turns the database into one from before the step: absolute paths below where the home was then."""
    with closing(sqlite3.connect(home / FILE_NAME)) as connection, connection:
        connection.execute(
            "UPDATE photos SET source = ? || '/' || source WHERE source NOT LIKE '/%'", (str(once_at or home),)
        )
        connection.execute("DROP TABLE released_images")
        connection.execute("ALTER TABLE products DROP COLUMN deleted_at")
        connection.execute("DELETE FROM applied_migrations WHERE name = 'm004_paths_and_releases'")


def move(settings: Settings, target: Path) -> Settings:
    shutil.move(settings.home, target)
    return settings.replace(home=target)


def test_an_upload_follows_its_home(settings: Settings, photo: Photo, tmp_path: Path) -> None:
    sha256 = upload(settings, photo())
    assert stored_sources(settings.home) == [f"uploads/{sha256[:2]}/{sha256}"]
    moved = move(settings, tmp_path / "moved")
    assert Intake(moved, Catalogue(moved.home)).original(sha256) == photo()


def test_a_backup_restored_elsewhere_has_its_uploads(settings: Settings, photo: Photo, tmp_path: Path) -> None:
    sha256 = upload(settings, photo())
    Catalogue(settings.home).backup(tmp_path / "restored" / FILE_NAME)
    shutil.copytree(settings.home / "uploads", tmp_path / "restored" / "uploads")
    shutil.rmtree(settings.home)
    restored = settings.replace(home=tmp_path / "restored")
    assert Intake(restored, Catalogue(restored.home)).original(sha256) == photo()


@pytest.mark.parametrize("moved_before", [False, True])
def test_an_old_home_finds_its_uploads(settings: Settings, photo: Photo, tmp_path: Path, moved_before: bool) -> None:
    sha256 = upload(settings, photo())
    make_old(settings.home, once_at=tmp_path / "once" if moved_before else None)
    moved = move(settings, tmp_path / "moved")
    assert Intake(moved, Catalogue(moved.home)).original(sha256) == photo()


def test_an_old_home_keeps_the_paths_of_photos_elsewhere(settings: Settings, tmp_path: Path, photo: Photo) -> None:
    """Also where the folder is the uploads of another home."""
    sha256 = upload(settings, photo())
    other = tmp_path / "other"
    shutil.move(settings.home / "uploads", other / "uploads")
    make_old(settings.home, once_at=other)
    moved = move(settings, tmp_path / "moved")
    assert Catalogue(moved.home).photos([sha256])[sha256].source == str(other / f"uploads/{sha256[:2]}/{sha256}")


def test_photos_of_a_feed_in_the_home_follow_it(settings: Settings, tmp_path: Path) -> None:
    link = tmp_path / "link"
    settings.home.mkdir()
    link.symlink_to(settings.home)
    linked = settings.replace(home=link)  # the import resolves links, so the photos lie at another name of the home
    import_feed(linked, draw_catalogue(settings.home / "sample", texts=False))
    assert "sample/red-disc-0.png" in stored_sources(settings.home)
    moved = move(settings, tmp_path / "moved")
    for record in Catalogue(moved.home).photos(Catalogue(moved.home).snapshot().image_sha256).values():
        assert Intake(moved, Catalogue(moved.home)).read(record)


def test_importing_from_a_renamed_folder_finds_the_photos_again(settings: Settings, tmp_path: Path) -> None:
    feed = draw_catalogue(tmp_path / "photos", texts=False)
    import_feed(settings, feed)
    (tmp_path / "photos").rename(tmp_path / "renamed")
    feed.parent.mkdir()
    shutil.copyfile(tmp_path / "renamed" / feed.name, feed)
    # a picture that took an old name is not the photo that was imported
    shutil.copyfile(tmp_path / "renamed" / "gold-bar-0.png", tmp_path / "photos" / "red-disc-0.png")
    report = import_feed(settings, feed, images=tmp_path / "renamed")
    assert (report.unchanged, report.refused) == (24, 0)
    catalogue = Catalogue(settings.home)
    records = catalogue.photos(catalogue.snapshot().image_sha256).values()
    assert {Path(record.source).parent for record in records} == {tmp_path / "renamed"}
    for record in records:
        assert Intake(settings, catalogue).read(record)


def sources_said(settings: Settings, *, repair: bool = False) -> list[tuple[str, str]]:
    found = examine(settings, repair=repair)
    return [(finding.level, finding.detail) for finding in found if finding.subject == "sources"]


def test_the_doctor_names_the_folder_that_is_gone(settings: Settings, tmp_path: Path) -> None:
    import_feed(settings, draw_catalogue(tmp_path / "photos", texts=False))
    assert [level for level, _ in sources_said(settings)] == ["OK"]
    (tmp_path / "photos").rename(tmp_path / "renamed")
    [(level, detail)] = sources_said(settings)
    assert level == "WARN"
    assert f"120 originals cannot be used, they are gone: 120 of {tmp_path / 'photos'}" in detail


def test_the_doctor_fails_where_an_upload_is_lost(settings: Settings, photo: Photo) -> None:
    upload(settings, photo())
    shutil.rmtree(settings.home / "uploads")
    [(level, detail)] = sources_said(settings)
    assert level == "FAIL"
    assert str(settings.home / "uploads") in detail


def test_the_doctor_mends_a_home_that_was_moved_before_its_paths_were_relative(
    settings: Settings, tmp_path: Path
) -> None:
    """The step knows an upload by its name; a feed's photo in the home is found by looking."""
    import_feed(settings, draw_catalogue(settings.home / "sample", texts=False))
    make_old(settings.home, once_at=tmp_path / "once" / "home")
    (settings.home / "sample" / "red-disc-1.png").write_bytes(b"other bytes")
    moved = move(settings, tmp_path / "moved")
    elsewhere, gone = sources_said(moved)[:2]
    assert elsewhere[0] == gone[0] == "WARN"
    assert "119 originals are elsewhere in the home" in elsewhere[1]
    assert ("OK", "mended: 119 originals were elsewhere in the home") in sources_said(moved, repair=True)
    [after] = [detail for _, detail in sources_said(moved) if "gone" in detail or "elsewhere" in detail]
    assert f"1 originals cannot be used, they are gone: 1 of {tmp_path / 'once' / 'home' / 'sample'}" in after
    assert stored_sources(moved.home).count("sample/red-disc-0.png") == 1
