"""The command `lookalike import`: what it says, and how it fails."""

import contextlib
import io
import json
from pathlib import Path

from shop_feeds import Write, product

from data.settings import Settings
from lookalike import main


def run(settings: Settings, *arguments: object) -> tuple[int, str]:
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(["--home", str(settings.home), "import", *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue()


def test_the_command_says_what_it_did(settings: Settings, write: Write, tmp_path: Path) -> None:
    feed = write(product("a", 0, 1), product("b", 2))
    assert run(settings, feed) == (0, "2 products (2 created), 3 images (3 new), 0 rows refused\n")
    assert run(settings, feed) == (
        0, "2 products (2 unchanged), 3 images (0 new), 0 rows refused\nNothing changed.\n",
    )  # fmt: skip


def test_the_command_shows_the_first_problems(settings: Settings, write: Write, tmp_path: Path) -> None:
    feed = write(product("a", 0), *("bad" for _ in range(12)))
    code, text = run(settings, feed, "--report", tmp_path / "report.jsonl")
    lines = text.splitlines()
    assert code == 0
    assert lines[0] == "1 product (1 created), 1 image (1 new), 12 rows refused"
    assert lines[1] == "Problems: bad_json 12"
    assert lines[2].startswith("  line 2, ?: a row must be one JSON object")
    assert lines[-1] == f"  and 2 more; see {tmp_path / 'report.jsonl'}"
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 12


def test_the_command_speaks_json(settings: Settings, write: Write) -> None:
    code, text = run(settings, write(product("a", 0), "bad"), "--json")
    answer = json.loads(text)
    assert code == 0
    assert (answer["products"], answer["created"], answer["refused"], answer["codes"]) == (1, 1, 1, {"bad_json": 1})
    assert answer["problems"][0]["line"] == 2


def test_the_command_fails_where_it_must(settings: Settings, write: Write, shop: Path) -> None:
    assert run(settings, shop / "none.jsonl")[0] == 2
    assert run(settings, write(product("a", 0)), "--format", "word")[0] == 2
    for arguments in ((write("bad"),), (write(product("a", 0), "bad", name="b.jsonl"), "--strict"), (shop / "0.png",)):
        code, text = run(settings, *arguments)
        assert code == 1
        assert "Error: " in text
        assert "Traceback" not in text
