"""Every command and snippet of README and docs does what it says, from another folder and with relative paths."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doc_blocks import PAGES, ROOT, Block, blocks_of
from documented_flags import check_flags
from first_day import furnish

from data.filters import parse_filter
from data.generations import GenerationStore
from data.keys import Keys
from data.settings import Settings, load_settings
from engine.detectors import read_folder as read_detector
from engine.own_backbones import read_folder, write_toml

LANGUAGES = {"sh", "python", "json", "nginx", "toml", "cron", "filter", "text", "html", "promql"}
# Tried by tests of their own: test_lookalike_library.py and test_client.py run the Python of these pages,
# test_widget.py shows the widget's HTML in a browser, and test_home_metrics.py knows the metrics in PromQL.
PYTHON_PAGES = ("README.md", "docs/clients.md", "docs/python.md")
LAST_PAGES = ("docs/http.md", "docs/admin.md")  # they make keys, which every later request would need
UNRUN = {
    "README.md": 1, "docs/backbones.md": 2, "docs/clients.md": 2, "docs/deploy.md": 3,
    "docs/features.md": 1,
    "docs/fine-tuning.md": 1, "docs/http.md": 1, "docs/nightly.md": 1, "docs/objects.md": 1, "docs/reliability.md": 1,
    "docs/scale-out-ray.md": 2, "docs/scale-out-searchers.md": 3, "docs/scale-out.md": 1,
}  # fmt: skip


class Shop:
    """The folder, its home in `var`, and a server of that home.

    Attributes:
        answers: the JSON objects that the last block of commands printed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, furnish(folder)
        self.answers: list[dict[str, Any]] = []
        command = [sys.executable, str(ROOT / "tests/helpers/small_lookalike.py"), "serve", "--port", "0"]
        self.server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=(folder / "log").open("w"), text=True, cwd=folder,
            env=self.environment,
        )  # fmt: skip
        found = re.search(r"ready at http://127\.0\.0\.1:(\d+)", self.server.stdout.readline())  # type: ignore[union-attr]
        assert found, (folder / "log").read_text()
        self.port = found[1]

    def run(self, block: Block) -> None:
        """Runs a block of commands in the folder, with the server's port and ids that there are."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._filled(block.text)], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, check=False, timeout=800,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.place} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        self.answers = list(_objects(done.stdout))

    def _filled(self, text: str) -> str:
        live = GenerationStore(self.folder / "var").open().id
        text = re.sub(r"(localhost|127\.0\.0\.1):8080", rf"\1:{self.port}", text)
        text = text.replace("/var/lib/lookalike", "lib").replace("/srv/feeds", ".")
        text = re.sub(r"(?<=rollback )\d{8}T\d{9}Z", live, text)
        if "lookalike keys" in text:
            keys = Keys(self.folder / "var")
            revoked, valid = keys.create(["search"]), keys.create(["search"])
            ids = [key.id for key in keys.list() if key.id in revoked]
            text = re.sub(r"(?<=revoke )\w+", ids[0], text).replace("lk_…", valid)
        return text


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("elsewhere"))
    yield made
    made.server.terminate()
    assert made.server.wait(60) == 0


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yields the JSON objects in the output of several commands."""
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            value, place = decoder.raw_decode(text, place)
            yield value
        except ValueError:
            place += 1
        place = text.find("{", place)


def check_shell(block: Block, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    if block.remark.startswith("not run: "):
        return
    if block.remark.startswith("flags only: "):
        monkeypatch.chdir(shop.folder)
        for line in block.text.splitlines():
            check_flags(line)
        return
    shop.run(block)


def check_json(block: Block, shop: Shop) -> None:
    """Checks that it is JSON, and that an answer that is shown has no other fields than the command before it gave."""
    text = block.text if block.text.lstrip().startswith(("{", "[")) else f"{{{block.text}}}"
    shown = list(_objects(text)) if text.count("\n{") else [json.loads(text)]
    answers = shop.answers
    if "published" in shown[0]:
        answers = [json.loads((shop.folder / "var" / "last_rebuild.json").read_text())]
    if answers and any(len(set(shown[0]) & set(answer)) > 1 for answer in answers):
        assert min(len(set(shown[0]) - set(answer)) for answer in answers) == 0, f"{block.place} shows other fields"


def check_toml(block: Block, folder: Path) -> None:
    """Checks that settings, or the description of a network, are accepted."""
    own = folder / "backbones" / "mine" / "backbone.toml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.touch()
    (folder / "detectors" / "mine").mkdir(parents=True, exist_ok=True)
    detector = folder / "detectors" / "mine" / "detector.toml"
    detector.touch()
    if "[boxes]" in block.text:
        onnx = tomllib.loads(block.text)["image"]["onnx"]
        detector.write_text(f'{block.text}\n[files]\n"{onnx}" = "{"0" * 64}"\n')
        assert read_detector(detector.parent).image.onnx == onnx
        return
    if "[image]" not in block.text:
        (folder / "lookalike.toml").write_text(block.text)
        load_settings({}, home=folder)
        return
    fields = tomllib.loads(block.text)
    for vector in ("vector", "text_vector"):  # the page shows their first numbers
        fields["reference"][vector] = [0.5] * fields["image"]["dim"]
    names = (fields["image"]["onnx"], fields["text"]["onnx"], fields["text"]["tokenizer"], fields["reference"]["photo"])
    fields["files"] = dict.fromkeys(names, "0" * 64)
    tables = {name: value for name, value in fields.items() if isinstance(value, dict)}
    own.write_text(write_toml(tables, {name: fields[name] for name in ("licence", "source")}))
    read_folder(own.parent)


def check_nginx(block: Block, folder: Path) -> None:
    if shutil.which("nginx") is None:
        assert not os.environ.get("CI"), "CI must have nginx"
        pytest.skip("nginx is not installed")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", "k", "-out", "c"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    certificate = f"ssl_certificate {folder}/c; ssl_certificate_key {folder}/k;"
    paths = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    around = f"pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {paths} {certificate}"
    text = f"{around}\n{block.text}}}\n"
    (folder / "nginx.conf").write_text(text)
    command = ["nginx", "-t", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def check_python(block: Block, shop: Shop) -> None:
    program = f"import lookalike\nshop = lookalike.open('var')\n{block.text}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=shop.folder, env=shop.environment, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{block.place}: {done.stderr}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", [*(page for page in PAGES if page not in LAST_PAGES), *LAST_PAGES])
def test_the_blocks_of_a_page_do_what_they_say(
    page: str, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.answers = []
    for block in blocks_of(page):
        if block.language == "sh":
            check_shell(block, shop, monkeypatch)
        elif block.language == "json":
            check_json(block, shop)
        elif block.language == "nginx":
            check_nginx(block, tmp_path)
        elif block.language == "toml":
            check_toml(block, tmp_path)
        elif block.language == "filter":
            parse_filter(block.text.strip())
        elif block.language == "cron":
            monkeypatch.chdir(shop.folder)
            check_flags(re.sub(r"^(\S+ +){5}", "", block.text))
        elif block.language == "python" and page not in PYTHON_PAGES:
            check_python(block, shop)


def test_every_block_has_a_language_that_is_checked_and_few_are_not_run() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert {block.place: block.language for block in blocks if block.language not in LANGUAGES} == {}
    commands = re.compile(r"^(lookalike|curl|python|pip|make) ", re.MULTILINE)
    assert [block.place for block in blocks if block.language == "text" and commands.search(block.text)] == []
    unrun = [block for block in blocks if block.remark]
    assert all(re.fullmatch(r"(not run|flags only): .{20,}", block.remark) for block in unrun)
    pages = [block.place.partition(":")[0] for block in unrun]
    assert {page: pages.count(page) for page in pages} == UNRUN


def test_the_pages_name_only_settings_that_there_are() -> None:
    known = {f"LOOKALIKE_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    for page in PAGES:
        named = set(re.findall(r"(?<!MCP_)LOOKALIKE_[A-Z_]+[A-Z]", (ROOT / page).read_text(encoding="utf-8")))
        assert (page, named - known) == (page, set())
