"""A few rounds of every campaign of docs/reliability.md: none finds a fault."""

import os
import random
from pathlib import Path

import pytest
from milvus_server import missing_package
from reliability import CAMPAIGNS, bit_flip
from reliability.shop import small_shop


@pytest.mark.alone
@pytest.mark.parametrize(
    ("name", "rounds"), [("kill", 3), ("full-disk", 1), ("descriptors", 1), ("hostile", 300), ("milvus", 3)]
)
def test_a_few_rounds_find_no_fault(tmp_path: Path, name: str, rounds: int) -> None:
    if name == "full-disk" and os.geteuid():
        pytest.skip("only root can mount a small file system")
    if name == "milvus" and (reason := missing_package()):
        pytest.skip(reason)
    result = CAMPAIGNS[name](tmp_path, rounds, 7)
    assert not result.faults, result.text()
    assert result.rows


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    with small_shop(tmp_path / "whole", 4) as shop:
        flips = bit_flip._flips(shop.home, 1, random.Random(5))
        seen = {}
        for start in ("thumbs/", "generations/", "features/", "CURRENT"):
            flip = next(flip for flip in flips if flip.path.startswith(start))
            seen[start] = bit_flip._outcome(shop, flip, tmp_path / "copy")
        harmless = next(flip for flip in flips if flip.path == "rebuild.lock")
        assert bit_flip._outcome(shop, harmless, tmp_path / "copy") == ["harmless"]
    assert [outcome[:1] for outcome in seen.values()] == [["doctor"]] * 4
