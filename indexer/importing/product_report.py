"""What an import of products did, for people and for programs."""

from dataclasses import dataclass, field
from typing import Any

from data.catalogue import RowProblem
from indexer.importing.report import ImportReport, counted

_NOT_FETCHED = (
    "Not fetched from their web addresses: {}. To have them, set fetch_urls = true in lookalike.toml, or "
    "LOOKALIKE_FETCH_URLS=true, and import again."
)


@dataclass(frozen=True, kw_only=True)
class ProductReport(ImportReport):
    """What an import of products did.

    Attributes:
        refused: rows that gave no product.
        warnings: facts and photos that were left out of products that were imported.
        unfetched: photos that are web addresses and were left alone, because fetching is off.
        run: the import's number, with which `restore` brings back what it deleted.
        deleted: products that a full feed no longer names.
        not_deleted: products that it no longer names, but that were kept, of `live_before`; `kept_because` says why.
        images: photos of the products in the feed; `new_images` of them were not in the catalogue before.
        notes: sentences about the feed as a whole.
        skipped: files of a folder or zip that were left out, by reason.
        dry_run: nothing was written; the counts are what the import would do.
    """

    run: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    refused: int = 0
    warnings: int = 0
    unfetched: int = 0
    images: int = 0
    new_images: int = 0
    not_deleted: int = 0
    live_before: int = 0
    kept_because: str = ""
    notes: tuple[str, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False

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
        undo = "" if self.dry_run else f" (`restore --import {self.run}` undoes it)"
        return (
            ("Dry run, nothing was written. This import would give: " if self.dry_run else "")
            + f"{counted(self.products, 'product')} ({', '.join(parts)}), {counted(self.images, 'image')} "
            f"({self.new_images:,} new), {counted(self.refused, 'row')} refused"
            + (f", {counted(self.warnings, 'warning')}" if self.warnings else "")
            + (f", {counted(self.deleted, 'product')} deleted{undo}" if self.deleted else "")
        )

    @property
    def remark(self) -> str:
        fetching = _NOT_FETCHED.format(counted(self.unfetched, "photo")) if self.unfetched else ""
        lines = [*self.notes, self.left_out, fetching, "" if self.changed else "Nothing changed."]
        return "\n".join(filter(None, lines))

    @property
    def left_out(self) -> str:
        """How many files of a folder or zip were left out, and why; empty if none was."""
        parts = [f"{count:,} ({reason})" for reason, count in self.skipped.items() if count]
        return f"files left out: {', '.join(parts)}" if parts else ""

    @property
    def refusal(self) -> str:
        """Why a full feed deleted nothing, with the numbers; empty if nothing was held back."""
        if not self.not_deleted:
            return ""
        return (
            f"--full-feed would have deleted {self.not_deleted:,} of {self.live_before:,} products, and deleted none: "
            f"{self.kept_because}"
            + ("" if self.dry_run else f" What the feed adds and changes was imported (run {self.run}).")
        )

    def place(self, problem: RowProblem) -> str:
        return f"line {problem.line}, {problem.product_id or '?'}"

    def fields(self) -> dict[str, Any]:
        return {**super().fields(), "products": self.products}
