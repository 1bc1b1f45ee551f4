"""The tables of catalog.db, made by numbered steps: each is one transaction and never changes once released."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from data.database.sqlite_utils_alone import Database
from data.errors import DatabaseError

APPLIED_TABLE = "applied_migrations"


def m001_create_tables(connection: sqlite3.Connection) -> None:
    """Creates the tables of products, photos, filters, feature rows, import reports, events and API keys."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO counter (id, seq) VALUES (1, 0)")


def m002_index_searches(connection: sqlite3.Connection) -> None:
    """Adds the index that finds a click's search by query id."""
    connection.execute("CREATE INDEX searches_by_query ON events (query_id) WHERE kind = 'search'")


def m003_record_deletions(connection: sqlite3.Connection) -> None:
    """Keeps what an import deleted: the product's fields, and the sha256s of its photos, both as JSON."""
    connection.execute(
        """CREATE TABLE import_deletions (
            run_id INTEGER NOT NULL REFERENCES import_runs, product_id TEXT NOT NULL,
            fields TEXT NOT NULL, images TEXT NOT NULL)"""
    )
    connection.execute("CREATE INDEX import_deletions_by_run ON import_deletions (run_id)")


def m004_paths_and_releases(connection: sqlite3.Connection) -> None:
    """Makes the paths of photos in the home relative to it, and notes when products let go of photos."""
    _make_sources_relative(connection)
    for statement in _RELEASES:
        connection.execute(statement)


def _make_sources_relative(connection: sqlite3.Connection) -> None:
    home = Path(connection.execute("PRAGMA database_list").fetchone()[2]).parent.resolve()
    connection.executemany(
        "UPDATE photos SET source = ? WHERE sha256 = ?",
        [
            (inside, sha256)
            for sha256, source in connection.execute("SELECT sha256, source FROM photos").fetchall()
            if (inside := _inside(home, sha256, source))
        ],
    )


def _inside(home: Path, sha256: str, source: str) -> str:
    """Returns the path of a photo's original relative to the home; empty: it lies elsewhere."""
    if source.startswith(f"{home}/"):
        return source.removeprefix(f"{home}/")
    upload = f"uploads/{sha256[:2]}/{sha256}"
    # an upload of this home, from when the home was elsewhere or reached through a link
    own = source.endswith(f"/{upload}") and ((home / upload).exists() or not Path(source).exists())
    return upload if own else ""


def m005_checksum_features(connection: sqlite3.Connection) -> None:
    """Lets each row of features have a checksum; rows that have none yet get it from the next rebuild."""
    connection.execute("ALTER TABLE feature_rows ADD COLUMN checksum INTEGER")


def m006_name_the_catalogue(connection: sqlite3.Connection) -> None:
    """Gives the catalogue a random id, so that a process can tell whether catalog.db is still the same shop's."""
    connection.execute("CREATE TABLE catalogue_id (id TEXT NOT NULL)")
    connection.execute("INSERT INTO catalogue_id VALUES (lower(hex(randomblob(16))))")


def m007_url_and_severity(connection: sqlite3.Connection) -> None:
    """Gives products the address of their page in the shop, and the problems of imports a severity."""
    connection.execute("ALTER TABLE products ADD COLUMN url TEXT NOT NULL DEFAULT ''")
    connection.execute("ALTER TABLE import_rows ADD COLUMN severity TEXT NOT NULL DEFAULT 'error'")
    if any(column[1] == "checksum" for column in connection.execute("PRAGMA table_info(products)")):
        connection.execute(
            "UPDATE products SET checksum = NULL"
        )  # made without the url, by a version with step 8 alone


def m008_checksum_products(connection: sqlite3.Connection) -> None:
    """Lets products and photos have checksums, and notes at which `seq` a product was last written."""
    for column in ("checksum INTEGER", "filter_checksum INTEGER", "changed_seq INTEGER NOT NULL DEFAULT 0"):
        connection.execute(f"ALTER TABLE products ADD COLUMN {column}")
    connection.execute("ALTER TABLE photos ADD COLUMN checksum INTEGER")
    connection.execute("UPDATE products SET changed_seq = image_seq")


def m009_index_letters(connection: sqlite3.Connection) -> None:
    """Adds the lexical index; it is filled when the catalogue is opened next."""
    for statement in _LEXICAL:
        connection.execute(statement)


def m010_complete_texts(connection: sqlite3.Connection) -> None:
    """Adds the completions of what is being typed; they are filled when the catalogue is opened next."""
    for statement in _COMPLETIONS:
        connection.execute(statement)
    connection.execute("DELETE FROM lexical_version")


def m011_follow_filter_facts(connection: sqlite3.Connection) -> None:
    """Notes at which `seq` the facts that filters read of a product last changed."""
    connection.execute("ALTER TABLE products ADD COLUMN filter_seq INTEGER NOT NULL DEFAULT 0")
    connection.execute("CREATE INDEX products_by_filter_seq ON products (filter_seq)")


def m012_note_no_match(connection: sqlite3.Connection) -> None:
    """Lets a search say whether anything matched; NULL: not known, as of all searches before."""
    connection.execute("ALTER TABLE events ADD COLUMN no_match INTEGER")
    connection.execute("CREATE INDEX searches_without_match ON events (at) WHERE no_match = 1")


def m013_judge_labels(connection: sqlite3.Connection) -> None:
    """Keeps which labels of photos are doubted, when they were checked, and what the shop decided about them."""
    for statement in _LABELS:
        connection.execute(statement)


def m014_colours_of_most_photos(connection: sqlite3.Connection) -> None:
    """Lets filters no longer find a product by a colour that fewer than half of its photos show."""
    connection.execute(_RARE_COLOURS)
    changed = "product_key IN (SELECT product_key FROM rare_colours)"
    connection.execute("DELETE FROM filter_values WHERE field = 'colour' AND (product_key, value) IN rare_colours")
    connection.execute("UPDATE counter SET seq = seq + EXISTS (SELECT 1 FROM rare_colours)")
    connection.execute(
        "UPDATE products SET filter_seq = (SELECT seq FROM counter), checksum = NULL, filter_checksum = NULL "
        f"WHERE {changed}"
    )
    connection.execute("DROP TABLE rare_colours")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    m001_create_tables,
    m002_index_searches,
    m003_record_deletions,
    m004_paths_and_releases,
    m005_checksum_features,
    m006_name_the_catalogue,
    m007_url_and_severity,
    m008_checksum_products,
    m009_index_letters,
    m010_complete_texts,
    m011_follow_filter_facts,
    m012_note_no_match,
    m013_judge_labels,
    m014_colours_of_most_photos,
)


def pending(db: Database) -> list[Callable[[sqlite3.Connection], None]]:
    """Returns the steps that this database still lacks.

    Raises:
        DatabaseError: the database has steps that this version does not know, so a newer version wrote it.
    """
    exists = db.conn.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (APPLIED_TABLE,)).fetchone()
    applied = {name for (name,) in db.conn.execute(f"SELECT name FROM {APPLIED_TABLE}")} if exists else set()
    unknown = sorted(applied - {step.__name__ for step in MIGRATIONS})
    if unknown:
        raise DatabaseError(
            f"catalog.db must come from this version or an older one; it has the unknown step {unknown[0]}. "
            "Install the newer version that wrote it."
        )
    return [step for step in MIGRATIONS if step.__name__ not in applied]


def migrate(db: Database) -> None:
    """Applies the missing steps. The caller lets only one process at a time do this."""
    for step in pending(db):
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            db.conn.execute(f"CREATE TABLE IF NOT EXISTS {APPLIED_TABLE} (name TEXT PRIMARY KEY, applied_at TEXT)")
            step(db.conn)
            db.conn.execute(f"INSERT INTO {APPLIED_TABLE} VALUES (?, datetime('now'))", (step.__name__,))
            db.conn.execute("COMMIT")
        except BaseException:
            db.conn.rollback()
            raise


# Texts that a shop leaves out are '' in products and NULL in filter_facts. Moments are ISO 8601 UTC with
# microseconds, so that their text order is their time order. A photo's source is relative to the home if it lies there.
_TABLES = (
    "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL)",
    """CREATE TABLE products (
        product_key INTEGER PRIMARY KEY AUTOINCREMENT,
        product_id TEXT NOT NULL UNIQUE,
        deleted INTEGER NOT NULL DEFAULT 0,
        image_seq INTEGER NOT NULL,
        title TEXT NOT NULL, description TEXT NOT NULL, brand TEXT NOT NULL, category TEXT NOT NULL,
        price REAL, currency TEXT NOT NULL, colour TEXT NOT NULL, created_at TEXT NOT NULL,
        in_stock INTEGER NOT NULL, attributes TEXT NOT NULL)""",
    "CREATE INDEX products_by_image_seq ON products (image_seq)",
    """CREATE TABLE photos (
        sha256 TEXT PRIMARY KEY, source TEXT NOT NULL, size_bytes INTEGER NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, colours TEXT NOT NULL)""",
    """CREATE TABLE product_images (
        image_key INTEGER PRIMARY KEY AUTOINCREMENT,
        product_key INTEGER NOT NULL REFERENCES products,
        sha256 TEXT NOT NULL REFERENCES photos,
        position INTEGER NOT NULL,
        UNIQUE (product_key, sha256))""",
    "CREATE INDEX product_images_by_sha256 ON product_images (sha256)",
    # The facts of live products that filters read: narrow rows, so that scanning all of them is quick.
    """CREATE TABLE filter_facts (
        product_key INTEGER PRIMARY KEY REFERENCES products,
        product_id TEXT NOT NULL, title TEXT, brand TEXT, category TEXT, currency TEXT,
        price REAL, created_at TEXT NOT NULL, in_stock INTEGER NOT NULL)""",
    # Facts of which a product can have several: colours and attributes. `value` keeps its own type.
    """CREATE TABLE filter_values (
        field TEXT NOT NULL, kind TEXT NOT NULL, value NOT NULL,
        product_key INTEGER NOT NULL REFERENCES products,
        PRIMARY KEY (field, kind, value, product_key)) WITHOUT ROWID""",
    "CREATE INDEX filter_values_by_product ON filter_values (product_key)",
    """CREATE TABLE feature_sets (
        set_id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL, file INTEGER NOT NULL)""",
    """CREATE TABLE feature_rows (
        set_id INTEGER NOT NULL REFERENCES feature_sets, key TEXT NOT NULL, row INTEGER NOT NULL,
        PRIMARY KEY (set_id, key)) WITHOUT ROWID""",
    """CREATE TABLE import_runs (
        run_id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL,
        started_at TEXT NOT NULL, finished_at TEXT, counts TEXT)""",
    """CREATE TABLE import_rows (
        run_id INTEGER NOT NULL REFERENCES import_runs, line INTEGER NOT NULL,
        product_id TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL)""",
    "CREATE INDEX import_rows_by_run ON import_rows (run_id)",
    """CREATE TABLE events (
        event_id TEXT PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, session TEXT NOT NULL,
        query_id TEXT NOT NULL, query_text TEXT NOT NULL, photo_sha256 TEXT NOT NULL,
        product_id TEXT NOT NULL, known_product INTEGER NOT NULL, position INTEGER, shown TEXT NOT NULL)""",
    "CREATE INDEX events_by_time ON events (at, event_id)",
    """CREATE TABLE api_keys (
        id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, scopes TEXT NOT NULL,
        created_at TEXT NOT NULL, revoked_at TEXT)""",
)
# Photos that a product no longer shows, and when products were deleted (NULL once their facts are emptied). What was
# let go before this step counts as let go now; product_key 0 is no product.
_RELEASES = (
    """CREATE TABLE released_images (
        product_key INTEGER NOT NULL, sha256 TEXT NOT NULL, released_at TEXT NOT NULL,
        PRIMARY KEY (product_key, sha256)) WITHOUT ROWID""",
    "CREATE INDEX released_images_by_sha256 ON released_images (sha256)",
    """INSERT INTO released_images SELECT 0, sha256, strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', 'now') FROM photos
        WHERE sha256 NOT IN (SELECT sha256 FROM product_images)""",
    "ALTER TABLE products ADD COLUMN deleted_at TEXT",
    "UPDATE products SET deleted_at = strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', 'now') WHERE deleted",
)
# A product's codes and title as keys, its words, and its letters in groups of three; rowids are product keys.
_LEXICAL = (
    "CREATE TABLE lexical_version (version INTEGER NOT NULL)",
    # columns in the order of the key, else quick_check of SQLite 3.40 takes one for another and reports a NULL
    """CREATE TABLE lexical_keys (
        key TEXT NOT NULL, product_key INTEGER NOT NULL REFERENCES products, kind TEXT NOT NULL,
        PRIMARY KEY (key, product_key, kind)) WITHOUT ROWID""",
    "CREATE INDEX lexical_keys_by_product ON lexical_keys (product_key)",
    """CREATE VIRTUAL TABLE lexical_words USING fts5 (
        title, brand, category, facts, description, tokenize = 'porter unicode61 remove_diacritics 2')""",
    "CREATE VIRTUAL TABLE lexical_letters USING fts5 (letters, tokenize = 'trigram case_sensitive 1', detail = none)",
    # How many products have each group of letters. It takes no space; no search reads it: that would count them all.
    "CREATE VIRTUAL TABLE lexical_trigrams USING fts5vocab (lexical_letters, row)",
)
# The texts that are suggested, where each of their words starts, and the entries of each product.
_COMPLETIONS = (
    """CREATE TABLE completion_entries (
        entry INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL,
        product_key INTEGER REFERENCES products)""",
    """CREATE TABLE completion_starts (
        rank INTEGER NOT NULL, keys TEXT NOT NULL, entry INTEGER NOT NULL,
        PRIMARY KEY (rank, keys, entry)) WITHOUT ROWID""",
    """CREATE TABLE completion_products (
        product_key INTEGER PRIMARY KEY REFERENCES products,
        title INTEGER NOT NULL, brand INTEGER NOT NULL, category INTEGER NOT NULL)""",
)
# `place` orders the doubts, strongest first. An empty `corrected` says that the label is right.
_LABELS = (
    """CREATE TABLE label_doubts (
        label_kind TEXT NOT NULL, place INTEGER NOT NULL, sha256 TEXT NOT NULL, label TEXT NOT NULL,
        probability REAL NOT NULL, guesses TEXT NOT NULL,
        PRIMARY KEY (label_kind, place)) WITHOUT ROWID""",
    """CREATE TABLE label_checks (
        label_kind TEXT PRIMARY KEY, checked_at TEXT NOT NULL, photos INTEGER NOT NULL)""",
    """CREATE TABLE label_decisions (
        label_kind TEXT NOT NULL, sha256 TEXT NOT NULL, label TEXT NOT NULL,
        corrected TEXT NOT NULL, decided_at TEXT NOT NULL,
        PRIMARY KEY (label_kind, sha256, label)) WITHOUT ROWID""",
)
# Colours that stay: those that half of the photos show, or as many as show any, and the shop's own word.
_RARE_COLOURS = """CREATE TEMP TABLE rare_colours AS
    WITH seen AS (
        SELECT product_key, name.value AS colour, count(*) AS shown
        FROM product_images JOIN photos USING (sha256),
            json_each(CASE WHEN json_valid(photos.colours) THEN photos.colours ELSE '[]' END) AS name
        GROUP BY product_key, name.value),
    photographed AS (SELECT product_key, count(*) AS photos FROM product_images GROUP BY product_key),
    most AS (SELECT product_key, max(shown) AS most FROM seen GROUP BY product_key)
    SELECT product_key, seen.colour
    FROM seen JOIN photographed USING (product_key) JOIN most USING (product_key) JOIN products USING (product_key)
    WHERE 2 * shown < photos AND shown < most AND seen.colour <> lower(products.colour)"""
