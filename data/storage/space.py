"""Tells whether an error means that the disk takes no more."""

import errno

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# SQLITE_FULL and SQLITE_IOERR_WRITE (a quota, or a disk that fails); by number, so that sqlite3 need not be loaded.
_SQLITE_FULL = {13, 778}


def is_full(error: BaseException | None) -> bool:
    """Returns whether an error, or one that caused it, came from a full disk, a quota or a limit on a file's size."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if getattr(error, "sqlite_errorcode", 0) in _SQLITE_FULL:
            return True
        error = error.__cause__
    return False
