"""Tells whether a word in Hangul and one in Latin letters write the same sounds: 나이키 and Nike, 삼성 and Samsung.

Korean writes foreign names by ear, and Latin letters write Korean ones in several ways. So each part of a Hangul
syllable has Latin spellings that are usual and others that are rarer, and the fewer rarer ones a word needs, the surer
it is.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

Spellings = Mapping[str, int]  # what may stand for a part -> 1 if that is rare, else 0


def _spellings(texts: str) -> Spellings:
    """Returns the spellings of one part, of which the rarer ones stand behind |, and - is none."""
    usual, _, rarer = texts.partition("|")
    return {**{each.replace("-", ""): 0 for each in usual.split()}, **dict.fromkeys(rarer.split(), 1)}


def _table(texts: str) -> tuple[Spellings, ...]:
    return tuple(map(_spellings, texts.split(", ")))


# Unicode puts the 19 leads, 21 vowels and 28 tails (the first is none) of Hangul syllables in this order.
_LEADS = _table(
    "g k|gu, k g|gu gh, n|kn, d|t, t d, l r, m, b v|p, b p v, s c|sh z th ch, s c|z, -, j z g|ch, z j c g ch, "
    "ch c|t s, k|ch, t th, p f, h|f j w wh"
)
_VOWELS = _table(
    "a|o u, a ae ai|e ay, ya ia|a, ya|e, e u eo|i ou ea a o, e a ai|ay ae ea ei, yo yu yeo you eo|io, ye|e, "
    "o oa ow au aw ou oo|eau a, wa|wha oi oa ua a, wa|we ua, oe we|oi oy, yo io|eo o, u oo ou ew woo|w ue eu ui wo o, "
    "wa wo uo, we whe|ue, wi ui|we ew i u, yu u ew eu|you ue iu eau, -|u e o a i ai eu, ui|i e, i e ee y ie|ea ey ei"
)
_TAILS = _table(
    "-, k g|ch, k g, ks, n, n, n, t d|th, l le, lk, lm, lb, ls, l, lp, l, m|mb, p b, ps, t d|s, t s, ng n|m, t, t, "
    "k g, t, p f, h"
)
_S_LEAD, _NO_LEAD, _J, _CH = 9, 11, 12, 14
_A, _YA, _EO, _E, _YEO, _YE, _O, _YO, _U, _WI, _YU, _EU, _I = 0, 2, 4, 5, 6, 7, 8, 12, 13, 16, 17, 18, 20
_L_TAIL = 8
_SOFT = (_YA, _YEO, _YE, _YO, _WI, _YU, _I)  # before these, ㅅ sounds as in `shop`
_GLIDES = {  # of two open vowels, as in 나이키, 레이, 하우스 and 보우
    (_A, _I): _spellings("i y|ie ye ai ei igh"), (_E, _I): _spellings("a ai ay|ei ey"),
    (_A, _U): _spellings("ou ow au"), (_O, _U): _spellings("o oa ow ou"), (_O, _I): _spellings("oi oy|eu"),
}  # fmt: skip
_R = {**dict.fromkeys((_A, _EO, _O), _spellings("- r")), _E: _spellings("-|r")}  # which 파크 (park) does not write
_NOTHING, _PUT_IN = _spellings("-"), _spellings("-|e u")  # Korean puts ㅡ in where it cannot join consonants
_ENDS = _spellings("- e|s es")
_LATIN_SPELLINGS = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (r"[^a-z]", ""), (r"([^eo])\1", r"\1"), (r"^x", "s"), (r"x", "ks"), (r"sch", "sh"), (r"tch", "ch"),
        (r"stl", "sl"), (r"que$|ck|q", "k"), (r"ph", "f"), (r"c(?![ehiy])", "k"),
    )
)  # fmt: skip
_FIRST_OF, _LAST_OF = [next(iter(each)) for each in _LEADS], [next(iter(each)) for each in _TAILS]
_MERGED = str.maketrans({**dict.fromkeys("aeiouylrhw"), **dict.fromkeys("bfpv", "p"), **dict.fromkeys("cdgjkstz", "t")})
_NG_ALONE = re.compile("ng(?![aeiouy])")
_DOUBLED = re.compile(r"(.)\1+")


def letters_heard(name: str) -> str:
    """Returns a name in small Latin letters, without marks and with one spelling of what sounds the same.

    >>> letters_heard("L'Oréal"), letters_heard("Lacoste"), letters_heard("Rolex")
    ('loreal', 'lakoste', 'roleks')
    """
    heard = unicodedata.normalize("NFKD", name.casefold())
    for pattern, meant in _LATIN_SPELLINGS:
        heard = pattern.sub(meant, heard)
    return heard


def outline_of(word: str) -> str:
    """Returns the consonants of a word in Hangul, or of letters heard, of which only a few kinds are told apart.

    Words that sound alike have the same outline.

    >>> outline_of("삼성"), outline_of("samsung")
    ('tmtn', 'tmtn')
    """
    heard = "".join([_FIRST_OF[lead] + _LAST_OF[tail] for lead, _, tail in _syllables(word)]) or word
    return _DOUBLED.sub(r"\1", _NG_ALONE.sub("n", heard).translate(_MERGED)).removesuffix("t")


def first_letters(word: str) -> set[str]:
    """Returns the letters with which a word in Hangul, or of letters heard, may begin in Latin letters.

    >>> sorted(first_letters("삼성")), first_letters("samsung")
    (['c', 's', 't', 'z'], {'s'})
    """
    if not _syllables(word):
        return {word[0]}
    lead, vowel, *_ = _parts(word)
    return {each[0] for each in (*lead, *(vowel if "" in lead else ())) if each}


def rare_spellings(hangul: str, letters: str) -> int | None:
    """Returns how many parts of a word in Hangul letters heard write in a rarer way; None if they do not write it.

    >>> [rare_spellings(*each) for each in (("나이키", "nike"), ("디즈니", "disney"), ("나이키", "nikon"))]
    [0, 1, None]
    """
    ends = {0: 0}  # place in the letters -> rare spellings up to there
    for spellings in _parts(hangul):
        reached: dict[int, int] = {}
        for start, rare in ends.items():
            for spelling, more in spellings.items():
                if letters.startswith(spelling, start):
                    end = start + len(spelling)
                    reached[end] = min(rare + more, reached.get(end, rare + more))
        ends = reached
    return ends.get(len(letters))


@lru_cache(maxsize=4096)
def _parts(word: str) -> list[Spellings]:
    """Returns the Latin spellings of each part of a word in Hangul."""
    parts: list[Spellings] = []
    vowel_before, tail_before = -1, 0
    for lead, vowel, tail in _syllables(word):
        glide = _GLIDES.get((vowel_before, vowel)) if lead == _NO_LEAD and not tail_before else None
        if glide:
            parts[-3] = glide  # the vowel, before an r and a tail
        else:
            parts += [_lead(lead, vowel, tail_before, first=not parts), _vowel(lead, vowel, tail)]
        parts += [_R.get(vowel, _NOTHING), _TAILS[tail]]
        vowel_before, tail_before = vowel, tail
    if tail_before == _L_TAIL:
        parts[-1] = {**_TAILS[_L_TAIL], "r": 0}  # 디올 is Dior
    return [*parts, _ENDS]


def _lead(lead: int, vowel: int, tail_before: int, *, first: bool) -> Spellings:
    found = {**_LEADS[lead], "h": 1} if first and lead == _NO_LEAD else dict(_LEADS[lead])  # 에르메스 is Hermès
    if lead == _S_LEAD and vowel in _SOFT:
        found |= {"sh": 0, "ch": 0}  # 샤넬 is Chanel
    if lead == _J and vowel == _EU:
        found["s"] = 0  # 로즈 is rose
    if tail_before and _usual(found) & _usual(_TAILS[tail_before]):
        found[""] = 0  # doubled letters are one
    return found


def _vowel(lead: int, vowel: int, tail: int) -> Spellings:
    if vowel == _EU and not tail:
        return _PUT_IN
    if lead in (_S_LEAD, _J, _CH) and vowel == _YA:
        return {**_VOWELS[_YA], "a": 0}
    if lead in (_S_LEAD, _CH) and vowel in (_WI, _I) and not tail:
        return {**_VOWELS[vowel], "": 0}  # 보쉬 is Bosch
    if lead == _J and vowel == _I and not tail:
        return {**_VOWELS[_I], "e": 0}  # 오렌지 is orange
    return _VOWELS[vowel]


def _usual(spellings: Spellings) -> set[str]:
    return {each for each, rare in spellings.items() if not rare}


def _syllables(word: str) -> list[tuple[int, int, int]]:
    """Returns the numbers of lead, vowel and tail of each Hangul syllable of a word."""
    codes = [divmod(ord(letter) - ord("가"), 28) for letter in word if "가" <= letter <= "힣"]
    return [(*divmod(rest, 21), tail) for rest, tail in codes]
