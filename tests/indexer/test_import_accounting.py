"""Every row of a feed is imported, refused or reported, whatever the format."""

import csv
import gzip
import io
import json
import tempfile
import zipfile
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


def write_korean(folder: Path, facts: list[dict[str, str]]) -> Path:
    path = write_csv(folder, [{**fact, "title": f"빨간 컵 {fact['title']}"} for fact in facts])
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp949"))
    return path


def write_utf16(folder: Path, facts: list[dict[str, str]]) -> Path:
    path = write_csv(folder, facts, ";")
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    return path


def write_gzip(folder: Path, facts: list[dict[str, str]]) -> Path:
    (folder / "feed.csv.gz").write_bytes(gzip.compress(write_csv(folder, facts).read_bytes()))
    return folder / "feed.csv.gz"


def write_zip(folder: Path, facts: list[dict[str, str]]) -> Path:
    with zipfile.ZipFile(folder / "feed.zip", "w") as file:
        file.write(write_jsonl(folder, facts), "shop/feed.jsonl")
        file.writestr("shop/a.png", PHOTO)
    return folder / "feed.zip"


def write_array(folder: Path, facts: list[dict[str, str]]) -> Path:
    (folder / "feed.json").write_text(json.dumps({"products": facts}, indent=1), encoding="utf-8")
    return folder / "feed.json"


def write_xlsx(folder: Path, facts: list[dict[str, str]]) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    for cells in [["product_id", "title", "image"], *([*fact.values()] for fact in facts)]:
        book.active.append(cells)
    book.save(folder / "feed.xlsx")
    return folder / "feed.xlsx"


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


WRITERS = [
    write_csv, write_tsv, write_korean, write_utf16, write_jsonl, write_array, write_parquet, write_xlsx, write_gzip,
    write_zip, write_folder, write_google,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
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
