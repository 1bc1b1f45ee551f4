"""Measures how many brands are found by their names in the other script, and how many other words are taken for one.

    python benchmarks/heard_brands.py

The shop has all brands of heard_brands.csv, in Latin letters or in Hangul; those of the group `later` were written when
the rules were done. Prints for each way how many are found, and which not. Other words are the 300 of goods_korean.csv
and the English words of engine/understanding/goods.csv, all written by hand; what they are taken for is listed, and the
processor time for each.
"""

import csv
import re
import time
from pathlib import Path

from data.lexical import key_of
from engine.understanding import HeardBrands, listed_goods

_BRANDS = Path(__file__).with_name("heard_brands.csv")
_GOODS = Path(__file__).with_name("goods_korean.csv")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    brands = rows_of(_BRANDS)
    names = [name.casefold() for goods in listed_goods().values() for name in goods.english]
    english = sorted({word for name in names for word in re.findall("[a-z]+", name)})
    others = {"latin": [row["word"] for row in rows_of(_GOODS)], "hangul": english}
    for own, typed in (("latin", "hangul"), ("hangul", "latin")):
        shop = HeardBrands.of(row[own].casefold() for row in brands)
        for group in ("first", "later"):
            asked = [row for row in brands if row["group"] == group]
            missed = [row[typed] for row in asked if shop.meant(key_of(row[typed])) != row[own].casefold()]
            found = len(asked) - len(missed)
            print(f"{typed} for {own}, {group}: {found} of {len(asked)} found; not {', '.join(missed)}")
        started = time.process_time()
        taken = [f"{word} for {brand}" for word in others[own] if (brand := shop.meant(key_of(word)))]
        each_us = (time.process_time() - started) / len(others[own]) * 1e6
        print(f"{len(taken)} of {len(others[own])} other words taken for one: {', '.join(taken) or '-'}")
        print(f"{each_us:.0f} µs each")


if __name__ == "__main__":
    main()
