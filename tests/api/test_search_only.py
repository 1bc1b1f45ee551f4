"""A machine that only searches needs none of the libraries that train: they are hidden from a real server."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shape_catalogue import draw_catalogue, draw_shape

from data.settings import Settings
from engine.extras import MODULES
from indexer.importing import import_feed
from indexer.rebuild import rebuild

ROOT = Path(__file__).parents[2]
HIDDEN = {name for name, extra in MODULES.items() if extra == "train"} | {"h5py", "transformers", "pandas"}
PROGRAM = f"""
import json, sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HIDDEN!r}:
            print("LOOKED FOR", name, file=sys.stderr, flush=True)
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
import lookalike
lookalike.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, runtime_cache: Path) -> Path:
    """A home that was rebuilt with a real network, with the default text encoder and voters."""
    folder = tmp_path_factory.mktemp("search_only")
    settings = Settings(home=folder / "home", backbone="efficientnet_lite2", precision="f32")
    shutil.copytree(runtime_cache / "runtime", settings.home / "runtime")
    feed = draw_catalogue(folder / "feed")
    few = feed.read_text().splitlines()[:6]  # two colours of three shapes
    feed.write_text("\n".join(few))
    import_feed(settings, feed)
    rebuild(settings)
    return settings.home


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "stderr"


@pytest.fixture(scope="module")
def port(home: Path, log: Path) -> Iterator[int]:
    server = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--home", str(home), "serve", "--port", "0"],
        stdout=subprocess.PIPE, stderr=log.open("w"), text=True, cwd=ROOT, env=os.environ,
    )  # fmt: skip
    found = re.search(r"ready at http://127\.0\.0\.1:(\d+)", server.stdout.readline() if server.stdout else "")
    assert found, log.read_text()
    yield int(found[1])
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0


def ask(port: int, path: str, body: bytes | None = None, kind: str = "") -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=body, headers={"Content-Type": kind} if kind else {}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def photo(path: Path) -> tuple[bytes, str]:
    """Returns a photo of a red disc as a form with one file."""
    draw_shape("red", "disc", 9).save(path)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    return head + path.read_bytes() + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def test_it_searches_by_words_and_by_photo(port: int, tmp_path: Path) -> None:
    found = ask(port, f"/v1/search/text?q={urllib.parse.quote('red disc')}")
    assert found["hits"][0]["product_id"] == "red-disc"
    by_photo = ask(port, "/v1/search/image", *photo(tmp_path / "a.png"))
    assert "disc" in by_photo["hits"][0]["product_id"]


def test_it_recognises_and_recommends(port: int, tmp_path: Path) -> None:
    seen = ask(port, "/v1/recognize", *photo(tmp_path / "a.png"))
    assert seen["labels"][0]["label"] == "disc"
    body = json.dumps({"label": "disc", "colour": "red"}).encode()
    assert ask(port, "/v1/recommend", body, "application/json")["hits"][0]["category"] == "disc"


def test_it_does_not_even_look_for_them(port: int, log: Path, tmp_path: Path) -> None:
    ask(port, f"/v1/search/text?q={urllib.parse.quote('빨간 disc')}")
    ask(port, "/v1/search/image", *photo(tmp_path / "a.png"))
    ask(port, "/v1/products/red-disc/similar")
    looked_for = set(re.findall(r"LOOKED FOR (\w+)", log.read_text()))
    assert looked_for <= {"pandas"}  # by pyarrow, which does without


def test_a_home_without_the_converted_network_says_what_to_do(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("runtime"))
    draw_shape("red", "disc", 9).save(tmp_path / "a.png")
    command = [sys.executable, "-c", PROGRAM, "--home", str(tmp_path / "home"), "search"]
    done = subprocess.run(
        [*command, "--image", str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "must be converted for OpenVINO once, which needs the extra `train`" in done.stderr
