"""The wheel holds every module, template and static file of the checkout, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "data", "engine", "indexer", "training")


def test_the_wheel_holds_the_files_of_the_tree(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files", *PACKAGES, "lookalike.py"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split()  # fmt: skip
    source = tmp_path / "source"
    for name in [*listed, "setup.cfg", "pyproject.toml", "README.md", "LICENSE"]:  # a build writes beside its source
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", ".", "-w", ".."]
    subprocess.run(command, cwd=source, check=True)
    (wheel,) = tmp_path.glob("lookalike-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(held) == sorted(listed)
