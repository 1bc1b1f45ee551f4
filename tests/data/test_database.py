"""catalog.db: how it opens, migrates, and keeps groups of writes whole across threads and processes."""

import gc
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from data.database import Connections, json_list, migrations, opening
from data.database.connections import IDLE
from data.database.opening import open_catalogue
from data.errors import DatabaseError

ADD_SEQ = """
import sys
from pathlib import Path
from data.database.connections import Connections
connections = Connections(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    with connections.writing() as connection:
        seq = connection.execute("SELECT seq FROM counter").fetchone()[0]
        connection.execute("UPDATE counter SET seq = ?", (seq + 1,))
"""
DIE_INSIDE = """
import os, sys
from pathlib import Path
from data.database.connections import Connections
with Connections(Path(sys.argv[1])).writing() as connection:
    connection.execute("UPDATE counter SET seq = 99")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    return Connections(tmp_path)


def seq_of(connections: Connections) -> int:
    return int(connections.query("SELECT seq FROM counter")[0][0])


def test_every_connection_has_the_safe_settings(tmp_path: Path) -> None:
    for opened in (open_catalogue(tmp_path), open_catalogue(tmp_path)):
        values = [
            opened.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
        assert values == ["wal", 2, 1, opening.BUSY_TIMEOUT_MS]
        opened.connection.close()


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_lost_catalogue_is_not_begun_anew(tmp_path: Path, is_empty: bool) -> None:
    (tmp_path / "CURRENT").write_text("20261121T230603979Z\n")
    if is_empty:
        (tmp_path / "catalog.db").touch()
    with pytest.raises(DatabaseError, match=r"empty file\. Restore" if is_empty else r"no such file\. Restore"):
        open_catalogue(tmp_path)
    assert {path.name: path.stat().st_size for path in tmp_path.glob("catalog*")} == (
        {"catalog.db": 0} if is_empty else {}
    )


def test_all_tables_are_there(connections: Connections) -> None:
    tables = {name for (name,) in connections.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"products", "photos", "product_images", "feature_rows", "events", "api_keys"} <= tables
    assert {"import_runs", "import_rows"} <= tables


def test_a_block_is_all_or_nothing(connections: Connections) -> None:
    def fail() -> None:
        with connections.writing() as connection:
            connection.execute("UPDATE counter SET seq = 5")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seq_of(connections) == 0
    with connections.writing() as connection:
        connection.execute("UPDATE counter SET seq = 6")
    assert seq_of(connections) == 6


def test_a_block_inside_another_is_part_of_it(connections: Connections) -> None:
    def fail() -> None:
        with connections.writing():
            with connections.writing() as connection:
                connection.execute("UPDATE counter SET seq = 5")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seq_of(connections) == 0


def test_reading_sees_one_moment(connections: Connections) -> None:
    other = Connections(connections.home)
    with connections.reading() as connection:
        assert connection.execute("SELECT seq FROM counter").fetchone()[0] == 0
        with other.writing() as writer:
            writer.execute("UPDATE counter SET seq = 7")
        assert connection.execute("SELECT seq FROM counter").fetchone()[0] == 0
    assert seq_of(connections) == 7


def test_sqlite_errors_become_database_errors(connections: Connections) -> None:
    with pytest.raises(DatabaseError, match="no such table"):
        connections.query("SELECT * FROM nowhere")
    with pytest.raises(DatabaseError, match="FOREIGN KEY"), connections.writing() as connection:
        connection.execute("INSERT INTO product_images (product_key, sha256, position) VALUES (1, 'x', 0)")
    with pytest.raises(DatabaseError, match="surrogates"):
        connections.query("SELECT ?", ("\ud800",))
    assert seq_of(connections) == 0


def test_full_disk_is_an_error_and_undoes_the_block(connections: Connections) -> None:
    pages = connections.query("PRAGMA page_count")[0][0]
    connections.query(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        with connections.writing() as connection:
            connection.execute("UPDATE counter SET seq = 5")
            connection.execute("INSERT INTO import_runs (source, started_at) VALUES (?, '')", ("x" * 100_000,))

    with pytest.raises(DatabaseError, match="full"):
        fill()
    assert seq_of(connections) == 0


def connections_open(home: Path) -> int:
    """Returns how many connections to the home's catalog.db this process holds.

    Each holds the file beside it open; SQLite keeps a descriptor of catalog.db itself for the next connection.
    """
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return links.count(home / "catalog.db-wal")


def test_threads_use_different_connections_at_once_and_few_stay_open(connections: Connections) -> None:
    together = threading.Barrier(3 * IDLE)
    seen = set()

    def look() -> None:
        with connections.reading() as connection:
            together.wait(60)
            seen.add(id(connection))
            assert seq_of(connections) == 0

    threads = [threading.Thread(target=look) for _ in range(3 * IDLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 3 * IDLE
    assert connections_open(connections.home) == IDLE


def test_open_files_do_not_grow_without_end(connections: Connections) -> None:
    """SQLite keeps one for each connection that was ever lent at the same moment, and uses them again."""
    busy = 2 * IDLE
    for _ in range(20):
        together = threading.Barrier(busy)

        def look(together: threading.Barrier = together) -> None:
            with connections.reading():
                together.wait(60)
                assert seq_of(Connections(connections.home)) == 0  # another store within a transaction of this one
                together.wait(60)

        threads = [threading.Thread(target=look) for _ in range(busy)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    mine = Counter(link.name for link in links if link.parent == connections.home)
    assert IDLE <= mine["catalog.db"] <= 2 * busy
    assert (mine["catalog.db-wal"], mine["catalog.db-shm"]) == (IDLE, 1)


def test_many_threads_and_stores_share_the_connections_of_a_home(connections: Connections) -> None:
    stores = [connections, *(Connections(connections.home) for _ in range(10))]
    for store in stores:
        for _ in range(5):
            thread = threading.Thread(target=store.query, args=("SELECT 1",))
            thread.start()
            thread.join()
    assert connections_open(connections.home) == 1


def test_the_connections_of_a_home_close_with_the_last_store(tmp_path: Path) -> None:
    assert seq_of(Connections(tmp_path)) == 0
    gc.collect()
    assert connections_open(tmp_path) == 0


def test_a_failed_transaction_leaves_nothing_for_the_next_borrower(connections: Connections) -> None:
    def fail() -> None:
        with connections.writing() as connection:
            connection.execute("UPDATE counter SET seq = 5")
            connection.execute("ROLLBACK")  # so that COMMIT fails

    with pytest.raises(DatabaseError):
        fail()
    with connections.writing() as connection:
        connection.execute("UPDATE counter SET seq = seq + 1")
    assert seq_of(connections) == 1


def test_a_forked_child_opens_its_own(connections: Connections) -> None:
    with connections.reading() as connection:
        parent = id(connection)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def child() -> None:
        with connections.writing() as connection:
            connection.execute("UPDATE counter SET seq = 3")
            queue.put(id(connection))

    process = context.Process(target=child)
    process.start()
    assert queue.get() != parent
    process.join()
    assert seq_of(connections) == 3


def test_threads_and_processes_never_lose_a_write(connections: Connections) -> None:
    command = [sys.executable, "-c", ADD_SEQ, str(connections.home), "40"]
    processes = [subprocess.Popen(command) for _ in range(2)]

    def add() -> None:
        for _ in range(40):
            with connections.writing() as connection:
                seq = connection.execute("SELECT seq FROM counter").fetchone()[0]
                connection.execute("UPDATE counter SET seq = ?", (seq + 1,))

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    assert seq_of(connections) == 160


def test_many_processes_may_make_the_file_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ADD_SEQ, str(tmp_path / "new" / "home"), "1"]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert seq_of(Connections(tmp_path / "new" / "home")) == 4


def test_kill_inside_a_block_leaves_nothing_of_it(connections: Connections) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE_INSIDE, str(connections.home)], check=False)
    assert killed.returncode == -9
    assert seq_of(connections) == 0
    with connections.writing() as connection:
        connection.execute("UPDATE counter SET seq = 1")


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + os.urandom(4096)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "catalog.db").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"catalog\.db"):
        open_catalogue(tmp_path)


def test_damage_is_found_at_the_first_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = open_catalogue(tmp_path).connection
    db.execute("BEGIN")
    db.executemany("INSERT INTO import_runs (source, started_at) VALUES (?, '')", [("x" * 500,)] * 500)
    db.execute("COMMIT")
    root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'import_runs'").fetchone()[0]
    size = db.execute("PRAGMA page_size").fetchone()[0]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with (tmp_path / "catalog.db").open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 64)
    monkeypatch.setattr(opening, "_prepared", set())
    with pytest.raises(DatabaseError, match=r"catalog\.db"):
        open_catalogue(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="catalog"):
        open_catalogue(tmp_path / "file" / "home")


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = open_catalogue(tmp_path).connection
    db.execute("INSERT INTO applied_migrations VALUES ('m999_future', '')")
    db.close()
    monkeypatch.setattr(opening, "_prepared", set())
    with pytest.raises(DatabaseError, match="m999_future"):
        open_catalogue(tmp_path)


def test_a_later_migration_is_applied_once_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_catalogue(tmp_path).connection.close()

    def m900_fails(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise sqlite3.OperationalError("planted")

    def m900_works(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE later (x)")

    def tables(home: Path) -> set[str]:
        return {name for (name,) in Connections(home).query("SELECT name FROM sqlite_master")}

    released = migrations.MIGRATIONS
    for step in (m900_fails, m900_works, m900_works):
        monkeypatch.setattr(migrations, "MIGRATIONS", (*released, step))
        monkeypatch.setattr(opening, "_prepared", set())
        if step is m900_fails:
            with pytest.raises(DatabaseError, match="planted"):
                open_catalogue(tmp_path)
        else:
            assert "later" in tables(tmp_path)
            assert "half" not in tables(tmp_path)


def test_backup_is_a_whole_database_while_others_write(connections: Connections, tmp_path: Path) -> None:
    with connections.writing() as connection:
        connection.execute("UPDATE counter SET seq = 8")
    target = tmp_path / "copies" / "catalog.db"
    connections.backup(target)
    connections.backup(target)
    assert seq_of(Connections(target.parent)) == 8
    (tmp_path / "blocked").write_text("")
    with pytest.raises(DatabaseError, match="blocked"):
        connections.backup(tmp_path / "blocked" / "copy.db")


def test_json_list_never_finds_another_text(connections: Connections) -> None:
    def found(*texts: str) -> list[str]:
        return [value for (value,) in connections.query("SELECT value FROM json_each(?)", (json_list(texts),))]

    assert found("a\0b", "\ud83d\ude00", "a") == ["a"]
    assert found("😀", '"quoted"', "back\\slash") == ["😀", '"quoted"', "back\\slash"]
