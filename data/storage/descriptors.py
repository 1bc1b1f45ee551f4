"""The process's limit of open files (RLIMIT_NOFILE), which also counts its connections."""

import contextlib
import resource

_ENOUGH = 65_536  # more than anything here can use; some containers allow a thousand million


def descriptor_limit() -> int:
    """Returns how many files a process may have open after `raise_descriptor_limit`."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)


def raise_descriptor_limit() -> int:
    """Raises this process's limit as far as the system lets it, and returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptor_limit()
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit that it does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
