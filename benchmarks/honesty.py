"""Measures whether an answer's match probabilities and `no_match` are honest, on questions that nothing learned from.

    python benchmarks/honesty.py HOME [--queries FILE.csv]... [--grocery FOLDER] [--absent-photos FOLDER]
        [--absent-words FILE.csv] [--two-words sample|grocery|clothing] [--beside TEXT]... [--as-typed]

HOME needs a live generation. Prints the out-of-fold figures of the last rebuild; then, for each group of questions:

    questions  how many; `absent` ones have no answer in this shop
    first      share whose first hit is right
    refused    share with `no_match`
    right<.5   share of right first hits with a probability below one half
    wrong>=.5  share of wrong first hits with one of at least one half
    right, no  number of right first hits with `no_match`
    ECE        expected calibration error of the first ten hits

For each group with right and wrong first hits a line follows with both errors at other bounds than one half.

FILE.csv is a file for `lookalike evaluate retrieval`, such as the sample's `queries.csv` and `text_queries.csv`.
`--grocery` is the Grocery Store Dataset (github.com/marcusklasson/GroceryStoreDataset): the photos of val.txt, and the
class names in Korean. `--absent-photos` are photos of what the shop does not sell, such as the validation photos of
github.com/alexeygrigorev/clothing-dataset-small. absent_words.csv was written by hand; a test checks that training does
not know its words. `--two-words` asks what two_words.csv has for this shop, written by hand: things that it sells, with
a word before or behind that no product need have ("office chair"), and others named by one of its words ("striped
laptop"). With `--beside "{} 1l"`, all words are asked a second time with more words beside them, by which the
same products are right. With --as-typed, nothing is understood in the words, which shows what understanding changes.
"""

import argparse
import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.generations import GenerationStore
from data.settings import Settings, load_settings
from engine.search import Hit, SearchAnswer, SearchEngine, SearchRequest
from training.evaluation import read_queries
from training.measures import reliability

_ABSENT = Path(__file__).with_name("absent_words.csv")
_TWO_WORDS = Path(__file__).with_name("two_words.csv")
_KOREAN = Path(__file__).with_name("grocery_korean.csv")
_BOUNDS = np.arange(1, 10) / 10
_PHOTOS = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Asked:
    """A request and the product_ids that answer it; None: nothing in the shop does."""

    request: SearchRequest
    right: frozenset[str] | None


def of_files(paths: Iterable[Path], settings: Settings) -> dict[str, list[Asked]]:
    facts = list(Catalogue(settings.home).iter_facts())
    ids = {fact.product_key: fact.product.product_id for fact in facts}
    groups: dict[str, list[Asked]] = {}
    for path in paths:
        for query in read_queries([path], facts, settings).queries:
            request = SearchRequest(image=query.file.read_bytes()) if query.file else SearchRequest(text=query.text)
            right = frozenset(ids[key] for key in query.gains)
            groups.setdefault(f"{path.stem}: {query.source}", []).append(Asked(request, right))
    return groups


def of_grocery(folder: Path, settings: Settings) -> dict[str, list[Asked]]:
    owners: dict[str, set[str]] = {}
    for fact in Catalogue(settings.home).iter_facts():
        owners.setdefault(fact.product.category, set()).add(fact.product.product_id)
    lines = [line.split(",")[0] for line in (folder / "val.txt").read_text().splitlines() if line.strip()]
    with _KOREAN.open(encoding="utf-8") as file:
        names = {row["korean"]: frozenset(owners[row["category"]]) for row in csv.DictReader(file)}
    words = {re.sub("[-_]", " ", name).lower().split()[-1] for name in owners}
    return {
        "grocery val photos": [
            Asked(SearchRequest(image=(folder / line).read_bytes()), frozenset(owners[Path(line).parent.name]))
            for line in lines
        ],
        "grocery names in Korean": [Asked(SearchRequest(text=name), right) for name, right in names.items()],
        "grocery, last word of a name": [
            Asked(
                SearchRequest(text=word), frozenset().union(*(ids for name, ids in owners.items() if _has(name, word)))
            )
            for word in sorted(words)
        ],
    }


def _has(name: str, word: str) -> bool:
    return word in re.sub("[-_]", " ", name).lower().split()


def absent(words: Path, photos: Path | None) -> dict[str, list[Asked]]:
    groups: dict[str, list[Asked]] = {}
    with words.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            groups.setdefault(f"absent words, {row['language']}", []).append(
                Asked(SearchRequest(text=row["query_text"]), None)
            )
    if photos is not None:
        files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in _PHOTOS)
        groups["absent photos"] = [Asked(SearchRequest(image=path.read_bytes()), None) for path in files]
    return groups


def two_words(shop: str, settings: Settings) -> dict[str, list[Asked]]:
    texts = {
        fact.product.product_id: f"{fact.product.title} {fact.product.category}".lower()
        for fact in Catalogue(settings.home).iter_facts()
    }
    groups: dict[str, list[Asked]] = {"a thing that is sold, and a word": [], "absent thing, and a word": []}
    sold, absent_ones = groups.values()
    with _TWO_WORDS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["shop"] == shop and row["thing"]:
                right = frozenset(name for name, text in texts.items() if row["thing"] in text)
                sold.append(Asked(SearchRequest(text=row["query_text"]), right))
            elif row["shop"] == shop:
                absent_ones.append(Asked(SearchRequest(text=row["query_text"]), None))
    return groups


def beside(groups: dict[str, list[Asked]], text: str) -> dict[str, list[Asked]]:
    """Returns the groups of words with more words beside them.

    Args:
        text: holds `{}` where the words stand.
    """
    return {
        f"{name}: {text}": [
            Asked(replace(asked.request, text=text.replace("{}", asked.request.text)), asked.right) for asked in group
        ]
        for name, group in groups.items()
        if all(asked.request.text for asked in group)
    }


def measure(group: list[Asked], answers: list[SearchAnswer]) -> Iterator[str]:
    """Yields the cells of a group's line."""
    right = [[_is_right(hit, asked) for hit in answer.hits] for asked, answer in zip(group, answers, strict=True)]
    chances = [[hit.match_probability or 0.0 for hit in answer.hits] for answer in answers]
    first = np.array([row[:1] == [True] for row in right])
    sure = np.array([row[0] if row else 0.0 for row in chances])
    refused = np.array([answer.no_match for answer in answers])
    flat = (
        np.concatenate([np.array(row) for row in chances if row]),
        np.concatenate([np.array(row) for row in right if row]),
    )
    yield from (f"{len(group)}", _share(first), _share(refused), _share(sure[first] < 0.5), _share(sure[~first] >= 0.5))
    yield f"{int((first & refused).sum())} of {int(first.sum())}"
    yield f"{reliability(flat[0].astype(np.float32), flat[1].astype(np.bool_)).expected_error:.3f}"


def bounds(group: list[Asked], answers: list[SearchAnswer]) -> str:
    """Returns, for bounds of 0.1 to 0.9, the share of right first hits below it and of wrong ones that reach it."""
    firsts = [
        (_is_right(answer.hits[0], asked), answer.hits[0].match_probability or 0.0)
        for asked, answer in zip(group, answers, strict=True)
        if answer.hits
    ]
    right = np.array([chance for is_right, chance in firsts if is_right])
    wrong = np.array([chance for is_right, chance in firsts if not is_right])
    if not len(right) or not len(wrong):
        return ""
    pairs = (f"{bound:.1f} {(right < bound).mean():.3f}/{(wrong >= bound).mean():.3f}" for bound in _BOUNDS)
    return "    right below / wrong from there on: " + "  ".join(pairs)


def _is_right(hit: Hit, asked: Asked) -> bool:
    return asked.right is not None and hit.product_id in asked.right


def _share(values: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> str:
    return f"{values.mean():.3f}" if len(values) else "-"


def print_rebuild(settings: Settings) -> None:
    measured = GenerationStore(settings.home).open().measured("match")
    for kind, found in measured.items():
        if isinstance(found, dict):
            plain = {name: value for name, value in found.items() if name not in ("reliability", "sources")}
            print(f"out of fold, {kind}: {json.dumps(plain)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--queries", type=Path, action="append", default=[])
    parser.add_argument("--grocery", type=Path)
    parser.add_argument("--absent-photos", type=Path)
    parser.add_argument("--absent-words", type=Path, default=_ABSENT)
    parser.add_argument("--two-words", choices=("sample", "grocery", "clothing"))
    parser.add_argument("--beside", action="append", default=[])
    parser.add_argument("--as-typed", action="store_true")
    given = parser.parse_args()
    settings = load_settings(home=given.home)
    print_rebuild(settings)
    stages: dict[str, list[float]] = {}
    engine = SearchEngine(settings, on_stage=lambda name, ms: stages.setdefault(name, []).append(ms))
    groups = of_files(given.queries, settings)
    if given.grocery:
        groups |= of_grocery(given.grocery, settings)
    groups |= absent(given.absent_words, given.absent_photos)
    if given.two_words:
        groups |= two_words(given.two_words, settings)
    groups |= {name: group for text in given.beside for name, group in beside(groups, text).items()}
    print(f"{'group':36}questions first refused right<.5 wrong>=.5 right, no   ECE")
    for name, group in groups.items():
        answers = [engine.search(replace(asked.request, understand=not given.as_typed)) for asked in group]
        cells = list(measure(group, answers))
        print(
            f"{name:36}"
            + "".join(cell.rjust(width) for cell, width in zip(cells, (9, 6, 8, 9, 10, 11, 6), strict=True))
        )
        if line := bounds(group, answers):
            print(line)
    print(f"judging: {np.median(stages['judge']):.2f} ms, median of {len(stages['judge'])} answers")


if __name__ == "__main__":
    main()
