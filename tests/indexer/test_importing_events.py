"""The import of logs: every good row in, every bad one named, the same log again changes nothing."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import lookalike
from data.catalogue import Catalogue, Product
from data.errors import InvalidFeed
from data.events import Events
from data.settings import Settings
from indexer.importing import describe, import_events
from indexer.importing import events as importing_events

HEADER = "at,kind,query_text,product_id,position\n"


def log_of(tmp_path: Path, text: str, name: str = "log.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def rows(count: int) -> str:
    return HEADER + "".join(f"2026-11-01T00:00:{number:02d}Z,click,mug,p{number % 3},{number}\n"
                            for number in range(count))  # fmt: skip


def test_a_log_goes_in_once(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_events, "_BATCH_ROWS", 4)
    Catalogue(settings.home).upsert(Product(product_id="p0"), [])
    path = log_of(tmp_path, rows(10) + "nonsense,click,mug,p0,1\nshort\n")
    first = import_events(settings, path, report=tmp_path / "problems.jsonl")
    assert (first.rows, first.events, first.stored, first.duplicates, first.refused) == (12, 10, 10, 0, 2)
    assert first.unknown_products == 6
    assert first.codes == {"bad_time": 1, "wrong_columns": 1}
    problems = [json.loads(line) for line in (tmp_path / "problems.jsonl").read_text().splitlines()]
    assert [(item["line"], item["product_id"]) for item in problems] == [(12, "p0"), (13, "")]
    again = import_events(settings, path)
    assert (again.stored, again.duplicates) == (0, 10)
    assert Events(settings.home).count == 10
    assert "6 events of products" in describe(first)


def test_whole_searches_a_row(settings: Settings, tmp_path: Path) -> None:
    line = {"at": "2026-11-01", "query_text": "mug", "shown": ["a", {"product_id": "b"}], "clicked": ["b"]}
    path = log_of(tmp_path, json.dumps(line) + "\n", "log.jsonl")
    assert import_events(settings, path).events == 2
    kinds = {event.kind: event for event in Events(settings.home).iterate()}
    assert kinds["click"].position == 1
    assert kinds["click"].query_id == kinds["search"].event_id


def test_a_log_may_be_packed_and_in_any_encoding(settings: Settings, tmp_path: Path) -> None:
    text = HEADER + "2026-03-01T10:00:00Z,click,빨간 머그컵,p,1\n"
    path = tmp_path / "log.csv.gz"
    for encoding in ("utf-8", "cp949", "utf-16"):
        path.write_bytes(gzip.compress(text.encode(encoding)))
        assert import_events(settings, path).events == 1
    [event] = Events(settings.home).iterate()
    assert event.query_text == "빨간 머그컵"


def test_a_log_without_any_good_row_is_an_error(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidFeed, match="line 2"):
        import_events(settings, log_of(tmp_path, HEADER + "x,click,mug,p,1\n"))


def test_the_command(tmp_path: Path) -> None:
    path = log_of(tmp_path, rows(3))
    Catalogue(tmp_path / "home")
    arguments = ["--home", str(tmp_path / "home"), "import-events", str(path)]
    done = CliRunner().invoke(lookalike.cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["stored"] == 3
    assert "0 new, 3 known already" in CliRunner().invoke(lookalike.cli, arguments).output
