"""Reads what is not wanted: `not red`, `without lactose`, `빨간색 말고`, `설탕 없는`."""

from collections.abc import Iterator, Sequence
from functools import cache

from data.lexical import words_of
from data.vocabulary import Wording
from engine.understanding.languages import FILLERS, JOINERS, LANGUAGES
from engine.understanding.lexicon import Lexicon, any_of
from engine.understanding.naming import MOST_NAME_WORDS, meaning
from engine.understanding.reading import Reading
from engine.understanding.tokens import Run, Token, names_in, tokens_of

_MOST_SKIPPED = 2  # fillers: "not in a red"


def read_unwanted(tokens: Sequence[Token], lexicon: Lexicon, wording: Wording) -> list[Reading]:
    """Returns what is not wanted: a filter where facts hold the words, else the words, if products hold them at all."""
    readings = []
    for first, last, pushes in _marks(tokens, "not_before"):
        at = last
        while at < min(len(tokens), last + _MOST_SKIPPED) and tokens[at].word in FILLERS:
            at += 1
        if found := _meant_from(tokens, at, lexicon):
            readings.append(_reading(tokens, first, *found))
        elif pushes and (end := _named_until(tokens, first, at)) and _told(tokens, at, end, wording):
            readings.append(_pushed(tokens, first, end, at, end))
    for first, last, pushes in _marks(tokens, "not_after"):
        before = _meant_until(tokens, first, lexicon)
        if before and _is_wanted_too(tokens, before[0], first):
            continue
        if before:
            readings.append(_reading(tokens, before[0], last, before[1]))
        elif pushes and first and len(tokens) > last - first + 1 and _told(tokens, first - 1, first, wording):
            readings.append(_pushed(tokens, first - 1, last, first - 1, first))
    return readings


def unmentioned(text: str, wording: Wording) -> frozenset[str]:
    """Returns the words that say that a thing is not wanted which no product is described with: `without nuts`.

    No answer is judged by them, since it is not known of any product whether it has the thing.
    """
    tokens = tokens_of(text)
    spans = [
        (first, end, last, end)
        for first, last, pushes in _marks(tokens, "not_before")
        if pushes and (end := _named_until(tokens, first, last))
    ]
    spans += [
        (first - 1, last, first - 1, first)
        for first, last, pushes in _marks(tokens, "not_after")
        if pushes and first > 0
    ]
    return frozenset(
        word
        for start, end, thing, behind in spans
        if not any(wording.holding([form], 1) for token in tokens[thing:behind] for form in token.words)
        for word in words_of(text[tokens[start].start : tokens[end - 1].end])
    )


def _marks(tokens: Sequence[Token], kind: str) -> Iterator[tuple[int, int, bool]]:
    """Yields where a mark such as `without` stands, the longest first, and whether words are pushed away by it."""
    words = [token.word for token in tokens]
    for mark, pushes in _known_marks(kind):
        if mark[0] not in words:
            continue
        for at in range(len(words) - len(mark) + 1):
            if words[at : at + len(mark)] == mark:
                yield at, at + len(mark), pushes


@cache
def _known_marks(kind: str) -> list[tuple[list[str], bool]]:
    """Returns the words of each mark of all languages, the longest first, and whether words are pushed away by it."""
    marks = [(mark.split(), pushes) for language in LANGUAGES for mark, pushes in getattr(language, kind).items()]
    return sorted(marks, key=lambda each: -len(each[0]))


def _meant_from(tokens: Sequence[Token], at: int, lexicon: Lexicon) -> tuple[int, str] | None:
    """Returns where the unwanted things that begin at a word end, and the filter that they have in common."""
    conditions: list[str] = []
    end = at
    while at < len(tokens):
        run = next((run for run in names_in(tokens, at, MOST_NAME_WORDS) if meaning(run, lexicon)), None)
        if run is None:
            break
        conditions.append(meaning(run, lexicon))
        end = at = run.last
        if at >= len(tokens) or tokens[at].word not in JOINERS:
            break
        at += 1
    return (end, any_of(conditions)) if conditions else None


def _meant_until(tokens: Sequence[Token], last: int, lexicon: Lexicon) -> tuple[int, str] | None:
    """Returns where the unwanted thing that ends at a word begins, and its filter."""
    runs: list[Run] = [
        run
        for first in range(max(0, last - MOST_NAME_WORDS), last)
        for run in names_in(tokens, first, last - first)
        if run.last == last
    ]
    return next(((run.first, meaning(run, lexicon)) for run in runs if meaning(run, lexicon)), None)


def _named_until(tokens: Sequence[Token], mark: int, at: int) -> int:
    """Returns where unwanted words that no fact holds end; 0 if that is not plain.

    They must be one or two, and the last of a text that says before what is wanted.
    """
    return len(tokens) if mark > 0 and at < len(tokens) <= at + 2 else 0


def _told(tokens: Sequence[Token], first: int, last: int, wording: Wording) -> bool:
    """Tells whether products are described with the words, and none with lacking them.

    Where some are ("sugar free"), the words themselves find those. A dress is wanted in "a pink dress, no blue dress".
    """
    forms = (" ".join(token.word for token in tokens[first : last - 1]) + f" {form}" for form in tokens[last - 1].words)
    thing = next((form.strip() for form in forms if wording.holding([form], 1)), "")
    if not thing or thing.isdigit() or any(token.word in FILLERS for token in tokens[first:last]):
        return False
    if _is_wanted_too(tokens, first, last):
        return False
    lacking = [each.replace("{thing}", thing) for language in LANGUAGES for each in language.free]
    return not any(wording.holding([phrase], 1) for phrase in lacking)


def _is_wanted_too(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Tells whether a word of `tokens[first:last]` stands elsewhere too, as in "a pink dress, no blue dress"."""
    elsewhere = {form for token in (*tokens[:first], *tokens[last:]) for form in token.words}
    return any(token.word in elsewhere for token in tokens[first:last])


def _reading(tokens: Sequence[Token], first: int, last: int, condition: str) -> Reading:
    return Reading(start=tokens[first].start, end=tokens[last - 1].end, condition=f"NOT {condition}")


def _pushed(tokens: Sequence[Token], first: int, last: int, thing: int, end: int) -> Reading:
    words = " ".join(token.words[-1] for token in tokens[thing:end])
    return Reading(start=tokens[first].start, end=tokens[last - 1].end, unwanted=words)
