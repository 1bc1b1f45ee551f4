"""The rebuild as real processes: killed at exact points, run twice at once, and out of disk space."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rebuild_driver
from rebuild_driver import POINTS
from shape_catalogue import PHOTOS_EACH, draw_catalogue
from tiny_backbone import TinyBackbone

from data.generations import GenerationStore
from data.settings import Settings
from engine.generation import load_generation
from indexer.importing import import_feed
from indexer.rebuild import parts, rebuild
from training.parts import SPACE

DRIVER = Path(rebuild_driver.__file__)
PHOTOS, NEW_PHOTOS = 24 * PHOTOS_EACH, 12 * PHOTOS_EACH
# what the next rebuild still has to embed after a kill at this point; 0 where it is not named
LEFT_TO_EMBED = {"with_the_lock": NEW_PHOTOS, "mid_append": NEW_PHOTOS, "mid_embed": NEW_PHOTOS - 32}
NEW_IS_LIVE = {"after_current", "mid_prune", "before_summary"}


@pytest.fixture(scope="module", autouse=True)
def space_alone() -> Iterator[None]:
    """Trains the product space only, as the driver does: the others add time and no new point to be killed at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PARTS", (SPACE,))
        yield


@pytest.fixture(scope="module")
def grown_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one published generation of half of the products, and the other half imported since."""
    folder = tmp_path_factory.mktemp("grown")
    feed = draw_catalogue(folder / "feed", texts=False)
    lines = feed.read_text(encoding="utf-8").splitlines()
    settings = Settings(home=folder / "home")
    feed.write_text("\n".join(lines[:12]), encoding="utf-8")
    import_feed(settings, feed)
    rebuild(settings, backbone=TinyBackbone())
    feed.write_text("\n".join(lines), encoding="utf-8")
    import_feed(settings, feed)
    return settings.home


@pytest.fixture
def home(grown_home: Path, tmp_path: Path) -> Path:
    shutil.copytree(grown_home, tmp_path / "home")
    return tmp_path / "home"


def drive(stop: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LOOKALIKE_KEEP_GENERATIONS": "1"}
    command = [sys.executable, str(DRIVER), stop, "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return line


def answers(home: Path) -> str:
    """Loads the live generation as a server does, lets it find its first row, and returns its id."""
    settings = Settings(home=home)
    folder = GenerationStore(home).open()
    folder.verify()
    generation = load_generation(settings, folder, TinyBackbone())
    vectors = generation.index.vectors(generation.rows.image_keys[:1] * 0)
    assert generation.index.search(vectors, 1)[0].scores[0] == pytest.approx(1, abs=1e-4)
    return generation.id


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_still_serves_and_the_next_run_finishes(point: str, home: Path) -> None:
    before = GenerationStore(home).current_id()
    done = drive(f"kill:{point}", home, "rebuild", "--json")
    assert done.returncode == -9, done.stderr
    assert (answers(home) != before) is (point in NEW_IS_LIVE)
    summary = rebuild(Settings(home=home, keep_generations=1), backbone=TinyBackbone())
    assert summary.published
    assert summary.counts["embedded"] == LEFT_TO_EMBED.get(point, 0)
    assert summary.counts["indexed"] == PHOTOS
    assert answers(home) == summary.generation
    assert [path.name for path in (home / "generations").iterdir()] == [summary.generation]


def test_the_command_publishes_and_says_so_in_ten_lines_or_in_json(home: Path) -> None:
    done = drive("run", home, "rebuild")
    assert done.returncode == 0, done.stderr
    live, lines = answers(home), done.stdout.splitlines()
    assert lines[0] == f"Generation {live} is live."
    subjects = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert {"changes", "products", "photos", "quality", "gates", "report"} <= set(subjects)
    assert len(lines) <= 11
    assert Path(subjects["report"]).is_file()
    quiet = drive("run", home, "rebuild", "--json")
    assert len(quiet.stdout.splitlines()) == 1
    assert last_line(quiet)["unchanged"] is True


def test_a_second_rebuild_names_the_holder_and_leaves_the_first_alone(home: Path) -> None:
    command = [sys.executable, str(DRIVER), "hold:after_index", "--home", str(home), "rebuild", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == "holding\n"
        second = drive("run", home, "rebuild", "--json")
        assert second.returncode == 1
        assert f"process {first.pid}" in second.stderr
        assert f"process {first.pid}" in last_line(second)["reason"]
        status = json.loads(drive("run", home, "status", "--json").stdout)
        assert f"process {first.pid}" in status["rebuilding"]
        first.stdin.close()
        summary = json.loads(first.stdout.read())
        assert first.wait(timeout=60) == 0
    assert summary["generation"] == answers(home)


def test_a_failing_gate_exits_1_and_names_gate_measure_and_requirement(home: Path) -> None:
    before = answers(home)
    (home / "canaries.jsonl").write_text("not json\n", encoding="utf-8")
    done = drive("run", home, "rebuild", "--json")
    assert done.returncode == 1
    summary = last_line(done)
    assert summary["published"] is False
    assert "canaries must be == 1" in summary["reason"]
    assert "line 1" in summary["reason"]
    assert "Traceback" not in done.stderr
    assert answers(home) == before


@pytest.mark.parametrize("point", ["with_the_lock", "after_embed", "after_train", "after_gates", "before_current"])
def test_a_full_disk_fails_cleanly(point: str, home: Path) -> None:
    before = answers(home)
    done = drive(f"full:{point}", home, "rebuild", "--json")
    assert done.returncode == 1, done.stderr
    summary = last_line(done)
    assert summary["published"] is False
    assert "disk" in summary["reason"] or "Make room" in summary["reason"]
    assert "Traceback" not in done.stderr
    assert answers(home) == before
    assert not list((home / "generations").glob(".*"))
    after = rebuild(Settings(home=home), backbone=TinyBackbone())
    assert after.counts["indexed"] == PHOTOS
    assert answers(home) == after.generation


def test_a_disk_that_fills_after_publishing_is_no_failure(home: Path) -> None:
    done = drive("full:after_current", home, "rebuild", "--json")
    assert done.returncode == 0, done.stderr
    assert last_line(done)["generation"] == answers(home)


def test_wrong_usage_exits_2(home: Path) -> None:
    assert drive("run", home, "rebuild", "--nonsense").returncode == 2
