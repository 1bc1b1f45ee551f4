"""Tells how the bytes of a text file are to be read: its encoding and the ends of its lines."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from data.errors import InvalidImport

MARK_BAD_BYTES = "lookalike.mark"
BAD_BYTES = "\udcff"
_SAMPLE_BYTES = 1 << 18
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, with whose mark it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_NAMES = {
    "utf-32": "UTF-32", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp949": "CP949 (Korean)",
    "cp932": "CP932 (Japanese)", "gb18030": "GB18030 (Chinese)", "big5": "Big5 (Chinese)",
    "cp1251": "Windows-1251 (Cyrillic)", "cp1250": "Windows-1250", "cp1252": "Windows-1252",
}  # fmt: skip
_OTHERS = ("cp1252", "cp1250", "cp1251", "cp932", "gb18030", "big5")
_ENOUGH_TO_TELL = 20  # special characters; with fewer, Windows-1252 is likelier than what statistics say
# bytes that are no UTF-8, and characters that no feed has, but that pairs of Korean bytes look like
_NOT_IN_UTF8 = re.compile("[\udcff\ue000-\uf8ff\u0180-\u02af\u0591-\u05c7]")
# bytes other than those that no text in Windows-1252 has, or hardly any: a sign of damage, not of another encoding
_IN_TEXT = re.compile(rb"[^\x81\x8d\x8f\x90\x9d\xfe\xff\x00-\x7f]")
_KOREAN = {"euc_kr", "ks_c_5601_1987", "johab"}


# A decoder's error handler can only be named, and names are registered for the whole process.
def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return BAD_BYTES, error.end
    raise error


codecs.register_error(MARK_BAD_BYTES, _mark)


@dataclass(frozen=True)
class TextForm:
    """How bytes are text.

    Attributes:
        encoding: Python's name of the encoding.
        newline: what ends a line.
    """

    encoding: str = "utf-8-sig"
    newline: str = "\n"

    @property
    def title(self) -> str:
        """The encoding's name for people; empty for UTF-8, which needs no words."""
        return "" if self.encoding.startswith("utf-8") else _NAMES.get(self.encoding, self.encoding)


def detect_form(file: BinaryIO, encoding: str = "") -> TextForm:
    """Returns how a file's bytes are text; reads a part of it if that tells, else all of it, in blocks.

    UTF-8 wins where more of the special characters are valid UTF-8 than not, so that one bad byte does not make a
    file another file. Else it is Korean (CP949), Western (Windows-1252), or what charset-normalizer holds it for.

    Args:
        encoding: the encoding, if it is known; empty: it is detected.

    Raises:
        InvalidFeed: Python knows no encoding of this name.
    """
    head = file.read(_SAMPLE_BYTES)
    name = _python_name(encoding) if encoding else _declared(head) or _without_mark(head) or _guess(file)
    text = head.decode(name, "replace")
    return TextForm(name, "\r" if "\r" in text and "\n" not in text else "\n")


def _python_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # not one of the codecs that turn bytes into bytes
    except LookupError as error:
        raise InvalidImport(
            f"--encoding must be the name of an encoding, such as utf-8, cp949, cp1252 or utf-16; got {encoding!r}."
        ) from error
    return {"utf-8": "utf-8-sig"}.get(name, "cp949" if name in _KOREAN else name)


def _declared(head: bytes) -> str:
    """Returns the encoding that the file's first bytes name, by a byte order mark or as XML; empty if they do not."""
    for mark, name in _BOMS.items():
        if head.startswith(mark):
            return name
    declared = _XML_ENCODING.match(head)
    return _python_name(declared[1].decode("ascii")) if declared else ""


def _without_mark(head: bytes) -> str:
    """Returns UTF-16 of either kind if these bytes can only be that; empty if not."""
    for name, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) >= 4 * max(1, others.count(0)):  # `가` has a zero byte, too
            text = head[: len(head) // 2 * 2].decode(name, "replace")
            if re.search(r"[\r\n]", text) and re.search(r"[,;\t|\"]", text):
                return name
    return ""


def _guess(file: BinaryIO) -> str:
    sample = b"".join(_special_lines(file))
    text = sample.decode("utf-8", MARK_BAD_BYTES)
    bad = len(_NOT_IN_UTF8.findall(text)) if BAD_BYTES in text else 0
    good = sum(character > "\x7f" for character in text) - bad
    if good >= bad or not _IN_TEXT.search(sample):
        return "utf-8-sig"
    if _is_korean(sample):
        return "cp949"
    if bad < _ENOUGH_TO_TELL:
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_OTHERS)).best()
    return best.encoding if best else "cp1252"


def _is_korean(sample: bytes) -> bool:
    """Returns whether at least half of the special bytes are pairs that stand for the 2,350 common syllables.

    That holds in short texts, too: in Western text two special letters rarely follow each other, and a special letter
    before a plain one is no common syllable. Chinese text looks like such syllables, too, but with as many Chinese
    characters between them, which Korean texts rarely hold: each counts twice against.
    """
    text = sample.decode("cp949", "replace")
    syllables = [character.encode("cp949") for character in text if "가" <= character <= "힣"]
    common = sum(raw[0] >= 0xB0 and raw[1] >= 0xA1 for raw in syllables)
    chinese = sum("一" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" for character in text)
    return 0 < common >= len(syllables) - common + 2 * chinese + text.count("\ufffd")


def _special_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yields lines that hold more than ASCII, up to a limit; only such lines tell encodings apart."""
    file.seek(0)
    left = _SAMPLE_BYTES
    while left > 0 and (line := file.readline(_SAMPLE_BYTES)):
        if not line.isascii():
            left -= len(line)
            yield line


def decode_name(raw: bytes) -> str:
    """Returns a file's name; one that is not UTF-8 comes from an older Windows, Korean or Western."""
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("cp1252", "replace")
