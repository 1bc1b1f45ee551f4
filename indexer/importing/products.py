"""Imports a product feed into the catalogue, and reports every row with a problem."""

import json
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from data.catalogue import PhotoRecord, parse_product, product_fields
from data.errors import InvalidFeed
from data.photos import fetch_image
from data.progress import is_shown, track
from data.readers import Feed, FeedOptions, PhotoFiles, is_url, open_feed
from data.settings import Settings
from indexer.errors import IndexerError, StrictImportFailed
from indexer.importing.ledger import Ledger, open_ledger
from indexer.importing.preparing import Prepared, TakeIn, prepare
from indexer.importing.product_report import ProductReport
from indexer.importing.report import Tally, counted, problem_file

_OTHER_ID = "A column that differs in every row can take the id's place: --map TITLE=product_id,title."
_BATCH_PRODUCTS, _BATCH_PHOTOS = 2_000, 500  # a killed import decodes at most so many photos again


def import_feed(
    settings: Settings,
    path: Path,
    *,
    format: str = "auto",
    encoding: str = "",
    images: Path | None = None,
    strict: bool = False,
    full_feed: bool = False,
    force: bool = False,
    dry_run: bool = False,
    dates: str = "",
    mapping: Mapping[str, str] | None = None,
    report: Path | None = None,
) -> ProductReport:
    """Adds and changes the products of a feed; importing the same feed again changes nothing.

    Args:
        path: a file, plain, in gzip or in a zip; a folder of photos; or `-` for standard input.
        format: one of `data.readers.feed.FORMATS`.
        encoding: of the feed's text, for example `cp949`; empty: it is detected.
        images: folder that image paths are relative to, tried before the feed's own folder.
        strict: stop at the first row with a problem, a warning too, with nothing written to the catalogue.
        full_feed: the feed is the whole catalogue: products that it does not name are deleted. None is deleted if a row
            has no readable product_id, or if they are more than `max_full_feed_drop` of those that were live before;
            `refusal` of the report says so.
        force: let a full feed delete more than `max_full_feed_drop`.
        dry_run: only say what would change; nothing is written but `report`.
        dates: `dmy` or `mdy`: how to read dates such as 05/11/2026; "": they are left out.
        mapping: column of the feed -> the fact that it holds, where its own name does not say so.
        report: JSONL file for the problems, one per line; it appears when the import ends.

    Raises:
        InvalidFeed: the feed cannot be read, or none of its rows holds a usable product; nothing is deleted then.
        StrictImportFailed: `strict` met a row with a problem.
        IndexerError: a file cannot be written; batches written before stay, and importing again adds the rest.
    """
    options = FeedOptions(format=format, encoding=encoding, images=images, mapping=mapping or {})
    try:
        with (
            open_ledger(settings, dry_run=dry_run) as ledger,
            open_feed(path, replace(options, scratch=ledger.catalogue.home)) as feed,
            closing(_prepared(feed, settings, ledger, dates)) as prepared,
            problem_file(report) as out,
            TemporaryFile("w+", encoding="utf-8") as spool,
        ):
            tally = Tally(path, out)
            total = feed.count() if is_shown() else None
            rows: Iterable[Prepared] = track(prepared, "import", total, unit="products")
            if strict:
                _check_all(rows, tally, spool)
                rows = _read_spool(spool)
            share = 1.0 if force else settings.max_full_feed_drop
            done = _write(rows, ledger, tally, feed, share if full_feed else None)
            return replace(done, dry_run=dry_run)
    except OSError as error:
        raise IndexerError(
            f"import must be able to write under {settings.home}; got {error}. Make room or check the rights, "
            "then import again."
        ) from error


def _prepared(feed: Feed, settings: Settings, ledger: Ledger, dates: str) -> Generator[Prepared]:
    take_in = _photo_source(settings, ledger, feed.photos)
    return prepare(feed.rows, take_in, settings.cores, dates=dates, fetch=settings.fetch_urls)


def _write(
    rows: Iterable[Prepared], ledger: Ledger, tally: Tally, feed: Feed, full_feed_share: float | None
) -> ProductReport:
    """Writes prepared rows to the catalogue, deletes what a full feed no longer names, and closes the run.

    Args:
        full_feed_share: of the live products, the largest part that may go; None: it is no full feed.
    """
    live_before, as_of = ledger.catalogue.counts()["products"], ledger.catalogue.seq()
    ledger.begin(tally.source)
    named = _write_batches(rows, ledger, tally)
    report = ProductReport(run=ledger.run, notes=tuple(feed.notes), skipped=dict(feed.skipped), **tally.fields())
    if full_feed_share is not None and report.products:
        report = _delete_missing(report, named, live_before, as_of, full_feed_share, ledger)
    ledger.finish({**report.fields(), "problems": None})
    if not report.products:
        advice = _OTHER_ID if set(report.codes) == {"missing_product_id"} else "Check the format."
        raise InvalidFeed(
            f"a feed must give at least one product; got {report.refused} bad rows in {report.source} and no good one. "
            f"{advice}{tally.first_problem}{' ' + report.left_out if report.left_out else ''}"
        )
    return report


def _write_batches(rows: Iterable[Prepared], ledger: Ledger, tally: Tally) -> Counter[str]:
    """Writes the rows, one transaction per batch; returns how many rows named each product_id, "" those without one."""
    counts, named = tally.counts, Counter[str]()
    for batch in _batches(rows):
        named.update(item.product_id for item in batch)
        hashes = {photo.sha256 for item in batch for photo in item.photos or ()}
        counts.update(
            refused=sum(item.product is None for item in batch),
            warnings=sum(problem.severity == "warning" for item in batch for problem in item.problems),
            unfetched=sum(item.unfetched for item in batch),
            images=sum(len(item.photos or ()) for item in batch),
            new_images=len(hashes) - len(ledger.catalogue.photos(hashes)),
        )
        counts.update(ledger.write((item.product, item.photos) for item in batch if item.product is not None))
        problems = [problem for item in batch for problem in item.problems]
        tally.add_problems(problems)
        ledger.add_problems(problems)
    return named


def _delete_missing(
    report: ProductReport, named: Counter[str], live_before: int, as_of: int, share: float, ledger: Ledger
) -> ProductReport:
    """Deletes the products that a full feed does not name, unless it may be broken; returns the report with the result.

    Args:
        as_of: the catalogue's `seq` before the import; what came later is newer than the feed and stays.
        share: of `live_before`, the largest part that may go.
    """
    unreadable = named[""]
    at_most: int | None = None
    if unreadable:
        at_most = 0
    elif share < 1:
        at_most = int(share * live_before + 1e-6)  # 0.29 * 100 is 28.999999999999996
    missing = ledger.delete_missing(named, at_most=at_most, as_of=as_of)
    if at_most is None or missing <= at_most:
        return replace(report, deleted=missing, live_before=live_before)
    if unreadable:
        because = f"{counted(unreadable, 'row')} had no readable product_id, so the feed is no proof that a product "
        because += "is gone. Correct the feed, then import it again."
    else:
        because = f"that is more than max_full_feed_drop ({share:g}). If the feed is right, import it with --force."
    return replace(report, not_deleted=missing, live_before=live_before, kept_because=because)


def _photo_source(settings: Settings, ledger: Ledger, photos: PhotoFiles) -> TakeIn:
    def take_in(reference: str | bytes) -> PhotoRecord:
        if isinstance(reference, bytes):
            return ledger.take_in(reference)
        if is_url(reference):
            return ledger.take_in(fetch_image(reference, settings))
        return ledger.take_in(photos.find(reference, settings.max_image_bytes + 1))

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


def _check_all(rows: Iterable[Prepared], tally: Tally, spool: IO[str]) -> None:
    """Checks the whole feed before anything is written to the catalogue; keeps its products in `spool`."""
    for row in rows:
        if row.problems:
            tally.add_problems(row.problems)
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
