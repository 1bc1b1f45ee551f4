"""Reads brands in words of the other script: 나이키 where the shop writes Nike, `amore` where it writes 아모레."""

import re
from collections.abc import Sequence
from dataclasses import replace

from data.lexical import key_of
from data.vocabulary import Wording
from engine.understanding.lexicon import Lexicon
from engine.understanding.naming import meaning
from engine.understanding.tokens import Run, Token, names_in, tokens_of

_MOST_WORDS = 3  # 더 노스 페이스
_HANGUL = re.compile("[가-힣]+")
_LEAST_BRAND, _LEAST_BEHIND = 3, 2  # signs of a brand and of what is written behind it without a space


def with_brands_heard(tokens: Sequence[Token], lexicon: Lexicon, wording: Wording) -> list[Token]:
    """Returns the words of a text, with those that sound like one brand alone as one word, written as the shop does.

    They are read so only if no product has them and they mean nothing else here: 브라운 is brown in a shop with brown
    things. Nor is a brand whose name means more in this shop, such as "apple".
    """
    tokens = [part for token in tokens for part in _parted(token, lexicon, wording)]
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        run, brand = _brand_at(tokens, at, lexicon)
        if brand and _is_unknown(tokens[at : run.last], wording) and not wording.brand_means_more(brand):
            found.append(Token(tokens[at].start, tokens[run.last - 1].end, (brand,), (key_of(brand),), heard=True))
            at = run.last
        else:
            found.append(tokens[at])
            at += 1
    return found


def _parted(token: Token, lexicon: Lexicon, wording: Wording) -> list[Token]:
    """Returns the two parts of a Hangul word that begins with a brand, as 나이키운동화 does; else the word alone."""
    if not _HANGUL.fullmatch(token.word):
        return [token]
    for at in range(len(token.word) - _LEAST_BEHIND, _LEAST_BRAND - 1, -1):
        begins = token.word[:at]
        if lexicon.heard_brands.meant(key_of(begins), surely=True) and not wording.holding([begins], 1):
            first, second = tokens_of(f"{begins} {token.word[at:]}")
            middle = token.start + at
            return [replace(first, start=token.start, end=middle), replace(second, start=middle, end=token.end)]
    return [token]


def _brand_at(tokens: Sequence[Token], at: int, lexicon: Lexicon) -> tuple[Run, str]:
    """Returns the longest run of words from a place on that sounds like a brand, and the brand; "" if none does."""
    nothing = Run(at, at, ""), ""
    if not lexicon.heard_brands.in_other_script(tokens[at].word):
        return nothing
    runs = ((run, lexicon.heard_brands.meant(run.name)) for run in names_in(tokens, at, _MOST_WORDS))
    return next(((run, brand) for run, brand in runs if brand and not meaning(run, lexicon)), nothing)


def _is_unknown(tokens: Sequence[Token], wording: Wording) -> bool:
    """Tells whether no product has any of the words."""
    return not any(wording.holding([token.word], 1) for token in tokens)
