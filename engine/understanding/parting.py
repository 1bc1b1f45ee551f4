"""Parts Hangul words that are written together where the shop knows the last of them: `여성원피스` is `여성 원피스`."""

import re

from data.vocabulary import NAMES, Wording

_LEAST = 2  # signs of each part
_MOST = 16  # signs of a word: each place in it is looked up
_LONG = re.compile(f"(?<![가-힣])[가-힣]{{{2 * _LEAST},{_MOST}}}(?![가-힣])")


def parted(text: str, wording: Wording) -> str:
    """Returns a text in which words that no product has are parted before the longest end that a product has."""
    return _LONG.sub(lambda match: _parted(match[0], wording), text)


def _parted(word: str, wording: Wording) -> str:
    if wording.holding([word], 1):
        return word
    for at in range(_LEAST, len(word) - _LEAST + 1):
        if wording.holding([word[at:]], 1, within=NAMES):
            return f"{word[:at]} {word[at:]}"
    return word
