"""Starts a real Milvus server for tests, from the program that the package `milvus` carries.

By hand, until it is interrupted: `python tests/helpers/milvus_server.py FOLDER`; it prints its address.
"""

import lzma
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

_READY_S = 120
_QUICK = {"ttl": "10", "timeTickInterval": "20"}  # a killed server is soon forgotten, and strong reads are quick
_ETCD = """name: default
log-level: error
log-outputs: [stderr]
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
"""


class MilvusServer:
    """A server with its own data folder and ports; the same data is there again after `kill` and `start`.

    The package's own launcher waits without looking at the process, and gives every server the same peer port.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, _package()
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._ports['proxy_port']}"

    def start(self) -> None:
        """Starts the server and waits until it says that it is healthy; on the same address as before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        program = _program(self._data)
        if not self._ports:
            self._ports = _free_ports(self._data)
        self._configure()
        environment = {
            **os.environ,
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._ports["metrics"]),
            "LD_LIBRARY_PATH": str(program.parent),
        }
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "run", "standalone"], cwd=self._folder, env=environment, stdout=log, stderr=log
            )
        self._wait_until_healthy(self._process)

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _configure(self) -> None:
        folder = self._folder / "configs"
        folder.mkdir(exist_ok=True)
        (self._folder / "logs").mkdir(exist_ok=True)
        shutil.copy(self._data / "glog.conf", folder)
        etcd = folder / "etcd.yaml"
        etcd.write_text(_ETCD.format(client=self._ports["etcd_port"], peer=self._ports["peer"]), encoding="utf-8")
        text = _filled((self._data / "config.yaml.template").read_text(encoding="utf-8"), self._folder, self._ports)
        text = text.replace("    embed: true", f"    embed: true\n  config:\n    path: {etcd}")
        (folder / "milvus.yaml").write_text(text, encoding="utf-8")

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        address, ends = f"http://127.0.0.1:{self._ports['metrics']}/healthz", time.monotonic() + _READY_S
        while time.monotonic() < ends:
            if process.poll() is not None:
                raise RuntimeError(f"Milvus ended with {process.returncode}; see {self._folder / 'server.log'}")
            with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"Milvus was not healthy after {_READY_S} s; see {self._folder / 'server.log'}")


def missing_package() -> str:
    """Returns why no server can be started here; "" if one can."""
    missing = [name for name in ("milvus", "pymilvus") if find_spec(name) is None]
    return f"the packages milvus and pymilvus are not both installed (no {missing[0]})" if missing else ""


def _package() -> Path:
    spec = find_spec("milvus")
    if spec is None or spec.origin is None:
        raise RuntimeError(missing_package())
    return Path(spec.origin).parent / "data"


def _program(data: Path) -> Path:
    """Returns the server's program, unpacked once for each virtual environment, since that takes 15 s."""
    folder = Path(sys.prefix) / "milvus-server"
    if not folder.exists():
        new = Path(tempfile.mkdtemp(dir=sys.prefix, prefix=".milvus-"))
        for packed in (data / "bin").glob("*.lzma"):
            (new / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
            (new / packed.stem).chmod(0o755)
        with suppress(OSError):  # another process was quicker
            new.rename(folder)
        shutil.rmtree(new, ignore_errors=True)
    return folder / "milvus"


def _free_ports(data: Path) -> dict[str, int]:
    """Returns a port that is free now for each that the server listens on."""
    names = re.findall(r"\{\{ *(\w+_port)\b", (data / "config.yaml.template").read_text(encoding="utf-8"))
    sockets = {name: socket.socket() for name in (*names, "peer", "metrics")}
    for each in sockets.values():
        each.bind(("127.0.0.1", 0))
    ports = {name: each.getsockname()[1] for name, each in sockets.items()}
    for each in sockets.values():
        each.close()
    return ports


def _filled(template: str, folder: Path, ports: Mapping[str, int]) -> str:
    """Returns the package's configuration with its gaps filled: `{{ name(type): what it is otherwise }}`."""
    given = {
        "etcd_data_dir": folder / "etcd",
        "local_storage_dir": folder / "data",
        "rocksmq_data_dir": folder / "rocksmq",
        "system_log_path": folder / "logs",
        **ports,
    }

    def value(gap: re.Match[str]) -> str:
        name, _, otherwise = gap[1].partition(":")
        return str(given.get(name.strip().partition("(")[0], otherwise.strip()))

    text = re.sub(r"\{\{(.*?)\}\}", value, template)
    for name, quick in _QUICK.items():
        text = re.sub(rf"(\b{name}: )\d+", rf"\g<1>{quick}", text)
    return text


def main() -> None:
    server = MilvusServer(Path(sys.argv[1]).absolute())
    server.start()
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    sys.stdout.write(server.uri + "\n")
    sys.stdout.flush()
    signal.sigwait(ends)
    server.kill()


if __name__ == "__main__":
    main()
