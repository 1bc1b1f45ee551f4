"""An import that is killed half-way and started again ends as if it had run once."""

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import image_corpus as corpus
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.photos import decode_photo, thumbnail_path
from data.settings import Settings
from indexer.importing import import_feed

ROWS = 1_200
BATCH = 500  # rows of one transaction
KILLED = """
import os, signal, sys
from pathlib import Path
from data.catalogue import Catalogue
from data.settings import Settings
from indexer.importing import import_feed

upsert_many, batches = Catalogue.upsert_many, 0

def upsert_or_die(self, items):
    global batches
    batches += 1
    if batches == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return upsert_many(self, items)

Catalogue.upsert_many = upsert_or_die
import_feed(Settings(home=Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    with (folder / "feed.jsonl").open("w") as out:
        for number in range(ROWS):
            image = Image.new("RGB", (16, 16), (number % 256, number // 256, 7))
            (folder / f"{number}.png").write_bytes(corpus.encoded(image, "PNG"))
            out.write(json.dumps({"product_id": f"p{number}", "title": f"T{number}", "image": f"{number}.png"}) + "\n")
    return folder / "feed.jsonl"


def state(home: Path) -> dict[str, Any]:
    return {
        facts.product.product_id: (facts.product.title, facts.image_sha256) for facts in Catalogue(home).iter_facts()
    }


def test_killed_half_way_it_goes_on(
    feed: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(settings.home), str(feed)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert len(state(settings.home)) == BATCH
    decoded: list[bytes] = []

    def counted(content: bytes, *arguments: Any, **options: Any) -> Any:
        decoded.append(content)
        return decode_photo(content, *arguments, **options)

    monkeypatch.setattr("data.photos.intake.decode_photo", counted)
    report = import_feed(settings, feed)
    assert (report.created, report.unchanged, report.refused) == (ROWS - BATCH, BATCH, 0)
    assert len(decoded) == ROWS - BATCH, "what the catalogue has is not decoded again"
    once = settings.replace(home=tmp_path / "once")
    import_feed(once, feed)
    assert state(settings.home) == state(once.home)
    assert not import_feed(settings, feed).changed
    shown = [sha256 for _, hashes in state(settings.home).values() for sha256 in hashes]
    with Image.open(io.BytesIO(thumbnail_path(settings.home, shown[0]).read_bytes())) as thumbnail:
        assert thumbnail.format == "WEBP"
