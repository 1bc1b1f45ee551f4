"""Turns HTML that shop systems put into titles and descriptions into plain text."""

import html
import re

_LINES = {
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre",
    "section", "table", "tbody", "tfoot", "thead", "tr", "ul",
}  # fmt: skip
_INLINE = {
    "a", "abbr", "acronym", "b", "base", "bdi", "bdo", "big", "body", "button", "caption", "center", "cite", "code",
    "col", "colgroup", "data", "del", "details", "dfn", "em", "embed", "font", "head", "html", "i", "iframe", "img",
    "input", "ins", "kbd", "label", "legend", "link", "mark", "meta", "noscript", "object", "option", "picture",
    "q", "s", "samp", "select", "small", "source", "span", "strike", "strong", "sub", "summary", "sup", "svg",
    "template", "textarea", "time", "title", "tt", "u", "var", "video", "wbr",
}  # fmt: skip
_CELLS = {"td", "th"}
_HIDDEN = {"script", "style"}
# Not html.parser: it takes time that grows with the square of a text such as "<a <a <a", and raises on "<![<!".
# Here nothing matches over a "<", so that a text is read once, whatever it holds.
_TOKEN = re.compile(
    r"""(?P<comment><!--) | (?P<end>-->) | (?P<cdata><!\[CDATA\[|\]\]>) | <[!?][^<>]*+>
    | <(?P<close>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*+)(?=[\s/>])(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+>""",
    re.VERBOSE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_COMMENT = "!--"
_ESCAPED, _CLOSING = re.compile(r"&lt;/[a-zA-Z]"), re.compile(r"</[a-zA-Z][a-zA-Z0-9]*>")


def plain_text(text: str) -> str:
    """Returns a text without its HTML: tags out, entities decoded, a new line for `<br>`, `<p>`, `<li>` and the like.

    Only tags that HTML knows count, so `a < b` and `<3` stay; scripts, styles and comments go with what is in them.
    HTML that is escaped as a whole, as OpenCart has it, is read like any other.
    """
    if "<" not in text and "&" not in text:
        return text
    if not _TOKEN.search(text):
        decoded = _decoded(text)
        return plain_text(decoded) if _ESCAPED.search(text) and _CLOSING.search(decoded) else decoded
    parts: list[str] = []
    hidden, place = "", 0
    for found in _TOKEN.finditer(text):
        if not hidden:
            parts.append(text[place : found.start()])
        place = found.end()
        shown, hidden = _read_token(found, hidden)
        parts.append(shown)
    if not hidden:
        parts.append(text[place:])
    lines = [_SPACES.sub(" ", line).strip() for line in _decoded("".join(parts)).split("\n")]
    return "\n".join(line for line in lines if line)


def _decoded(text: str) -> str:
    return _ENTITY.sub(lambda found: html.unescape(found[0]).replace("\u00a0", " "), text)


def _read_token(found: re.Match[str], hidden: str) -> tuple[str, str]:
    """Returns what is shown in place of a piece of markup, and what hides the text behind it."""
    tag = (found["tag"] or "").lower()
    if hidden:
        ends = found["end"] is not None if hidden == _COMMENT else tag == hidden and found["close"] == "/"
        return "", "" if ends else hidden
    if found["comment"] is not None:
        return "", _COMMENT
    if tag in _HIDDEN:
        return "", "" if found["close"] else tag
    if tag in _LINES:
        return "\n", ""
    if tag in _CELLS:
        return " ", ""
    known = tag in _INLINE or (not tag and found["end"] is None)
    return "" if known else found[0], ""
