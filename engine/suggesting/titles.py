"""Suggests a title from the words that the titles of similar products share, and from the facts that were guessed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data.catalogue import ProductFacts
from engine.suggesting.attributes import AttributeGuess
from engine.suggesting.neighbourhood import Neighbourhood, fact_names, fact_of, folded

_MOST_TITLES = 20
_LEAST_TITLES = 3  # fewer show no custom, and their words might be one seller's own
_SHARED = 0.5  # of the titles, that must have a word
_MOST_WORDS = 40  # of a title that are looked at: words are compared with words, and a feed may hold thousands
Words = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TitleGuess:
    """A title to begin with.

    Attributes:
        titles: how many products' titles share its words; 0: it is the name of the category.
    """

    text: str
    titles: int


def guess_title(near: Neighbourhood, guesses: Sequence[AttributeGuess]) -> TitleGuess | None:
    """Returns the words that titles of the category share, and the guessed facts that titles name, in their order.

    Words of one product alone never get in, and a title that exactly one product has is not suggested. Where titles
    share nothing, the category's name is the title; None if there is no category either.

    Args:
        guesses: the facts guessed; only those that may be relied on get in.
    """
    kin = near.products[: near.kin][:_MOST_TITLES]
    titles = [_words(facts) for facts in kin if facts.product.title.strip()]
    named = TitleGuess(text=near.category, titles=0) if near.category else None
    if len(titles) < _LEAST_TITLES:
        return named
    values = [
        phrase
        for guess in guesses
        if not guess.abstained and (phrase := tuple(str(guess.value).split())) and _is_named(near, guess, phrase)
    ]
    choices = _choices(near)
    shared = [phrase for phrase in _shared(titles) if phrase not in choices]
    text = _joined([*shared, *values], [_words(facts) for facts in near.products])
    owners = sum(facts.product.title.strip().casefold() == text.casefold() for facts in near.products)
    return TitleGuess(text=text, titles=len(titles)) if text and owners != 1 else named


def _words(facts: ProductFacts) -> Words:
    return tuple(facts.product.title.split()[:_MOST_WORDS])


def _shared(titles: Sequence[Words]) -> list[Words]:
    """Returns the words that enough titles have, each as a phrase of its own."""
    counts = Counter(word for title in titles for word in {word.casefold() for word in title})
    least = max(_LEAST_TITLES, _SHARED * len(titles))
    return [(word,) for word, count in counts.items() if count >= least]


def _choices(near: Neighbourhood) -> set[Words]:
    """Returns the values of facts of which products have several, as phrases: one of them is not another product's."""
    values: dict[str, set[Words]] = {}
    for facts in near.products:
        for name in fact_names(facts):
            values.setdefault(name, set()).add(tuple(folded(fact_of(facts, name) or "").split()))
    return {phrase for several in values.values() if len(several) > 1 for phrase in several}


def _is_named(near: Neighbourhood, guess: AttributeGuess, phrase: Words) -> bool:
    """Returns whether products that have the guessed value mostly name it in their titles."""
    having = [facts for facts in near.products if folded(fact_of(facts, guess.name) or "") == folded(guess.value)]
    named = sum(_place(_words(facts), phrase) is not None for facts in having)
    return named >= max(2, _SHARED * len(having))


def _place(title: Words, phrase: Words) -> int | None:
    """Returns at which word of a title a phrase begins; None if it is not in it."""
    folded, wanted = [word.casefold() for word in title], [word.casefold() for word in phrase]
    ends = len(folded) - len(wanted) + 1
    return next((at for at in range(ends) if folded[at : at + len(wanted)] == wanted), None)


def _joined(phrases: Sequence[Words], titles: Sequence[Words]) -> str:
    """Returns phrases in the order in which titles have them, each word once, as titles most often spell them."""
    spelt: list[tuple[float, str]] = []
    for phrase in phrases:
        places = [(at, title) for title in titles if (at := _place(title, phrase)) is not None]
        spellings = Counter(" ".join(title[at : at + len(phrase)]) for at, title in places)
        mean = sum(at / len(title) for at, title in places) / len(places)
        spelt.append((mean, spellings.most_common(1)[0][0]))
    words = dict.fromkeys(word for _, text in sorted(spelt) for word in text.split())
    return " ".join(words)
