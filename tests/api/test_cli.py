"""serve, search and keys on the command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_backbone import TinyBackbone

import api.app  # noqa: F401 - before the engine's class is replaced, which it names in an annotation
import engine.search
import lookalike
from data.catalogue import Catalogue
from data.generations import GenerationFolder
from data.keys import Keys
from data.settings import Settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line with the tiny backbone; returns exit status, standard output and standard error."""
    real = engine.search.SearchEngine
    monkeypatch.setattr(engine.search, "SearchEngine", lambda given: real(given, backbone=TinyBackbone()))

    def call(*arguments: str) -> tuple[int, str, str]:
        status: Any = 0
        try:
            lookalike.main(["--home", str(settings.home), *arguments])
        except SystemExit as stopped:
            status = stopped.code
        captured = capsys.readouterr()
        return status or 0, captured.out, captured.err

    return call


def a_photo(settings: Settings, product_id: str) -> str:
    catalogue = Catalogue(settings.home)
    record = catalogue.photo(catalogue.get(product_id).image_sha256[0])
    assert record
    return record.source


def test_search_by_photo_and_by_product(run: Run, generation: GenerationFolder, settings: Settings) -> None:
    status, out, _ = run("search", "--image", a_photo(settings, "red-disc"), "-k", "3", "--json")
    answer = json.loads(out)
    assert (status, len(answer["hits"]), answer["hits"][0]["product_id"]) == (0, 3, "red-disc")
    assert answer["generation"] == generation.id
    _, out, _ = run("search", "--product", "red-disc", "-k", "5", "--json")
    assert "red-disc" not in [hit["product_id"] for hit in json.loads(out)["hits"]]


def test_a_picture_shows_which_parts_are_alike(
    run: Run, generation: GenerationFolder, settings: Settings, tmp_path: Path
) -> None:
    photo, picture = a_photo(settings, "red-disc"), tmp_path / "why.png"
    status, out, _ = run("search", "--image", photo, "-k", "7", "--why-map", str(picture))
    assert (status, "red-disc" in out) == (0, True)
    with Image.open(picture) as drawn:
        assert 2 * drawn.height == pytest.approx(5 * drawn.width, rel=0.02)  # a row of two photos for each of five hits
    assert run("search", "--product", "red-disc", "--why-map", str(tmp_path / "product.jpg"))[0] == 0
    status, _, said = run("search", "--image", photo, "--why-map", str(tmp_path / "why.txt"))
    assert (status, ".png, .jpg or .webp" in said) == (1, True)
    assert run("search", "--text", "red", "--why-map", str(picture))[0] == 2


def test_the_table_is_for_people(run: Run, generation: GenerationFolder, settings: Settings) -> None:
    _, out, _ = run("search", "--image", a_photo(settings, "red-disc"), "-k", "2")
    lines = out.splitlines()
    assert lines[0].split() == ["score", "product_id", "price", "title"]
    assert lines[1].split()[1:] == ["red-disc", "10.00", "EUR", "red", "disc"]
    assert "2 of 24 hits" in lines[3]


def test_facets_sorting_and_caps(run: Run, generation: GenerationFolder, settings: Settings) -> None:
    photo = a_photo(settings, "red-disc")
    options = ["--facets", "brand,price", "--sort", "-price", "--max-per", "brand:2", "-k", "100"]
    _, out, _ = run("search", "--image", photo, *options, "--json")
    answer = json.loads(out)
    prices = [hit["price"] for hit in answer["hits"]]
    assert prices == sorted(prices, reverse=True)
    counts = {entry["value"]: entry["count"] for entry in answer["facets"]["brand"]["values"]}
    assert sum(counts.values()) == sum(part["count"] for part in answer["facets"]["price"]["ranges"]) == answer["total"]
    assert len(prices) == 2 * len(counts)
    _, out, _ = run("search", "--image", photo, *options)
    shown = ", ".join(f"{brand} ({count})" for brand, count in counts.items())
    assert f"brand: {shown}" in out.splitlines()
    status, _, err = run("search", "--image", photo, "--sort", "cheapest")
    assert (status, "relevance, price" in err) == (2, True)


def test_words_are_understood_unless_told_otherwise(run: Run, generation: GenerationFolder, settings: Settings) -> None:
    status, out, _ = run("search", "--text", "disc under 13 euro", "--json")
    answer = json.loads(out)
    assert (status, answer["understood"]) == (
        0, [{"text": "under 13 euro", "as": "price < 13", "not_text": "", "sort": "", "relaxed": False}]
    )  # fmt: skip
    assert {hit["price"] for hit in answer["hits"]} <= {10.0, 11.0, 12.0}
    _, out, _ = run("search", "--text", "disc under 13 euro", "--no-understand", "--json")
    assert json.loads(out)["understood"] == []


def test_several_filters_must_all_hold(run: Run, generation: GenerationFolder, settings: Settings) -> None:
    filters = ["--filter", 'brand = "Acme" OR brand = "none"', "--filter", "price < 15"]
    _, out, _ = run("search", "--image", a_photo(settings, "red-disc"), *filters, "-k", "100", "--json")
    hits = json.loads(out)["hits"]
    assert sorted((hit["brand"], hit["price"]) for hit in hits) == [("Acme", 11.0), ("Acme", 13.0)]


def test_a_bad_filter_is_exit_2_and_names_the_position_in_it(run: Run, generation: GenerationFolder) -> None:
    status, _, err = run("search", "--product", "red-disc", "--filter", "price < 15", "--filter", 'brand == "x"')
    assert status == 2
    assert "7" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 2),
        (["--text", "  "], 2),
        (["--product", "none"], 1),
        (["--product", "red-disc", "-k", "0"], 2),
        (["--product", "red-disc", "-k", "1001"], 2),
        (["--product", "red-disc", "--text-weight", "1.5"], 2),
        (["--image", "/no/such/file"], 2),
        (["--image", __file__], 1),
        (["--image", __file__, "--product", "red-disc"], 2),
    ],
)
def test_wrong_use(run: Run, generation: GenerationFolder, arguments: list[str], status: int) -> None:
    code, out, err = run("search", *arguments)
    assert (code, out) == (status, "")
    assert err


def test_without_a_generation_the_error_says_what_to_do(run: Run, settings: Settings) -> None:
    Catalogue(settings.home)
    status, _, err = run("search", "--text", "mug")
    assert status == 1
    assert "lookalike rebuild" in err


def test_keys_make_list_revoke(run: Run, settings: Settings) -> None:
    status, out, _ = run("keys", "add", "--scope", "search", "--scope", "write")
    key = out.strip()
    known = Keys(settings.home).verify(key)
    assert status == 0
    assert known
    assert known.scopes == ("search", "write")
    listed = json.loads(run("keys", "list", "--json")[1])
    assert [(row["id"], row["revoked_at"]) for row in listed] == [(known.id, None)]
    assert key not in run("keys", "list")[1]
    assert run("keys", "revoke", known.id)[0] == 0
    assert "revoked" in run("keys", "list")[1]
    assert Keys(settings.home).verify(key) is None
    assert run("keys", "revoke", known.id)[0] == 1
    assert run("keys", "add", "--scope", "everything")[0] == 2
    assert run("keys", "add")[0] == 2


def test_serve_refuses_an_address_that_is_none(run: Run, settings: Settings) -> None:
    assert run("serve", "--port", "70000")[0] == 2
    Catalogue(settings.home)
    command = [sys.executable, "-m", "lookalike", "--home", str(settings.home), "serve", "--insecure",
               "--host", "no.such.invalid"]  # fmt: skip
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "host and port must be free" in refused.stderr


def test_serve_starts_a_fresh_process_where_models_are_loaded(settings: Settings) -> None:
    """As `demo` does after its rebuild: a worker forked from a process with model libraries would hang."""
    Catalogue(settings.home)
    script = (
        "import sys, faiss, lookalike; assert 'faiss' in sys.modules; "
        f"lookalike.main(['--home', {str(settings.home)!r}, 'serve', '--port', '0'])"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert "http://127.0.0.1:" in process.stdout.readline()
    assert b"lookalike\0serve" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    process.terminate()
    assert process.wait(60) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "shop.lan", "127.1"])  # noqa: S104
def test_serving_others_needs_a_key_or_insecure(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    Catalogue(settings.home)
    served: list[Settings] = []
    monkeypatch.setattr("api.server.serve", lambda settings, host, port, **_: served.append(settings))
    code, _, told = run("serve", "--host", host)
    assert (code, served) == (2, [])
    assert "lookalike keys add" in told
    assert "--insecure" in told
    assert run("demo", "--host", host)[0] == 2
    code, _, told = run("serve", "--host", host, "--insecure")
    assert (code, told.count("WARNING"), told.count("\n")) == (0, 1, 1)
    assert served.pop().allowed_hosts == ("shop.lan" if host == "shop.lan" else "")
    monkeypatch.setenv("LOOKALIKE_INSECURE", "true")
    assert run("serve", "--host", host)[0] == 0
    monkeypatch.delenv("LOOKALIKE_INSECURE")
    assert run("keys", "add", "--scope", "write")[0] == 0
    code, _, told = run("serve", "--host", host)
    assert (code, told) == (0, "")
    assert run("serve")[0] == 0
