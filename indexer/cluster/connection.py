"""Connects this process to a Ray cluster with the cluster's own token."""

import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import SettingsError
from data.settings import Settings
from engine.extras import require_extras
from indexer.errors import ClusterUnavailable

LOCAL = "local"
_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([1-9]\d{0,4})")
_LEAST_TOKEN = 32
_ANSWERS_WITHIN_S = 5.0


@contextmanager
def connected(address: str, settings: Settings) -> Iterator[None]:
    """Connects to a cluster while the block runs; for `local`, starts Ray on this machine and ends it afterwards.

    Args:
        address: `HOST:PORT` of the cluster's head, or `local`.

    Raises:
        MissingExtra: Ray is not installed.
        SettingsError: the address is neither, or there is no safe token file.
        ClusterUnavailable: nothing answers there, or it has another token.
    """
    require_cluster(address, settings)
    # Ray reads these when it is imported; the processes that it starts inherit them.
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file(settings)),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_AUTO_CONNECT": "0",  # what still runs when the block ends must not start a new cluster
        "RAY_BACKEND_LOG_LEVEL": "fatal",  # what fails is raised; the rest is noise in the log of the nightly job
    }
    os.environ.pop("RAY_AUTH_TOKEN", None)  # it would win over the file
    import ray

    here = {"num_cpus": len(os.sched_getaffinity(0)), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **(here if address == LOCAL else {}))
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ClusterUnavailable(
            f"the Ray cluster at {address} must let this machine in; got: {error}. This machine must be one of its "
            f"nodes (`ray start`), and {token_file(settings)} must hold the same token there and here."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def require_cluster(address: str, settings: Settings) -> None:
    """Refuses, within seconds and before any work, an address at which no cluster can be used.

    Raises:
        MissingExtra, SettingsError, ClusterUnavailable: as of `connected`; a wrong token shows only there.
    """
    require_extras("ray")
    found = _ADDRESS.fullmatch(address)
    if address != LOCAL and found is None:
        raise SettingsError(f"--ray must be {LOCAL}, or HOST:PORT of a cluster's head; got {address!r}.")
    _check_token(token_file(settings), make=address == LOCAL)
    if found is None:
        return
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), _ANSWERS_WITHIN_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterUnavailable(
            f"a Ray cluster must answer at {address}; got: {error}. Start its head with `ray start --head`."
        ) from error


def token_file(settings: Settings) -> Path:
    """Returns the path of the file with the cluster's token."""
    return Path(settings.ray_token_file) if settings.ray_token_file else settings.home / "ray.token"


def _check_token(path: Path, *, make: bool) -> None:
    """Requires a token that nobody else can read: who has it can run any program on every node."""
    if make and not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    try:
        mode = path.stat().st_mode & 0o777
        length = len(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} must hold the token of the Ray cluster; got: {error}. Copy it from the head, or make one for a "
            f"new cluster: (umask 077; openssl rand -hex 32 > {path})."
        ) from error
    if mode & 0o077:
        raise SettingsError(f"{path} must be readable by its owner alone; got mode {mode:o}. Run: chmod 600 {path}.")
    if length < _LEAST_TOKEN:
        raise SettingsError(f"{path} must hold at least {_LEAST_TOKEN} characters; got {length}.")
