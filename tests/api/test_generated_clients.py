"""Clients that generators make from the OpenAPI document, run against a real server with keys.

The one for TypeScript needs `npm ci --prefix tests/generated_clients`, which .ci/run calls.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages_elsewhere import serving
from tiny_backbone import TinyBackbone

from api.app import create_app
from data.keys import Keys
from data.settings import Settings
from engine.search import SearchEngine

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
NPM = ROOT / "tests" / "generated_clients" / "node_modules" / ".bin"


@pytest.fixture(scope="module")
def server(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server, and a key of scope `write`."""
    home = tmp_path_factory.mktemp("generated") / "home"
    shutil.copytree(built_home, home)
    settings = Settings(home=home)
    key = Keys(home).create(["write"])
    with serving(create_app(settings, SearchEngine(settings, backbone=TinyBackbone()))) as url:
        yield url, key


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def test_a_generated_python_client_puts_finds_and_reports(
    server: tuple[str, str], built_home: Path, tmp_path: Path
) -> None:
    url, key = server
    generator = Path(sys.executable).parent / "openapi-python-client"
    said = run(
        generator, "generate", "--url", f"{url}/openapi.json", "--meta", "none", "--output-path", "lookalike_client",
        folder=tmp_path,
    )  # fmt: skip
    left_out = [line for line in said.splitlines() if line.startswith("WARNING")]
    assert left_out == [
        "WARNING parsing POST /v1/products:batch within products. Endpoint will not be generated.",
        "WARNING parsing GET /thumbs/{image_id}.webp within operation.",
    ]
    photo = built_home.parent / "feed" / "red-disc-0.png"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    program = [sys.executable, str(EXAMPLES / "generated_client.py"), url, key, str(photo)]
    done = subprocess.run(
        program, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = {name: value for name, _, value in (line.partition(": ") for line in done.stdout.splitlines())}
    assert printed["put"] == "Red disc"
    assert "'new-1'" in printed["by photo"]
    assert all(printed[name].startswith("['") for name in ("by words", "below 40", "similar", "recognised"))
    assert printed["clicks taken"] == "1"
    assert printed["deleted"] == "(404, 'unknown_product')"


@pytest.mark.skipif(
    not (NPM / "tsc").exists() and not os.environ.get("CI"), reason="needs npm ci --prefix tests/generated_clients"
)
def test_generated_types_hold_in_a_typescript_program_that_runs(server: tuple[str, str], tmp_path: Path) -> None:
    url, key = server
    run(
        NPM / "openapi-typescript", f"{url}/openapi.json", "--default-non-nullable", "false", "-o", "lookalike.d.ts",
        folder=tmp_path,
    )  # fmt: skip
    shutil.copy(EXAMPLES / "generated_client.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    options = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
    options += ["--lib", "es2022,dom"]
    run(NPM / "tsc", *options, "generated_client.ts", folder=tmp_path)
    said = run("node", "generated_client.js", url, key, folder=tmp_path)
    assert said.startswith("red-disc red disc ")
    assert said.endswith(" 1\n")
    wrong = (EXAMPLES / "generated_client.ts").read_text(encoding="utf-8").replace("k: 3", 'k: "3"')
    (tmp_path / "generated_client.ts").write_text(wrong, encoding="utf-8")
    check = [str(NPM / "tsc"), "--noEmit", *options, "generated_client.ts"]
    refused = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Type 'string' is not assignable to type 'number'" in refused.stdout
