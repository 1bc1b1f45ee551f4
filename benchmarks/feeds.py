"""Measures how fast feeds are read, and in how much memory: the same rows in every format, a process for each.

A row has eight facts and one photo by its path; photos are not opened. The peak is the largest resident size while
reading, less that before. Example: python benchmarks/feeds.py --rows 200000 --formats csv,json,xlsx
"""

import argparse
import csv
import gzip
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from data.readers import FeedOptions, open_feed

Fact = dict[str, object]


def main() -> None:
    options = _options()
    if options.read:
        _read(Path(options.read))
        return
    print(f"{options.rows:,} rows; Python {platform.python_version()}, {platform.machine()}")
    print(f"\n{'format':12}{'file MB':>9}{'rows/cpu s':>12}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.formats.split(","):
            path = WRITERS[name](Path(folder), options.rows)
            command = [sys.executable, __file__, "--read", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows, seconds, peak_mb = json.loads(done.stdout)
            if rows != options.rows:
                raise SystemExit(f"{name} must give {options.rows:,} rows; got {rows:,}.")
            print(f"{name:12}{path.stat().st_size / 1e6:>9.1f}{rows / seconds:>12,.0f}{peak_mb:>9.1f}", flush=True)
            path.unlink()


def _read(path: Path) -> None:
    _read_rows(path, most=10)  # the libraries are in memory now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    rows = _read_rows(path)
    seconds = time.process_time() - started
    print(json.dumps([rows, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024]))


def _read_rows(path: Path, most: int = sys.maxsize) -> int:
    count = 0
    with open_feed(path, FeedOptions()) as feed:
        for row in feed.rows:
            count += bool(row.fields["title"])  # type: ignore[union-attr]
            if count == most:
                break
    return count


def _facts(rows: int) -> Iterator[Fact]:
    for number in range(rows):
        yield {
            "product_id": f"p{number}", "title": f"빨간 머그컵 {number}", "description": f"Mug number {number}. " * 8,
            "brand": f"Brand {number % 500}", "category": f"Mugs {number % 50}", "price": number % 1000 + 0.5,
            "currency": "KRW", "in_stock": True, "image": f"photos/{number}.jpg",
        }  # fmt: skip


def _csv(folder: Path, rows: int, encoding: str = "utf-8") -> Path:
    path = folder / "feed.csv"
    with path.open("w", encoding=encoding, newline="") as out:
        writer = csv.DictWriter(out, list(next(_facts(1))))
        writer.writeheader()
        writer.writerows(_facts(rows))
    return path


def _packed(folder: Path, rows: int) -> Path:
    path = folder / "feed.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(_csv(folder, rows).read_bytes())
    return path


def _zip(folder: Path, rows: int) -> Path:
    with zipfile.ZipFile(folder / "feed.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.write(_csv(folder, rows), "feed.csv")
    return folder / "feed.zip"


def _jsonl(folder: Path, rows: int) -> Path:
    with (folder / "feed.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(fact, ensure_ascii=False) + "\n" for fact in _facts(rows))
    return folder / "feed.jsonl"


def _json(folder: Path, rows: int) -> Path:
    with (folder / "feed.json").open("w", encoding="utf-8") as out:
        out.write('{"products": [')
        out.writelines((", " if number else "") + json.dumps(fact) for number, fact in enumerate(_facts(rows)))
        out.write("]}")
    return folder / "feed.json"


def _xlsx(folder: Path, rows: int) -> Path:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(next(_facts(1))))
    for fact in _facts(rows):
        sheet.append(list(fact.values()))
    book.save(folder / "feed.xlsx")
    return folder / "feed.xlsx"


def _parquet(folder: Path, rows: int) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(list(_facts(rows))), folder / "feed.parquet", row_group_size=20_000)
    return folder / "feed.parquet"


WRITERS: dict[str, Callable[[Path, int], Path]] = {
    "csv": _csv,
    "csv-cp949": lambda folder, rows: _csv(folder, rows, "cp949"),
    "csv-utf16": lambda folder, rows: _csv(folder, rows, "utf-16"),
    "csv-gzip": _packed,
    "csv-zip": _zip,
    "jsonl": _jsonl,
    "json": _json,
    "parquet": _parquet,
    "xlsx": _xlsx,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--formats", default=",".join(WRITERS))
    parser.add_argument("--read", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
