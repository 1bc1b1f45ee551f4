"""The record of past rebuilds."""

import json
from pathlib import Path
from typing import Any

import pytest

from data import rebuilds
from data.rebuilds import FILE_NAME, MOST, past_rebuilds, record_rebuild


def test_the_newest_comes_first_and_old_ones_go(tmp_path: Path) -> None:
    assert past_rebuilds(tmp_path) == []
    lines = [json.dumps({"reason": str(number)}) for number in range(MOST)]
    (tmp_path / FILE_NAME).write_text("\n".join(lines) + "\n")
    record_rebuild(tmp_path, {"reason": "줄 \u2028 바꿈"})
    found = past_rebuilds(tmp_path)
    assert [one.reason for one in found] == ["줄 \u2028 바꿈", *map(str, range(MOST - 1, 0, -1))]


def test_lines_that_cannot_be_read_are_skipped(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"reason": "a"}\n\xff\xfe{\n[1]\n{"reason": "b"}\n{"reas')
    assert [one.reason for one in past_rebuilds(tmp_path)] == ["b", "a"]


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": 3}, {"seconds": {"total": "long"}}, {"seconds": {"total": 1e999}}, {"gates": ["recall"]},
        {"gates": None}, {"figures": {"photo_first": "good"}}, {"figures": {"photo_first": 10**400}},
        {"changes": {"products": {"added": 3}}}, {"changes": []},
    ],
)  # fmt: skip
def test_lines_that_were_edited_into_something_else_are_skipped(tmp_path: Path, changes: dict[str, Any]) -> None:
    record_rebuild(tmp_path, {"reason": "kept", "started_at": "2026-11-27", "gates": [], "figures": {"other": 0.5}})
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write(json.dumps({"reason": "edited"} | changes) + "\n")
    assert [one.reason for one in past_rebuilds(tmp_path)] == ["kept"]


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"x" * (rebuilds._MOST_BYTES + 1))
    assert past_rebuilds(tmp_path) == []
