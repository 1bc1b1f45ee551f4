"""Imports a product feed into the catalogue, and reports every row with a problem."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from data.catalogue import Catalogue, ImportRuns, PhotoRecord, RowProblem, parse_product, product_fields
from data.errors import InvalidFeed
from data.photos import Intake, fetch_image
from data.progress import track
from data.readers import is_url, read_feed, resolve_image
from data.settings import Settings
from indexer.errors import IndexerError, StrictImportFailed
from indexer.importing.preparing import Prepared, prepare
from indexer.importing.report import ImportReport, ReportFile

_BATCH_PRODUCTS, _BATCH_PHOTOS = 500, 2_000
_SHOWN_PROBLEMS = 10


def import_feed(
    settings: Settings,
    path: Path,
    *,
    format: str = "auto",
    images: Path | None = None,
    strict: bool = False,
    full_feed: bool = False,
    report: Path | None = None,
) -> ImportReport:
    """Adds and changes the products of a feed; importing the same feed again changes nothing.

    Args:
        format: one of `data.readers.feed.FORMATS`.
        images: folder that image paths are relative to, tried before the feed's own folder.
        strict: stop at the first row with a problem, with nothing written to the catalogue.
        full_feed: the feed is the whole catalogue: products that it does not name are deleted.
        report: JSONL file for the problems, one per line; it appears when the import ends.

    Raises:
        InvalidFeed: the feed cannot be read, or none of its rows holds a usable product; nothing is deleted then.
        StrictImportFailed: `strict` met a row with a problem.
        IndexerError: a file cannot be written; batches written before stay, and importing again adds the rest.
    """
    started = time.monotonic()
    catalogue = Catalogue(settings.home)
    take_in = _photo_source(settings, Intake(settings, catalogue), path, images)
    prepared = prepare(read_feed(path, format), take_in, settings.cores)
    try:
        with closing(prepared), ReportFile(report) as report_file, _temporary_file() as spool:
            rows: Iterable[Prepared] = track(prepared, "import", unit="products")
            if strict:
                _check_all(rows, report_file, spool)
                rows = _read_spool(spool)
            return _Writer(settings, catalogue, path, report_file).write(rows, full_feed, started)
    except OSError as error:
        raise IndexerError(
            f"import must be able to write under {settings.home}; got {error}. Make room or check the rights, "
            "then import again."
        ) from error


def _temporary_file() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


class _Writer:
    """Writes prepared rows to the catalogue, one transaction per batch, and counts the results."""

    def __init__(self, settings: Settings, catalogue: Catalogue, path: Path, report_file: ReportFile) -> None:
        self._catalogue, self._report_file, self._path = catalogue, report_file, path
        self._runs = ImportRuns(settings.home)
        self._counts: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._shown: list[RowProblem] = []
        self._named: set[str] = set()

    def write(self, rows: Iterable[Prepared], full_feed: bool, started: float) -> ImportReport:
        run = self._runs.start(str(self._path))
        for batch in _batches(rows):
            self._write_batch(run, batch)
        good = self._counts["created"] + self._counts["updated"] + self._counts["unchanged"]
        if full_feed and good:
            self._counts["deleted"] = self._catalogue.delete_missing(self._named)
        names = ("created", "updated", "unchanged", "deleted", "refused", "images", "new_images")
        report = ImportReport(
            source=str(self._path),
            **{name: self._counts[name] for name in names},
            codes=dict(sorted(self._codes.items())),
            problems=tuple(self._shown),
            took_s=round(time.monotonic() - started, 3),
        )
        self._runs.finish(run, {**report.fields(), "problems": None})
        if not good:
            first = f" The first: line {self._shown[0].line}: {self._shown[0].message}" if self._shown else ""
            raise InvalidFeed(
                f"a feed must give at least one product; got {self._counts['refused']} bad rows in {self._path} and "
                f"no good one. Check the format.{first}"
            )
        return report

    def _write_batch(self, run: int, batch: list[Prepared]) -> None:
        problems = [problem for item in batch for problem in item.problems]
        self._named.update(item.product_id for item in batch if item.product_id)
        self._counts["refused"] += sum(item.product is None for item in batch)
        self._codes.update(problem.code for problem in problems)
        self._shown += problems[: _SHOWN_PROBLEMS - len(self._shown)]
        hashes = {photo.sha256 for item in batch for photo in item.photos or ()}
        self._counts["new_images"] += len(hashes) - len(self._catalogue.photos(hashes))
        self._counts["images"] += sum(len(item.photos or ()) for item in batch)
        items = [(item.product, item.photos) for item in batch if item.product is not None]
        self._counts.update(self._catalogue.upsert_many(items))
        self._report_file.add(problems)
        self._runs.add(run, problems)


def _photo_source(settings: Settings, intake: Intake, path: Path, images: Path | None) -> Callable[[str], PhotoRecord]:
    own = path if path.is_dir() else path.parent
    roots = [root.resolve() for root in (images, own) if root is not None]

    def take_in(reference: str) -> PhotoRecord:
        if is_url(reference):
            return intake.accept_bytes(fetch_image(reference, settings))
        return intake.accept_path(resolve_image(reference, roots))

    return take_in


def _batches(rows: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    photos = 0
    for row in rows:
        batch.append(row)
        photos += len(row.photos or ())
        if len(batch) >= _BATCH_PRODUCTS or photos >= _BATCH_PHOTOS:
            yield batch
            batch, photos = [], 0
    if batch:
        yield batch


def _check_all(rows: Iterable[Prepared], report_file: ReportFile, spool: IO[str]) -> None:
    """Checks the whole feed before anything is written to the catalogue; keeps its products in `spool`."""
    for row in rows:
        if row.problems:
            report_file.add(row.problems)
            first = row.problems[0]
            raise StrictImportFailed(
                f"--strict needs every row to be right; got line {first.line}, product {first.product_id!r}: "
                f"{first.code}: {first.message} Nothing was written."
            )
        fields = product_fields(row.product) if row.product else {}
        photos = None if row.photos is None else [asdict(photo) for photo in row.photos]
        spool.write(json.dumps([fields, photos]) + "\n")


def _read_spool(spool: IO[str]) -> Iterator[Prepared]:
    spool.seek(0)
    for line in spool:
        fields, photos = json.loads(line)
        records = None if photos is None else tuple(map(_record, photos))
        product = parse_product(fields)
        yield Prepared(product.product_id, product, records)


def _record(fields: dict[str, Any]) -> PhotoRecord:
    return PhotoRecord(**{**fields, "colours": tuple(fields["colours"])})
