"""Texts as shoppers may type them, from the titles of products: an index is tuned to what they find."""

import numpy as np

from data.catalogue import Catalogue

_TEXTS = 300


def typed_texts(catalogue: Catalogue, product_keys: np.ndarray) -> list[str]:
    """Returns titles of some of these products, in random order, and of every second one only two of its words.

    Args:
        product_keys: int64 (n,), a product may be there several times.
    """
    chance = np.random.default_rng(0)
    keys = np.unique(product_keys)
    sample = chance.choice(keys, min(_TEXTS, len(keys)), replace=False).tolist()
    facts = catalogue.facts(sample)
    titles = [title for key in sample if key in facts and (title := facts[key].product.title)]
    return [title if place % 2 else _two_words(title, chance) for place, title in enumerate(titles)]


def _two_words(title: str, chance: np.random.Generator) -> str:
    words = title.split()
    return " ".join(words[place] for place in np.sort(chance.permutation(len(words))[:2]))
