"""The benchmark of large catalogues, with a small one: every step runs, and what it asks is what it says."""

import re
import sys
from pathlib import Path

import home_server
import pytest
import scale
from reliability.shop import DRIVER, small_shop
from scale_catalogue import Source, fill
from scale_questions import Questions

from data.catalogue import Catalogue
from data.columns import ColumnStore
from data.filters import parse_filter

COUNT = 3_000


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Returns the home that is mixed from, and the filled one."""
    folder = tmp_path_factory.mktemp("scale")
    with small_shop(folder / "source", 12) as shop:
        fill(folder / "home", Source.of(shop.home), 500)  # as if it had been stopped
        fill(folder / "home", Source.of(shop.home), COUNT)
    return shop.home, folder / "home"


def test_every_step_runs_and_puts_are_found(
    filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(home_server, "COMMAND", [sys.executable, str(DRIVER), "run"])
    arguments = [str(COUNT), *map(str, filled), "--steps", "again,ask", "--queries", "4"]
    monkeypatch.setattr(sys, "argv", ["scale.py", *arguments])
    scale.main()
    told = capsys.readouterr().out
    assert "recall@10 of similar against exact: 1.0000" in told
    assert len(re.findall(r"^(similar|text|photo) ", told, re.MULTILINE)) == 3 * 5 + 3
    pairs = re.findall(r"of (\d+) pairs (\d+) found each other", told)
    assert len(pairs) == 3
    assert all(put == found for put, found in pairs)
    assert Catalogue(filled[1]).counts()["products"] == COUNT


@pytest.mark.parametrize(("share", "part"), [("0.5 %", 0.005), ("5 %", 0.05), ("50 %", 0.5), ("none", 0.0)])
def test_filters_pass_the_share_they_name(filled: tuple[Path, Path], share: str, part: float) -> None:
    columns = ColumnStore(Catalogue(filled[1]))
    for _ in range(5):
        passing = columns.passing(parse_filter(Questions(COUNT, [b""])._filter(share)))
        assert passing.sum() == pytest.approx(part * COUNT, rel=0.6)
