"""A dry run says what an import would do, and leaves nothing behind."""

import dataclasses
import hashlib
import json
from pathlib import Path

import image_corpus as corpus
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.settings import Settings
from indexer.errors import StrictImportFailed
from indexer.importing import ProductReport, import_feed
from lookalike import main


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """A feed of ten products with a photo each."""
    lines = []
    for number in range(10):
        photo = corpus.encoded(Image.new("RGB", (40, 30), (number * 20, 90, 10)), "PNG")
        (tmp_path / f"{number}.png").write_bytes(photo)
        lines.append(json.dumps({"product_id": f"p{number}", "title": f"Mug {number}", "images": [f"{number}.png"]}))
    (tmp_path / "feed.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "feed.jsonl"


def files(home: Path) -> dict[str, str]:
    """Returns the digest of every file of a home, but for SQLite's working files."""
    found = (path for path in home.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def counts(report: ProductReport) -> dict[str, object]:
    """Returns what a dry run and the import after it must both say."""
    return dataclasses.asdict(dataclasses.replace(report, run=0, dry_run=False, took_s=0))


def test_a_dry_run_makes_no_home(settings: Settings, feed: Path) -> None:
    report = import_feed(settings, feed, dry_run=True)
    assert (report.created, report.images, report.new_images, report.dry_run) == (10, 10, 10, True)
    assert not settings.home.exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_dry_run_says_what_the_import_does(settings: Settings, feed: Path, force: bool) -> None:
    import_feed(settings, feed)
    lines = [json.loads(line) for line in feed.read_text().splitlines()]
    lines[0]["title"] = "changed"
    lines[1]["images"] = ["2.png"]
    lines[2]["price"] = "dear"
    lines[3]["images"] = ["none.png"]
    lines[-1]["product_id"] = "new"
    feed.write_text("".join(json.dumps(line) + "\n" for line in [*lines[:5], *lines[6:]]))
    before = files(settings.home)
    said = import_feed(settings, feed, dry_run=True, full_feed=True, force=force)
    assert files(settings.home) == before
    assert Catalogue(settings.home).counts()["products"] == 10
    done = import_feed(settings, feed, full_feed=True, force=force)
    assert counts(said) == {**counts(done), "kept_because": said.kept_because}
    assert (said.created, said.updated, said.deleted + said.not_deleted) == (1, 2, 2)
    assert "nothing was written" in said.summary


def test_a_strict_dry_run_stops_at_the_first_problem(settings: Settings, feed: Path) -> None:
    feed.write_text(feed.read_text() + "garbage\n")
    with pytest.raises(StrictImportFailed):
        import_feed(settings, feed, dry_run=True, strict=True)
    assert not settings.home.exists()


def test_the_command(settings: Settings, feed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--home", str(settings.home), "import", str(feed), "--dry-run"])
    assert capsys.readouterr().out.startswith("Dry run, nothing was written.")
    main(["--home", str(settings.home), "import", str(feed), "--dry-run", "--json"])
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
