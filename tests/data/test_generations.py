"""Generations: published whole or not at all, even by a process that dies, rolled back and pruned."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from small_generations import FIELDS, flip, publish

from data.errors import CorruptGeneration, NoGeneration
from data.generations import GenerationStore, manifest
from data.generations import store as generations
from data.storage import durable


@pytest.fixture
def store(tmp_path: Path) -> GenerationStore:
    return GenerationStore(tmp_path)


def test_nothing_published(store: GenerationStore) -> None:
    assert store.current_id() is None
    assert store.list() == []
    assert store.prune(3) == []
    for action in (store.open, store.rollback):
        with pytest.raises(NoGeneration):
            action()


def test_publish_makes_it_live_with_all_it_says(tmp_path: Path, store: GenerationStore) -> None:
    published = publish(store)
    assert (tmp_path / "CURRENT").read_text() == f"{published.id}\n"
    found = GenerationStore(tmp_path).open()
    assert found.id == published.id == store.current_id()
    assert found.manifest == published.manifest
    assert {name: getattr(found.manifest, name) for name in FIELDS} == FIELDS
    assert set(found.manifest.files) == {"index.bin", "deep/head.bin"}
    assert found.manifest.sizes == {"index.bin": 7, "deep/head.bin": 4}
    assert datetime.fromisoformat(found.manifest.created_at).tzinfo == UTC
    assert found.path("index.bin").read_bytes() == b"vectors"
    assert found.has("deep/head.bin")
    assert not found.has("manifest.json")
    found.verify()


def test_a_staged_generation_is_not_seen(tmp_path: Path, store: GenerationStore) -> None:
    live = publish(store)
    staged = store.stage()
    (staged.folder / "index.bin").write_bytes(b"x")
    assert staged.id > live.id
    assert [folder.id for folder in store.list()] == [live.id]
    assert store.current_id() == live.id
    with pytest.raises(NoGeneration):
        store.open(staged.id)
    store.discard(staged)
    assert not staged.folder.exists()


def test_preview_reads_the_staged_files_and_writes_nothing(store: GenerationStore) -> None:
    staged = store.stage()
    (staged.folder / "index.bin").write_bytes(b"x")
    preview = store.preview(staged, **FIELDS)
    assert preview.path("index.bin").read_bytes() == b"x"
    assert (preview.id, preview.manifest.seq) == (staged.id, 17)
    assert [path.name for path in staged.folder.iterdir()] == ["index.bin"]


def test_ids_ascend_even_when_the_clock_goes_back(store: GenerationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)

    monkeypatch.setattr(manifest, "datetime", Clock)
    names = [publish(store).id for _ in range(3)]
    assert names == ["20261231T235959999Z", "20270101T000000000Z", "20270101T000000001Z"]


def test_steps_of_publishing_come_in_the_safe_order(
    tmp_path: Path, store: GenerationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = store.stage()
    (staged.folder / "index.bin").write_bytes(b"x")
    target = tmp_path / "generations" / staged.id
    steps: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        manifest = (staged.folder / "manifest.json").exists() or (target / "manifest.json").exists()
        state = f"manifest={manifest:d} renamed={target.exists():d} current={(tmp_path / 'CURRENT').exists():d}"
        steps.append(f"{path.name if path.suffix != '.part' else 'part'} {state}")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store.publish(staged, **FIELDS)
    assert steps == [
        "index.bin manifest=0 renamed=0 current=0",
        "part manifest=0 renamed=0 current=0",
        f".staging-{staged.id} manifest=1 renamed=0 current=0",
        f".staging-{staged.id} manifest=1 renamed=0 current=0",
        "generations manifest=1 renamed=1 current=0",
        "part manifest=1 renamed=1 current=0",
        f"{tmp_path.name} manifest=1 renamed=1 current=1",
    ]


@pytest.mark.parametrize("name", ["20200101T000000000Z", "../generations", "", ".staging-x", "CURRENT"])
def test_opening_what_was_not_published(store: GenerationStore, name: str) -> None:
    publish(store)
    if not name:
        assert store.open(name).id == store.current_id()
        return
    with pytest.raises(NoGeneration, match="published"):
        store.open(name)


def test_rollback_goes_back_one_or_to_the_one_named(store: GenerationStore) -> None:
    first, second, third = (publish(store).id for _ in range(3))
    assert store.rollback() == second == store.current_id()
    assert store.rollback() == first == store.current_id()
    with pytest.raises(NoGeneration):
        store.rollback()
    assert store.rollback(third) == third == store.current_id()
    with pytest.raises(NoGeneration):
        store.rollback("20200101T000000000Z")


def test_rollback_to_a_damaged_generation_changes_nothing(store: GenerationStore) -> None:
    first, second = publish(store), publish(store)
    flip(first.folder / "index.bin", 0)
    with pytest.raises(CorruptGeneration, match=r"index\.bin"):
        store.rollback()
    assert store.current_id() == second.id


def test_prune_keeps_the_newest_and_the_live_one(store: GenerationStore) -> None:
    names = [publish(store).id for _ in range(5)]
    store.rollback(names[0])
    assert sorted(store.prune(3)) == names[1:3]
    assert [folder.id for folder in store.list()] == [names[4], names[3], names[0]]
    assert store.prune(0) == [names[4], names[3]]
    assert [folder.id for folder in store.list()] == [names[0]] == [store.current_id()]


def test_damaged_generations_are_told_apart_and_age_out(store: GenerationStore) -> None:
    first, second, third, fourth = (publish(store) for _ in range(4))
    flip(first.folder / "manifest.json", 30)
    flip(third.folder / "manifest.json", 30)
    assert [folder.id for folder in store.list()] == [fourth.id, second.id]
    damaged = store.damaged()
    assert set(damaged) == {first.id, third.id}
    assert "manifest.json" in damaged[first.id]
    assert store.prune(2) == [first.id]
    assert set(store.damaged()) == {third.id}


def test_a_reader_with_an_open_file_survives_pruning(store: GenerationStore) -> None:
    old = publish(store)
    publish(store)
    with old.path("index.bin").open("rb") as file:
        assert store.prune(1) == [old.id]
        assert file.read() == b"vectors"
    with pytest.raises(CorruptGeneration, match=r"index\.bin"):
        old.path("index.bin")


def test_opening_follows_a_publish_that_comes_between(store: GenerationStore, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = publish(store), publish(store)
    store.prune(1)
    answers = iter([old.id, new.id])
    monkeypatch.setattr(store, "current_id", lambda: next(answers))
    assert store.open().id == new.id


STAGE = """
import sys
from pathlib import Path
from data.generations import GenerationStore
staged = GenerationStore(Path(sys.argv[1])).stage()
(staged.folder / "half.bin").write_bytes(b"half")
print(staged.id, flush=True)
sys.stdin.read()
"""


def test_only_dead_builders_folders_are_swept(tmp_path: Path, store: GenerationStore) -> None:
    own = store.stage()
    command = [sys.executable, "-c", STAGE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        other = tmp_path / "generations" / f".staging-{process.stdout.readline().strip()}"
        store.sweep()
        assert other.exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
    store.sweep()
    assert not other.exists()
    assert own.folder.exists()
    store.discard(own)


PUBLISH = """
import json, os, sys
from pathlib import Path
from data.generations import GenerationStore
store = GenerationStore(Path(sys.argv[1]))
staged = store.stage()
(staged.folder / "index.bin").write_bytes(b"new")
steps = 0
def dying(function):
    def wrapped(*arguments, **options):
        global steps
        steps += 1
        if steps == int(sys.argv[2]):
            os.kill(os.getpid(), 9)
        return function(*arguments, **options)
    return wrapped
os.fsync, os.rename, os.replace = dying(os.fsync), dying(os.rename), dying(os.replace)
store.publish(staged, **json.loads(sys.argv[3]))
"""


def test_kill_at_each_step_of_publishing_leaves_one_whole_generation_live(
    tmp_path: Path, store: GenerationStore
) -> None:
    old = publish(store)
    for step in range(1, 30):
        command = [sys.executable, "-c", PUBLISH, str(tmp_path), str(step), json.dumps(FIELDS)]
        code = subprocess.run(command, check=False).returncode
        found = GenerationStore(tmp_path).open()
        found.verify()
        content = found.path("index.bin").read_bytes()
        assert content == (b"vectors" if found.id == old.id else b"new")
        store.sweep()
        assert list((tmp_path / "generations").glob(".staging-*")) == []
        assert store.damaged() == {}
        if code == 0:
            assert found.id != old.id
            assert step > 8
            return
        assert code == -signal.SIGKILL
        store.rollback(old.id)
    pytest.fail("publishing has more steps than this test tries")


def test_a_failed_write_of_current_leaves_the_old_one_live(
    store: GenerationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish(store)
    write = durable.write_text

    def refuse(path: Path, text: str) -> None:
        if path.name == "CURRENT":
            raise OSError(28, "No space left on device")
        write(path, text)

    staged = store.stage()
    monkeypatch.setattr(generations, "write_text", refuse)
    with pytest.raises(OSError, match="No space"):
        store.publish(staged, **FIELDS)
    store.discard(staged)
    assert store.open().id == old.id


def test_links_are_not_published(tmp_path: Path, store: GenerationStore) -> None:
    (tmp_path / "secret").write_text("x")
    staged = store.stage()
    (staged.folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="plain files"):
        store.publish(staged, **FIELDS)
