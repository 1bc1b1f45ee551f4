"""API keys: creates, checks and revokes them; a key is shown once and stored only as its sha256."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.database import Connections, moment_text
from data.errors import InvalidKey, KeysGone

SCOPES = ("search", "write", "admin")
_FORM = re.compile(r"lk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """The stored facts of one API key, without its secret part.

    Attributes:
        id: public part of the key, for lists and logs.
        scopes: what the key may do, in the order of SCOPES.
        revoked_at: None while the key is valid.
    """

    id: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


class Keys:
    """The API keys of one catalogue; safe to use from several threads and processes."""

    def __init__(self, home: Path) -> None:
        self._connections = Connections(home)
        self._were_in_use = False
        self.in_use()

    def create(self, scopes: Collection[str]) -> str:
        """Returns a new key with 256 random bits; it cannot be read again later.

        Raises:
            InvalidKey: no scope is given, or one is not in SCOPES.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise InvalidKey(f"scopes must be some of {', '.join(SCOPES)}; got {', '.join(unknown) or 'none'}.")
        key_id = secrets.token_hex(6)
        key = f"lk_{key_id}_{secrets.token_urlsafe(32)}"
        ordered = " ".join(scope for scope in SCOPES if scope in scopes)
        with self._connections.writing() as connection:
            connection.execute(
                "INSERT INTO api_keys (id, sha256, scopes, created_at) VALUES (?, ?, ?, ?)",
                (key_id, _digest(key), ordered, moment_text(datetime.now(UTC))),
            )
        return key

    def verify(self, key: str) -> ApiKey | None:
        """Returns the facts of a valid key; None if it is unknown or revoked."""
        form = _FORM.fullmatch(key)
        if form is None:
            return None
        rows = self._connections.query(
            "SELECT id, scopes, created_at, revoked_at, sha256 FROM api_keys WHERE id = ?", (form[1],)
        )
        if not rows or not hmac.compare_digest(rows[0][4], _digest(key)) or rows[0][3] is not None:
            return None
        return _api_key(rows[0])

    def valid(self, key_id: str) -> ApiKey | None:
        """Returns the facts of the key with this id; None if it is unknown or revoked."""
        return next((key for key in self.list() if key.id == key_id and key.revoked_at is None), None)

    def in_use(self) -> bool:
        """Returns True once any key was created: requests then need a key, even if all keys are revoked.

        Raises:
            KeysGone: there were keys before. Keys are never deleted, so catalog.db is not what it was.
        """
        found = bool(self._connections.query("SELECT EXISTS (SELECT 1 FROM api_keys)")[0][0])
        if self._were_in_use and not found:
            raise KeysGone(
                "catalog.db must hold the API keys that were in use; it holds none now. Make one with "
                "`lookalike keys add`, or restart the server to let everybody in."
            )
        self._were_in_use = found
        return found

    def list(self) -> list[ApiKey]:
        """Returns all keys, revoked ones too, oldest first."""
        return [
            _api_key(row)
            for row in self._connections.query(
                "SELECT id, scopes, created_at, revoked_at FROM api_keys ORDER BY created_at, id"
            )
        ]

    def revoke(self, key_id: str) -> bool:
        """Revokes a key at once; returns False if no valid key has this id."""
        with self._connections.writing() as connection:
            cursor = connection.execute(
                "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
                (moment_text(datetime.now(UTC)), key_id),
            )
            return cursor.rowcount > 0


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _api_key(row: Any) -> ApiKey:
    return ApiKey(
        id=row[0],
        scopes=tuple(row[1].split()),
        created_at=datetime.fromisoformat(row[2]),
        revoked_at=datetime.fromisoformat(row[3]) if row[3] else None,
    )
