"""The pages in English and Korean: which one a browser gets, and that no text lacks its Korean."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from api.languages import LANGUAGES, money
from api.languages.catalogues import LOCALES

ROOT = Path(__file__).parents[2]
LITERAL = re.compile(r"""(["'`])((?:(?!\1)[^\\\n]|\\.)*)\1""")
SHOWN = re.compile(r"""(textContent|innerText|title|alt|placeholder|ariaLabel) = ["'`]|"aria-label", ["'`]""")


@pytest.fixture(scope="module")
def korean() -> Catalog:
    with (LOCALES / "ko" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="ko")


@pytest.fixture(scope="module")
def asked_for(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The texts that code and templates ask for, found as `make texts` finds them."""
    [command] = [line.strip() for line in (ROOT / "Makefile").read_text().splitlines() if "pybabel -q extract" in line]
    out = tmp_path_factory.mktemp("texts") / "texts.pot"
    arguments = command.replace("$(BIN)/pybabel -q", "").replace("build/texts.pot", str(out)).split()
    subprocess.run([Path(sys.executable).with_name("pybabel"), *arguments], cwd=ROOT, check=True)
    with out.open("rb") as file:
        return read_po(file)


def forms(message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the English forms of a text, and its forms in the catalogue's language."""
    ids: Any = message.id
    strings: Any = message.string
    return (ids if isinstance(ids, tuple) else (ids,)), (strings if isinstance(strings, tuple) else (strings,))


def texts(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def test_every_text_has_its_korean_and_no_korean_is_left_over(korean: Catalog, asked_for: Catalog) -> None:
    there = {forms(message)[0]: forms(message)[1] for message in texts(korean) if not message.fuzzy}
    wanted = {forms(message)[0] for message in texts(asked_for)}
    assert len(wanted) > 100
    assert sorted(text for text in wanted if not all(there.get(text, ("",)))) == [], "run `make texts`, then fill in"
    assert sorted(set(there) - wanted) == [], "run `make texts`"


def test_translations_keep_the_placeholders_and_the_markup(korean: Catalog) -> None:
    for message in texts(korean):
        english, translated = forms(message)
        for pattern in (r"%\(\w+\)s", r"<[^>]+>"):
            wanted = {tuple(sorted(re.findall(pattern, text))) for text in english}
            assert {tuple(sorted(re.findall(pattern, text))) for text in translated} <= wanted, english[0]
        assert not any('"' in re.sub(r"<[^>]+>", "", text) for text in (*english, *translated)), (
            "would end an attribute"
        )


def test_scripts_hold_no_texts_of_their_own() -> None:
    """Whatever looks like words in a script belongs into a `data-` attribute, which a template fills."""
    found = []
    for path in sorted((ROOT / "api" / "static").glob("*.js")):
        code = re.sub(r"(^|\s)//.*", "", path.read_text())
        sentences = [text for _, text in LITERAL.findall(code) if re.match(r"[A-Z][a-z]+( [a-z]|…)", text)]
        found += [f"{path.name}: {text}" for text in [*sentences, *SHOWN.findall(code)]]
    assert found == []


@pytest.mark.parametrize(
    ("address", "headers", "expected"),
    [
        ("/", {}, "en"),
        ("/", {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"}, "ko"),
        ("/", {"Accept-Language": "de,en;q=0.5,ko;q=0.4"}, "en"),
        ("/", {"Accept-Language": "de"}, "en"),
        ("/?lang=ko", {}, "ko"),
        ("/?lang=xx", {"Accept-Language": "ko"}, "ko"),
        ("/", {"Cookie": "lang=ko"}, "ko"),
        ("/?lang=en", {"Cookie": "lang=ko", "Accept-Language": "ko"}, "en"),
        ("/nowhere", {"Accept-Language": "ko"}, "ko"),
    ],
)
def test_the_address_the_choice_before_and_the_browser_decide(
    app: Flask, address: str, headers: dict[str, str], expected: str
) -> None:
    answer = app.test_client(use_cookies=False).get(address, headers={"Accept": "text/html", **headers})
    assert f'<html lang="{expected}">' in answer.get_data(as_text=True)
    assert {"Accept-Language", "Cookie"} <= set(answer.vary.as_set(preserve_casing=True))


def test_a_choice_is_kept_in_a_cookie_and_the_switch_keeps_the_search(client: FlaskClient) -> None:
    page = client.get("/?q=red+mug&colour=red").get_data(as_text=True)
    link = re.search(r'href="([^"]+)" lang="ko"', page)
    assert link
    address = link[1].replace("&amp;", "&")
    assert address == "?q=red+mug&colour=red&lang=ko"
    answer = client.get("/" + address)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("lang=ko;")
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" in cookie
    again = client.get("/?q=red+mug")
    assert '<html lang="ko">' in again.get_data(as_text=True)
    assert "Set-Cookie" not in again.headers


def test_a_search_in_a_shoppers_words_never_becomes_a_placeholder_or_markup(client: FlaskClient) -> None:
    page = client.get("/?q=%25%28words%29s+%3Cb%3E&lang=ko").get_data(as_text=True)
    assert 'value="%(words)s &lt;b&gt;"' in page


def test_prices_are_written_as_the_language_does(app: Flask) -> None:
    assert set(LANGUAGES) == {"en", "ko"}
    shown = {}
    for name in LANGUAGES:
        with app.test_request_context(f"/?lang={name}"):
            shown[name] = [money(19000, "KRW"), money(1234.5, "USD"), money(None, "KRW")]
    assert shown == {"en": ["₩19,000", "$1,234.50", ""], "ko": ["19,000원", "US$1,234.50", ""]}
