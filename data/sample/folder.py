"""Writes the synthetic sample catalogue to a folder: drawn products with photos, texts and held-out queries.

Nothing is downloaded and nothing is real: `data/sample/` makes pictures, names and brands from a seed.
"""

import csv
import dataclasses
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.errors import SettingsError
from data.progress import track
from data.sample.canvas import Canvas
from data.sample.kinds import GLOSS
from data.sample.looks import Look
from data.sample.patterns import COLOURS, jitter, make_fill
from data.sample.plan import Item, plan_item
from data.sample.scenes import angle_photo, lifestyle_photo, phone_photo, studio_photo
from data.sample.texts import TextQuery, description, text_queries, title, title_ko
from data.storage import parse_json, read_small, sweep_abandoned, write_text

SAMPLE_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_VERSION = 3
_MARKER = "sample.json"
_PHOTOS = ((studio_photo, 88), (angle_photo, 88), (lifestyle_photo, 86))
_PHONE_QUALITY = 60
_POOL_FROM = 8
_README = """\
A synthetic sample catalogue made by Lookalike
==============================================
Every photo, brand, name and price in this folder is made up and drawn by a program; nothing of it is for sale.

catalogue.jsonl   the products: title in English (Korean in attribute title_ko), description in English, then Korean
photos/           three photos of each product: studio, another angle, in use
queries/          held-out phone-like photos, not part of the catalogue; queries.csv names the product each one shows
text_queries.csv  text queries, English and Korean: either product_id, or the category, colour and pattern asked for
sample.json       what the sample was made with, and the size of each file

It may be deleted at any time; the same parameters make the same files again.
"""


def generate_sample(folder: Path, *, products: int = 240, seed: int = 0, now: datetime = SAMPLE_NOW) -> Path:
    """Writes the sample catalogue to `folder`; changes nothing if the same sample is there already.

    The folder appears whole or not at all. The same arguments give the same bytes (with the same Pillow and NumPy),
    however many processes work on it. A sample made with other arguments is replaced.

    Args:
        folder: target folder; must be missing, empty, or hold a sample.
        products: number of products, 1 to 10,000; 16 or more cover every category.
        seed: 0 or more; another seed makes other products.
        now: the latest `created_at`; a fixed date, so that results can be repeated.

    Returns:
        The path of catalogue.jsonl.

    Raises:
        SettingsError: an argument is out of range, or the folder holds something else.
    """
    if not 1 <= products <= 10_000:
        raise SettingsError(f"products must be 1 to 10,000; got {products}.")
    if seed < 0:
        raise SettingsError(f"seed must be 0 or more; got {seed}.")
    folder = folder.absolute()
    parameters = {"version": _VERSION, "products": products, "seed": seed, "now": now.isoformat()}
    if _holds(folder, parameters):
        return folder / "catalogue.jsonl"
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep_abandoned(folder.parent, f".{folder.name}.*")
    staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        _make(staged, [plan_item(number, seed, now) for number in range(products)], seed)
        sizes = {str(path.relative_to(staged)): path.stat().st_size for path in sorted(staged.rglob("*.*"))}
        write_text(staged / _MARKER, json.dumps({**parameters, "files": sizes}, indent=1))
        staged.chmod(0o755)
        _replace(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder / "catalogue.jsonl"


def _holds(folder: Path, parameters: dict[str, Any]) -> bool:
    """Returns whether `folder` holds exactly this sample, every file with its recorded size."""
    try:
        marker = parse_json(read_small(folder / _MARKER))
        files = marker.pop("files")
        return bool(
            marker == parameters and all((folder / name).stat().st_size == size for name, size in files.items())
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not (folder / _MARKER).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(
            f"the sample's folder must be missing, empty or hold a sample; got {folder}. Name another one."
        )


def _replace(staged: Path, folder: Path) -> None:
    """Moves `staged` to `folder`; an older sample there is moved aside first, then deleted."""
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
    try:
        if folder.exists():
            folder.replace(aside)
        staged.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _make(folder: Path, items: list[Item], seed: int) -> None:
    for name in ("photos", "queries"):
        (folder / name).mkdir()
    for _ in track(_photographed(partial(_photograph, folder, seed), items), "sample", len(items), "products"):
        pass
    lines = [json.dumps(_fields(item), ensure_ascii=False) for item in items]
    (folder / "catalogue.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    phone = [
        {"query_photo": _query(item), "product_id": item.product_id, "category": item.kind.category} for item in items
    ]
    _write_csv(folder / "queries.csv", list(phone[0]), phone)
    names = [field.name for field in dataclasses.fields(TextQuery)]
    _write_csv(folder / "text_queries.csv", names, (dataclasses.asdict(query) for query in text_queries(items)))
    (folder / "README.txt").write_text(_README, encoding="utf-8")


def _photographed(work: "partial[None]", items: list[Item]) -> Iterator[None]:
    """Runs `work` on each item, with one process per core; yields once per finished item."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers == 1 or len(items) < _POOL_FROM:
        yield from map(work, items)
        return
    # Spawned: a forked child would inherit the locks that other threads of the caller hold at that moment.
    with ProcessPoolExecutor(min(workers, len(items)), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, items, chunksize=2)


def _photograph(folder: Path, seed: int, item: Item) -> None:
    """Draws one product and writes its photos and its query photo."""
    product = draw_item(item, seed)
    for position, (take, quality) in enumerate(_PHOTOS, 1):
        photo = take(product, np.random.default_rng([seed, 4, item.number, position]), flat=item.kind.flat)
        photo.save(folder / _photo(item, position), quality=quality)
    snapshot = phone_photo(product, np.random.default_rng([seed, 4, item.number, 0]), flat=item.kind.flat)
    snapshot.save(folder / _query(item), quality=_PHONE_QUALITY)


def draw_item(item: Item, seed: int) -> Image.Image:
    """Returns the painted product alone, RGBA with a transparent background."""
    rng = np.random.default_rng([seed, 3, item.number])
    main, accent, trim = (jitter(COLOURS[name], rng) for name in (item.colour, item.accent, item.trim))
    fill = make_fill(item.pattern, main, accent, item.material, rng)
    canvas = Canvas()
    item.kind.draw(canvas, Look(fill=fill, main=main, accent=accent, trim=trim, gloss=GLOSS[item.material]), rng)
    return canvas.image()


def _photo(item: Item, position: int) -> str:
    return f"photos/{item.product_id}-{position}.jpg"


def _query(item: Item) -> str:
    return f"queries/{item.product_id}.jpg"


def _fields(item: Item) -> dict[str, Any]:
    return {
        "product_id": item.product_id,
        "title": title(item),
        "description": description(item),
        "brand": item.brand,
        "category": item.kind.category,
        "price": item.price,
        "currency": "EUR",
        "colour": item.colour,
        "created_at": item.created_at.isoformat(),
        "in_stock": item.in_stock,
        "images": [_photo(item, position) for position in range(1, len(_PHOTOS) + 1)],
        "attributes": {
            "material": item.material,
            "pattern": item.pattern,
            "size": item.size,
            "title_ko": title_ko(item),
        },
    }


def _write_csv(path: Path, names: list[str], rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(rows)
