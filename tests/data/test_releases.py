"""Releases in a storage: written whole or not at all, checked when they are read, pruned, and kept as local copies."""

import hashlib
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.errors import ReleaseUnavailable, SettingsError
from data.releases import File, Release, ReleaseCache, ReleaseStorage
from data.releases.release import PIECE_BYTES
from data.releases.stored_files import StoredFiles

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


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ReleaseStorage:
    if request.param == "folder":
        return ReleaseStorage(str(tmp_path / "storage"))
    if request.param == "s3":
        request.getfixturevalue("s3")
    return ReleaseStorage(f"{request.param}://shop/{uuid.uuid4().hex}")


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
        storage._stored.write(f"files/{file.sha256[:2]}/{file.sha256}", content)
    assert storage.damaged(release) == {"runtime/network": file}
    with pytest.raises(ReleaseUnavailable):
        cache.bring(storage, release)
    assert cache.whole() == []
    storage.remove(file)
    storage.publish(release, sources)
    assert storage.damaged(release) == {}
    assert (cache.bring(storage, release) / "runtime/network").read_bytes() == b"weights"


def in_pieces(folder: Path, name: str, catalogue: bytes, **contents: bytes) -> tuple[Release, dict[str, Path]]:
    """Returns a release as `made` does, whose catalogue is stored in pieces."""
    release, sources = made(folder, name, **contents)
    sources["catalog.db"].write_bytes(catalogue)
    files = {**release.files, "catalog.db": File.of(sources["catalog.db"], in_pieces=True)}
    return replace(release, files=files), sources


def test_only_pieces_that_changed_are_stored_and_fetched_again(
    storage: ReleaseStorage, cache: ReleaseCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(random.Random(7).randbytes(3 * PIECE_BYTES + 5))
    first, sources = in_pieces(tmp_path, id_of(1), bytes(content))
    assert [piece.size_bytes for piece in first.files["catalog.db"].pieces] == [*[PIECE_BYTES] * 3, 5]
    storage.publish(first, sources)
    home = cache.bring(storage, first)
    assert (home / "catalog.db").read_bytes() == content
    with (home / "catalog.db").open("r+b") as database:  # SQLite writes there too
        database.write(b"changed here")
    content[PIECE_BYTES] ^= 1
    second, sources = in_pieces(tmp_path, id_of(2), bytes(content))
    asked: dict[str, list[str]] = {"write": [], "blocks": []}
    for method, names in asked.items():
        monkeypatch.setattr(StoredFiles, method, noting(names, getattr(StoredFiles, method)))
    storage.publish(second, sources)
    assert [name.partition("/")[0] for name in asked["write"]] == ["files", "releases", "CURRENT"]
    assert (cache.bring(storage, second) / "catalog.db").read_bytes() == content
    pieces = second.files["catalog.db"].pieces
    assert [name[-64:] for name in asked["blocks"]] == [pieces[0].sha256, pieces[1].sha256]


def noting(names: list[str], method: Callable[..., Any]) -> Callable[..., Any]:
    def call(stored: StoredFiles, name: str, *rest: Any) -> Any:
        names.append(name)
        return method(stored, name, *rest)

    return call


def test_a_damaged_piece_is_refused_and_stored_again(
    storage: ReleaseStorage, cache: ReleaseCache, tmp_path: Path
) -> None:
    release, sources = in_pieces(tmp_path, id_of(1), bytes(PIECE_BYTES) + b"the end")
    storage.publish(release, sources)
    file = release.files["catalog.db"]
    storage._stored.write(f"files/{file.pieces[1].sha256[:2]}/{file.pieces[1].sha256}", b"The end")
    assert storage.damaged(release) == {"catalog.db": file}
    with pytest.raises(ReleaseUnavailable, match=file.pieces[1].sha256):
        cache.bring(storage, release)
    storage.remove(file)
    storage.publish(release, sources)
    assert storage.damaged(release) == {}


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    storage = ReleaseStorage(str(tmp_path / "storage"))
    storage.publish(*made(tmp_path, id_of(1)))
    left = [tmp_path / "storage" / ".parts" / "0123", tmp_path / "storage" / "files" / "ab" / ("ab" * 32)]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    storage.prune()
    assert not any(path.exists() for path in left)
    newest = storage.newest()
    assert newest is not None
    assert storage.damaged(newest) == {}


def test_a_changed_record_is_refused(storage: ReleaseStorage, tmp_path: Path) -> None:
    release, sources = made(tmp_path, id_of(1))
    storage.publish(release, sources)
    storage._stored.write(f"releases/{release.id}.json", replace(release, seq=8).to_json())
    with pytest.raises(ReleaseUnavailable, match="sha256"):
        storage.newest()


@pytest.mark.parametrize("text", ["", "x", "../../etc 0", f"{GENERATION[:-1]} {'0' * 64}", "\xff", "1" * 1000])
def test_a_damaged_current_is_refused(storage: ReleaseStorage, text: str) -> None:
    storage._stored.write("CURRENT", text.encode("latin-1"))
    with pytest.raises(ReleaseUnavailable):
        storage.current()


HOSTILE: list[dict[str, Any]] = [
    {"format_version": 3},
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
    *(
        {"files": {"catalog.db": {"sha256": "0" * 64, "size_bytes": 9, "pieces": pieces}}}
        for pieces in (
            [{"sha256": "0" * 64, "size_bytes": 8}],
            [{"sha256": "0" * 64, "size_bytes": 9}, {"sha256": "0" * 64, "size_bytes": 0}],
            [{"sha256": "../x", "size_bytes": 9}],
            {"x": 1},
            7,
        )
    ),
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
    others = {"releases/READ.ME", "files/ab/note.txt", "thumbs/x.webp"}
    parts = [] if storage._stored._in_bucket else [f".parts/{uuid.uuid4().hex}"]  # a bucket knows no passing names
    for name in (*parts, f"files/ab/{'ab' * 32}", *others):
        storage._stored.write(name, b"{")
    for release, sources in releases:
        storage.publish(release, sources)
    storage.prune()
    assert not storage._stored.sizes(".parts")
    assert f"files/ab/{'ab' * 32}" not in storage._stored.sizes("files")
    assert {name for folder in ("releases", "files", "thumbs") for name in storage._stored.sizes(folder)} >= others
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
