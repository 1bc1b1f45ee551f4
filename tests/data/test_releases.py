"""Releases in a storage: written whole or not at all, checked when they are read, pruned, and kept as local copies."""

import hashlib
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.errors import ReleaseUnavailable, SettingsError
from data.releases import File, Release, ReleaseCache, ReleaseStorage

pytest.importorskip("fsspec", reason="the extra `searcher` is not installed")
GENERATION = "20260101T000000000Z"
MANIFEST = f"generations/{GENERATION}/manifest.json"


def made(folder: Path, name: str, **contents: bytes) -> tuple[Release, dict[str, Path]]:
    """Returns a release of a catalogue, a manifest and files `runtime/<name>`, and where they lie."""
    files = {"catalog.db": b"facts", MANIFEST: b"{}", **{f"runtime/{key}": value for key, value in contents.items()}}
    sources = {}
    for place, content in files.items():
        sources[place] = folder / f"{name}-{place.replace('/', '-')}"
        sources[place].write_bytes(content)
    records = {place: File(hashlib.sha256(content).hexdigest(), len(content)) for place, content in files.items()}
    return Release(id=name, generation=GENERATION, seq=7, files=records), sources


def id_of(number: int, *, age: timedelta = timedelta(0)) -> str:
    return f"{datetime.now(UTC) - age:%Y%m%dT%H%M%S}{number:03d}Z"


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ReleaseStorage:
    in_memory = request.param == "memory"
    return ReleaseStorage(f"memory://{uuid.uuid4().hex}" if in_memory else str(tmp_path / "storage"))


@pytest.fixture
def cache(tmp_path: Path) -> ReleaseCache:
    return ReleaseCache(tmp_path / "searcher")


def test_what_is_published_is_brought(storage: ReleaseStorage, cache: ReleaseCache, tmp_path: Path) -> None:
    assert storage.current() is None
    assert storage.newest() is None
    release, sources = made(tmp_path, id_of(1), network=b"weights")
    storage.publish(release, sources)
    assert storage.newest() == release
    home = cache.bring(storage, release)
    assert (home / "CURRENT").read_text() == f"{GENERATION}\n"
    assert {name: (home / name).read_bytes() for name in release.files} == {
        name: path.read_bytes() for name, path in sources.items()
    }
    assert cache.whole() == [release]


def test_nothing_is_fetched_twice(storage: ReleaseStorage, cache: ReleaseCache, tmp_path: Path) -> None:
    first, sources = made(tmp_path, id_of(1), network=b"weights")
    storage.publish(first, sources)
    cache.bring(storage, first)
    second, sources = made(tmp_path, id_of(2), network=b"weights", other=b"new")
    storage.publish(second, sources)
    storage.remove(first.files["runtime/network"])
    home = cache.bring(storage, second)
    assert (home / "runtime/network").read_bytes() == b"weights"
    cache.drop_all_but([second])
    assert not cache.folder(first.id).exists()
    assert cache.bring(storage, second) == home


@pytest.mark.parametrize("content", [b"wEights", b"weights and more", b"", None])
def test_a_damaged_file_is_refused(
    storage: ReleaseStorage, cache: ReleaseCache, tmp_path: Path, content: bytes | None
) -> None:
    release, sources = made(tmp_path, id_of(1), network=b"weights")
    storage.publish(release, sources)
    file = release.files["runtime/network"]
    storage.remove(file)
    if content is not None:
        storage._write(f"files/{file.sha256[:2]}/{file.sha256}", content)
    assert storage.damaged(release) == {"runtime/network": file}
    with pytest.raises(ReleaseUnavailable):
        cache.bring(storage, release)
    assert cache.whole() == []
    storage.remove(file)
    storage.publish(release, sources)
    assert storage.damaged(release) == {}
    assert (cache.bring(storage, release) / "runtime/network").read_bytes() == b"weights"


def test_a_changed_record_is_refused(storage: ReleaseStorage, tmp_path: Path) -> None:
    release, sources = made(tmp_path, id_of(1))
    storage.publish(release, sources)
    storage._write(f"releases/{release.id}.json", replace(release, seq=8).to_json())
    with pytest.raises(ReleaseUnavailable, match="sha256"):
        storage.newest()


@pytest.mark.parametrize("text", ["", "x", "../../etc 0", f"{GENERATION[:-1]} {'0' * 64}", "\xff", "1" * 1000])
def test_a_damaged_current_is_refused(storage: ReleaseStorage, text: str) -> None:
    storage._write("CURRENT", text.encode("latin-1"))
    with pytest.raises(ReleaseUnavailable):
        storage.current()


HOSTILE: list[dict[str, Any]] = [
    {"format_version": 2},
    {"id": "../x"},
    {"generation": 7},
    {"seq": -1},
    {"seq": True},
    {"files": []},
    {"files": {}},
    *(
        {"files": {name: {"sha256": "0" * 64, "size_bytes": 1}}}
        for name in (
            "../x",
            "/etc/passwd",
            "runtime/../../x",
            "runtime/./x",
            "runtime//x",
            "lookalike.toml",
            "CURRENT",
            "catalog.db-wal",
            "runtime/a\nb",
            "runtime\\x",
            "uploads/x",
            "generations/x/y",
            "runtime/",
        )
    ),
    {"files": {"runtime/x": {"sha256": "0" * 63, "size_bytes": 1}}},
    {"files": {"runtime/x": {"sha256": "0" * 64, "size_bytes": -1}}},
    {"files": {"runtime/x": {"sha256": "0" * 64}}},
    {"files": {"runtime/x": None}},
]


@pytest.mark.parametrize("change", HOSTILE, ids=str)
def test_a_hostile_record_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    release, _ = made(tmp_path, id_of(1))
    fields = json.loads(release.to_json())
    assert Release.from_json(json.dumps(fields).encode()) == release
    files = change.get("files")
    merged = {**fields["files"], **files} if files and isinstance(files, dict) else files
    fields |= change if merged is None else {"files": merged}
    with pytest.raises(ValueError, match="must"):
        Release.from_json(json.dumps(fields).encode())


def test_a_release_larger_than_the_disk_is_refused(
    storage: ReleaseStorage, cache: ReleaseCache, tmp_path: Path
) -> None:
    release, sources = made(tmp_path, id_of(1))
    storage.publish(release, sources)
    huge = {**release.files, "runtime/huge": File("0" * 64, 2**60)}
    with pytest.raises(ReleaseUnavailable, match="room"):
        cache.bring(storage, replace(release, files=huge))


def test_old_releases_go_and_young_ones_stay(storage: ReleaseStorage, tmp_path: Path) -> None:
    old = [made(tmp_path, id_of(n, age=timedelta(hours=2)), own=b"%d" % n, shared=b"shared") for n in range(5)]
    young = [made(tmp_path, id_of(n), own=b"young %d" % n, shared=b"shared") for n in range(2)]
    for release, sources in (*old, *young):
        storage.publish(release, sources)
    storage.prune()
    kept = [release for release, _ in (*old, *young) if not storage.damaged(release)]
    assert kept == [old[-1][0], *(release for release, _ in young)]
    assert storage.newest() == young[-1][0]


def test_releases_with_the_time_of_a_clock_that_was_ahead_do_not_stay_for_ever(
    storage: ReleaseStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.releases.storage._MOST_KEPT", 5)
    ahead = [made(tmp_path, id_of(n, age=timedelta(days=-900)), own=b"%d" % n) for n in range(7)]
    for release, sources in ahead:
        storage.publish(release, sources)
        storage.prune()
    assert [not storage.damaged(release) for release, _ in ahead] == [False, False, True, True, True, True, True]


def test_what_a_killed_writer_left_goes_and_what_others_put_there_stays(
    storage: ReleaseStorage, tmp_path: Path
) -> None:
    releases = [made(tmp_path, id_of(n, age=timedelta(hours=2)), own=b"%d" % n) for n in range(4)]
    left = [f"releases/{releases[-1][0].id}.json", f"files/ab/{'ab' * 32}", "CURRENT"]
    others = ["releases/READ.ME", "files/ab/note.txt", "thumbs/x.webp"]
    for name in (*(f"{name}.{uuid.uuid4().hex}.part" for name in left), *others):
        storage._write(name, b"{")
    for release, sources in releases:
        storage.publish(release, sources)
    storage.prune()
    names = {path.removeprefix(f"{storage._root}/") for path in storage._files.find(storage._root)}
    assert [name for name in names if name.endswith(".part")] == []
    assert names >= set(others)
    assert [not storage.damaged(release) for release, _ in releases] == [False, True, True, True]


def test_a_disk_of_the_searcher_that_takes_no_file_is_named(storage: ReleaseStorage, tmp_path: Path) -> None:
    release, sources = made(tmp_path, id_of(1))
    storage.publish(release, sources)
    with pytest.raises(ReleaseUnavailable, match=r"no-folder must take the files of releases; got: .* this machine"):
        storage.fetch(release.files["catalog.db"], tmp_path / "no-folder" / "x")


def test_an_address_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(SettingsError, match="models_url"):
        ReleaseStorage("no-such-scheme://x")


def test_a_record_that_is_no_release_is_passed_over(cache: ReleaseCache, tmp_path: Path) -> None:
    storage = ReleaseStorage(str(tmp_path / "storage"))
    first, sources = made(tmp_path, id_of(1))
    storage.publish(first, sources)
    cache.bring(storage, first)
    second = cache.folder(id_of(2))
    second.mkdir()
    (second / "release.json").write_text("{")
    assert cache.whole() == [first]
