"""Every row of a feed is imported, refused or reported, whatever the format."""

import csv
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import image_corpus as corpus
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from data.catalogue import Catalogue, ImportRuns
from data.errors import InvalidFeed
from data.settings import Settings
from indexer.importing import import_feed

PHOTO = corpus.encoded(Image.new("RGB", (40, 30), (200, 90, 10)), "PNG")
# each number is the fate that a row is written for; see `row`
FATES = st.lists(st.integers(0, 4), min_size=1, max_size=12)


def row(number: int, fate: int) -> dict[str, str]:
    """Returns a row's facts: good, without id, repeated, with a missing photo, or with a text that is too long."""
    product_id = ("p" + str(number), "", "twice", f"p{number}", f"p{number}")[fate]
    title = "x" * 20_001 if fate == 4 else f'Mug, "{number}"\nof clay'
    return {"product_id": product_id, "title": title, "image": "none.png" if fate == 3 else "a.png"}


def write_csv(folder: Path, facts: list[dict[str, str]], delimiter: str = ",") -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["product_id", "title", "image"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(facts)
    (folder / "feed.csv").write_text(out.getvalue(), encoding="utf-8")
    return folder / "feed.csv"


def write_tsv(folder: Path, facts: list[dict[str, str]]) -> Path:
    return write_csv(folder, facts, "\t")


def write_jsonl(folder: Path, facts: list[dict[str, str]]) -> Path:
    (folder / "feed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in facts), encoding="utf-8")
    return folder / "feed.jsonl"


def write_parquet(folder: Path, facts: list[dict[str, str]]) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(facts), folder / "feed.parquet")
    return folder / "feed.parquet"


def write_folder(folder: Path, facts: list[dict[str, str]]) -> Path:
    for number, fact in enumerate(facts):
        path = folder / "feed" / f"category {number}" / "mug.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(PHOTO if fact["image"] == "a.png" else b"no photo")
    return folder / "feed"


def write_google(folder: Path, facts: list[dict[str, str]]) -> Path:
    out = io.StringIO()
    for fact in facts:
        csv.writer(out).writerow([fact["image"], "", "set", fact["product_id"], "cups", fact["title"], "", ""])
    (folder / "feed.csv").write_text("image-uri,,,,,,,\n" + out.getvalue(), encoding="utf-8")
    return folder / "feed.csv"


@pytest.mark.parametrize("write", [write_csv, write_tsv, write_jsonl, write_parquet, write_folder, write_google])
@hypothesis_settings(max_examples=8, deadline=None)
@given(fates=FATES)
def test_rows_in_are_rows_imported_refused_or_reported(
    write: Callable[[Path, list[dict[str, str]]], Path], fates: list[int]
) -> None:
    facts = [row(number, fate) for number, fate in enumerate(fates)]
    # lines of one product are one row there
    expected = (
        len({fact["product_id"] or str(n) for n, fact in enumerate(facts)}) if write is write_google else len(facts)
    )
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "a.png").write_bytes(PHOTO)
        settings = Settings(home=Path(name) / "home")
        counts = imported(settings, write(Path(name), facts))
        assert counts["created"] + counts["refused"] == expected
        assert Catalogue(settings.home).counts()["products"] == counts["created"]
        reported = {problem.line for problem in ImportRuns(settings.home).problems(1)}
        assert len(reported) >= counts["refused"], "each refused row has its line in the report"


def imported(settings: Settings, path: Path) -> dict[str, Any]:
    """Returns the counts of an import, also of one without a good row."""
    try:
        return import_feed(settings, path).fields()
    except InvalidFeed:
        run = ImportRuns(settings.home).latest()
        assert run is not None
        counts: dict[str, Any] = run["counts"]
        return counts
