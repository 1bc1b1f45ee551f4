"""The record of past rebuilds."""

import json
from pathlib import Path

from data import rebuilds
from data.rebuilds import FILE_NAME, MOST, past_rebuilds, record_rebuild


def test_the_newest_comes_first_and_old_ones_go(tmp_path: Path) -> None:
    assert past_rebuilds(tmp_path) == []
    lines = [json.dumps({"number": number}) for number in range(MOST)]
    (tmp_path / FILE_NAME).write_text("\n".join(lines) + "\n")
    record_rebuild(tmp_path, {"number": MOST, "reason": "줄 \u2028 바꿈"})
    found = past_rebuilds(tmp_path)
    assert [one["number"] for one in found] == list(range(MOST, 0, -1))
    assert found[0]["reason"] == "줄 \u2028 바꿈"


def test_lines_that_cannot_be_read_are_skipped(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"number": 1}\n\xff\xfe{\n[1]\n{"number": 2}\n{"numb')
    assert [one["number"] for one in past_rebuilds(tmp_path)] == [2, 1]


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"x" * (rebuilds._MOST_BYTES + 1))
    assert past_rebuilds(tmp_path) == []
