"""Imports a product feed into the catalogue, and reports every row with a problem."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from data.catalogue import Catalogue, ImportRuns, PhotoRecord, RowProblem, parse_product, product_fields
from data.errors import InvalidFeed
from data.photos import Intake, fetch_image
from data.progress import track
from data.readers import Feed, FeedOptions, PhotoFiles, is_url, open_feed
from data.settings import Settings
from indexer.errors import IndexerError, StrictImportFailed
from indexer.importing.preparing import Prepared, TakeIn, prepare
from indexer.importing.report import ImportReport, Tally, problem_file

_BATCH_PRODUCTS, _BATCH_PHOTOS = 500, 2_000


@dataclass(frozen=True, kw_only=True)
class ProductReport(ImportReport):
    """What an import of products did.

    Attributes:
        refused: rows that gave no product.
        run: the import's number, with which `restore` brings back what it deleted.
        deleted: products that a full feed no longer names.
        not_deleted: products that it no longer names, but that were kept, of `live_before`; `kept_because` says why.
        images: photos of the products in the feed; `new_images` of them were not in the catalogue before.
        notes: sentences about the feed as a whole.
        skipped: files of a folder or zip that were left out, by reason.
    """

    run: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    refused: int = 0
    images: int = 0
    new_images: int = 0
    not_deleted: int = 0
    live_before: int = 0
    kept_because: str = ""
    notes: tuple[str, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def products(self) -> int:
        """Rows that gave a product."""
        return self.created + self.updated + self.unchanged

    @property
    def changed(self) -> bool:
        """Whether the catalogue is another one now."""
        return bool(self.created + self.updated + self.deleted)

    @property
    def summary(self) -> str:
        parts = [f"{count:,} {name}" for name in ("created", "updated", "unchanged") if (count := getattr(self, name))]
        return (
            f"{self.products:,} products ({', '.join(parts)}), {self.images:,} images ({self.new_images:,} new), "
            f"{self.refused:,} rows refused"
            + (f", {self.deleted:,} products deleted (`restore --import {self.run}` undoes it)" if self.deleted else "")
        )

    @property
    def remark(self) -> str:
        left_out = ", ".join(f"{count:,} ({reason})" for reason, count in self.skipped.items() if count)
        lines = [
            *self.notes,
            f"files left out: {left_out}" if left_out else "",
            "" if self.changed else "Nothing changed.",
        ]
        return "\n".join(filter(None, lines))

    @property
    def refusal(self) -> str:
        """Why a full feed deleted nothing, with the numbers; empty if nothing was held back."""
        if not self.not_deleted:
            return ""
        return (
            f"--full-feed would have deleted {self.not_deleted:,} of {self.live_before:,} products, and deleted none: "
            f"{self.kept_because} What the feed adds and changes was imported (run {self.run})."
        )

    def place(self, problem: RowProblem) -> str:
        return f"line {problem.line}, {problem.product_id or '?'}"

    def fields(self) -> dict[str, Any]:
        return {**super().fields(), "products": self.products}


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
    report: Path | None = None,
) -> ProductReport:
    """Adds and changes the products of a feed; importing the same feed again changes nothing.

    Args:
        path: a file, plain, in gzip or in a zip; a folder of photos; or `-` for standard input.
        format: one of `data.readers.feed.FORMATS`.
        encoding: of the feed's text, for example `cp949`; empty: it is detected.
        images: folder that image paths are relative to, tried before the feed's own folder.
        strict: stop at the first row with a problem, with nothing written to the catalogue.
        full_feed: the feed is the whole catalogue: products that it does not name are deleted. None is deleted if a row
            has no readable product_id, or if they are more than `max_full_feed_drop` of those that were live before;
            `refusal` of the report says so.
        force: let a full feed delete more than `max_full_feed_drop`.
        report: JSONL file for the problems, one per line; it appears when the import ends.

    Raises:
        InvalidFeed: the feed cannot be read, or none of its rows holds a usable product; nothing is deleted then.
        StrictImportFailed: `strict` met a row with a problem.
        IndexerError: a file cannot be written; batches written before stay, and importing again adds the rest.
    """
    catalogue = Catalogue(settings.home)
    intake = Intake(settings, catalogue)
    options = FeedOptions(format=format, encoding=encoding, images=images, scratch=settings.home)
    try:
        with (
            open_feed(path, options) as feed,
            closing(prepare(feed.rows, _photo_source(settings, intake, feed.photos), settings.cores)) as prepared,
            problem_file(report) as out,
            TemporaryFile("w+", encoding="utf-8") as spool,
        ):
            tally = Tally(path, out)
            rows: Iterable[Prepared] = track(prepared, "import", unit="products")
            if strict:
                _check_all(rows, tally, spool)
                rows = _read_spool(spool)
            return _write(rows, settings, intake, catalogue, tally, feed, full_feed=full_feed, force=force)
    except OSError as error:
        raise IndexerError(
            f"import must be able to write under {settings.home}; got {error}. Make room or check the rights, "
            "then import again."
        ) from error


def _write(
    rows: Iterable[Prepared], settings: Settings, intake: Intake, catalogue: Catalogue, tally: Tally, feed: Feed,
    *, full_feed: bool, force: bool,
) -> ProductReport:  # fmt: skip
    """Writes prepared rows to the catalogue, deletes what a full feed no longer names, and closes the run."""
    runs, live_before, as_of = ImportRuns(settings.home), catalogue.counts()["products"], catalogue.seq()
    run = runs.start(tally.source)
    named = _write_batches(rows, run, runs, intake, catalogue, tally)
    report = ProductReport(run=run, notes=tuple(feed.notes), skipped=dict(feed.skipped), **tally.fields())
    if full_feed and report.products:
        share = 1.0 if force else settings.max_full_feed_drop
        report = _delete_missing(report, named, live_before, as_of, share, catalogue)
    runs.finish(run, {**report.fields(), "problems": None})
    if not report.products:
        raise InvalidFeed(
            f"a feed must give at least one product; got {report.refused} bad rows in {report.source} and no good one. "
            f"Check the format.{tally.first_problem}"
        )
    return report


def _write_batches(
    rows: Iterable[Prepared], run: int, runs: ImportRuns, intake: Intake, catalogue: Catalogue, tally: Tally
) -> Counter[str]:
    """Writes the rows, one transaction per batch; returns how many rows named each product_id, "" those without one."""
    counts, named = tally.counts, Counter[str]()
    for batch in _batches(rows):
        named.update(item.product_id for item in batch)
        hashes = {photo.sha256 for item in batch for photo in item.photos or ()}
        counts.update(
            refused=sum(item.product is None for item in batch),
            images=sum(len(item.photos or ()) for item in batch),
            new_images=len(hashes) - len(catalogue.photos(hashes)),
        )
        counts.update(intake.write((item.product, item.photos) for item in batch if item.product is not None))
        problems = [problem for item in batch for problem in item.problems]
        tally.add_problems(problems)
        runs.add(run, problems)
    return named


def _delete_missing(
    report: ProductReport, named: Counter[str], live_before: int, as_of: int, share: float, catalogue: Catalogue
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
    missing = catalogue.delete_missing(named, run_id=report.run, at_most=at_most, as_of=as_of)
    if at_most is None or missing <= at_most:
        return replace(report, deleted=missing, live_before=live_before)
    if unreadable:
        because = f"{unreadable:,} rows had no readable product_id, so the feed is no proof that a product is gone. "
        because += "Correct the feed, then import it again."
    else:
        because = f"that is more than max_full_feed_drop ({share:g}). If the feed is right, import it with --force."
    return replace(report, not_deleted=missing, live_before=live_before, kept_because=because)


def _photo_source(settings: Settings, intake: Intake, photos: PhotoFiles) -> TakeIn:
    def take_in(reference: str | bytes) -> PhotoRecord:
        if isinstance(reference, bytes):
            return intake.accept_bytes(reference)
        if is_url(reference):
            return intake.accept_bytes(fetch_image(reference, settings))
        found = photos.find(reference, settings.max_image_bytes + 1)
        return intake.accept_bytes(found) if isinstance(found, bytes) else intake.accept_path(found)

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
