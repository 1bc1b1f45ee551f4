"""The catalogue: products, their photos and facts, and the reports of imports, in one SQLite file."""

from data.catalogue.checking import (
    ATTRIBUTE_LIMIT,
    ID_LIMIT,
    TEXT_LIMIT,
    Checked,
    FactProblem,
    check_product,
    parse_product,
    patch_product,
    readable_id,
)
from data.catalogue.checksums import damage_readable
from data.catalogue.deletions import Restored
from data.catalogue.import_runs import ImportRuns, RowProblem
from data.catalogue.photo_colours import product_colours
from data.catalogue.photo_labels import (
    KEEP,
    LabelCheck,
    LabelDecision,
    LabelDoubt,
    PhotoLabels,
    check_label_kind,
    checked_kinds,
    decisions_state,
    label_of,
)
from data.catalogue.product_changes import ChangePlace, ProductChanges, ProductState
from data.catalogue.products import FACTS, Product, product_fields
from data.catalogue.store import Catalogue, Change, PhotoRecord, ProductFacts, Snapshot, Unsound, Written

__all__ = [
    "ATTRIBUTE_LIMIT",
    "FACTS",
    "ID_LIMIT",
    "KEEP",
    "TEXT_LIMIT",
    "Catalogue",
    "Change",
    "ChangePlace",
    "Checked",
    "FactProblem",
    "ImportRuns",
    "LabelCheck",
    "LabelDecision",
    "LabelDoubt",
    "PhotoLabels",
    "PhotoRecord",
    "Product",
    "ProductChanges",
    "ProductFacts",
    "ProductState",
    "Restored",
    "RowProblem",
    "Snapshot",
    "Unsound",
    "Written",
    "check_label_kind",
    "check_product",
    "checked_kinds",
    "damage_readable",
    "decisions_state",
    "label_of",
    "parse_product",
    "patch_product",
    "product_colours",
    "product_fields",
    "readable_id",
]
