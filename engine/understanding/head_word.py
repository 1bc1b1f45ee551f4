"""Finds the word that names the thing in words that are searched for: "laptop" in "a striped laptop for kids"."""

from collections.abc import Sequence

from engine.understanding.languages import LANGUAGES

_SAYS_OF = frozenset(word for language in LANGUAGES for word in language.says_of)
_SAYS_HOW = tuple(end for language in LANGUAGES for end in language.says_how)


def head_word(words: Sequence[str], judged: Sequence[str]) -> str:
    """Returns the word that names the thing: the last one before words such as `for`; "" if there is none.

    In English as in Korean, what stands before it says what it is like: a laptop bag is a bag.

    Args:
        words: those of the query, in lower case.
        judged: those of them that may name it.
    """
    end = next((at for at, word in enumerate(words) if at and word in _SAYS_OF), len(words))
    named = [word for word in words[:end] if word in judged and (word in _SAYS_HOW or not word.endswith(_SAYS_HOW))]
    return next(reversed(named or judged), "")
