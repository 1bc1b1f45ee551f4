"""Texts that an index is tuned to: of all products alike, also where only the first of them are used."""

import numpy as np
from tiny_shop import TinyShop, axis

from data.settings import Settings
from engine.text import typed_texts


def test_whole_titles_and_two_words_of_others_come_from_old_and_new_products(settings: Settings) -> None:
    shop = TinyShop(settings)
    for number in range(60):
        shop.put(f"p{number}", [axis(0)], title=f"{number} red mug" if number else "")
    keys = np.repeat(shop.catalogue.snapshot().product_keys, 2)
    texts = typed_texts(shop.catalogue, keys)
    assert texts == typed_texts(shop.catalogue, keys)
    assert [len(text.split()) for text in texts] == [2, 3] * 29 + [2]
    numbers = [int(text.split()[0]) for text in texts if text[0].isdigit()][:20]
    assert min(numbers) < 20 < 40 < max(numbers)
