"""Tells whether an error means that the disk takes no more."""

import errno
import sqlite3

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}  # the latter: a quota, or a disk that fails


def is_full(error: BaseException | None) -> bool:
    """Returns whether an error, or one that caused it, came from a full disk, a quota or a limit on a file's size."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) in _SQLITE_FULL:
            return True
        error = error.__cause__
    return False
