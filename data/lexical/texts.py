"""The forms in which texts are compared: as a key, as words, and as the letters they are typed with."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from data.lexical.remembering import remembered

# Scripts whose words are written together, or with endings that no space sets apart: Thai, kana, Han, Hangul.
_JOINED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_INSIDE = re.compile(r"[^\w\s]\w")  # every split code holds this, which is found much quicker
_SPLIT_CODE = re.compile(r"\w[^\w\s]+\w*\d|\d\w*[^\w\s]+\w")
_WORD = re.compile(r"[^\W_]+")
_ASCII_LETTERS = "".join(chr(code).lower() if chr(code).isalnum() else " " for code in range(128))


@remembered(10_000, longest=100)  # a batch asks for each of its titles several times
def letters_of(text: str) -> str:
    """Returns the letters and digits that a text is typed with, words apart by one space.

    Case, accents and punctuation do not count. A Hangul syllable becomes its two or three letters (jamo), so that one
    wrong letter is one difference, as it is in Latin script.
    """
    if text.isascii():  # the same, several times faster
        return " ".join(text.translate(_ASCII_LETTERS).split())
    plain = _LATIN_MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return " ".join(_WORD.findall(plain))


def key_of(text: str) -> str:
    """Returns a text as one key: its letters and digits without spaces, so that `RM-S 01` equals `rms01`."""
    return letters_of(text).replace(" ", "")


def words_of(text: str) -> list[str]:
    """Returns the words of a text, each once, in the form in which they are shown: composed and case-folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return list(dict.fromkeys(_WORD.findall(folded)))


def with_words_meant(text: str, meant: Mapping[str, str]) -> str:
    """Returns a text with words replaced; all else stays as it is, apart from its Unicode form (NFKC).

    Args:
        meant: word, as `words_of` gives it -> the word in its place.
    """
    plain = unicodedata.normalize("NFKC", text)
    return _WORD.sub(lambda match: meant.get(match[0].casefold(), match[0]), plain)


def terms_of(word: str) -> list[str]:
    """Returns the terms under which a word is indexed, from `words_of`.

    A run of Hangul, Han, kana or Thai gives its overlapping pairs and its last sign, so that `가방` is found in
    `파란가방` and in `가방을`.
    """
    if word.isascii():  # the same, several times faster
        return [word] if word else []
    if _JOINED.fullmatch(word):
        return _pairs(word)
    return [term for part in _parts(word) for term in (_pairs(part) if _JOINED.match(part) else [part])]


def within_words(word: str) -> list[str]:
    """Returns the terms of a word that are found also where the word goes on: those of `머그` in `머그컵`."""
    return _open(terms_of(word))


def holding_terms(word: str) -> list[str]:
    """Returns the terms by which a text holds a word: those of `within_words`, but for `2단` not its number alone."""
    terms = within_words(word)
    is_number = len(terms) == 1 and terms[0].isdigit() and terms[0] != word
    return [" ".join(terms_of(word))] if is_number else terms


@remembered(10_000, longest=64)  # a search asks for each of its words several times
def phrase_of(text: str) -> str:
    """Returns the expression that finds texts which hold these words in this order; "" for no words.

    The last word may go on where words are written together: `가방` is found in `가방을`.
    """
    words = [terms_of(word) for word in words_of(text)]
    if words:
        words[-1] = _open(words[-1])
    terms = " ".join(term for word in words for term in word)
    return f'"{terms}"' if terms else ""


def indexed(text: str) -> str:
    """Returns the terms of a whole text, in its order, separated by spaces; a code such as `XK-44` also as `xk44`."""
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    if text.isascii():
        terms = letters_of(text)
    else:
        words = _WORD.findall(folded)
        terms = " ".join(term for word in words for term in ((word,) if word.isascii() else _known_terms(word)))
    if _INSIDE.search(folded) and _SPLIT_CODE.search(folded):
        codes = [key_of(part) for part in folded.split() if not part.isalnum() and _SPLIT_CODE.search(part)]
        terms = " ".join([terms, *codes])
    return terms


_known_terms = remembered(5_000, longest=64)(terms_of)  # a catalogue says much in the same words


def _open(terms: list[str]) -> list[str]:
    """Returns the terms without the last sign of a run, which is indexed alone only where a word ends."""
    return terms[:-1] if len(terms) > 1 and len(terms[-1]) == 1 and _JOINED.fullmatch(terms[-1]) else terms


def _parts(word: str) -> Iterator[str]:
    """Yields the runs of one kind of script that a word consists of."""
    place = 0
    for run in _JOINED.finditer(word):
        if run.start() > place:
            yield word[place : run.start()]
        yield run[0]
        place = run.end()
    if place < len(word):
        yield word[place:]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] + [run[-1]]
