"""Two servers on one home change the same products at once; every answer is right for some order of the changes."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import product_changes
import pytest
from product_changes import IDS, Change, explained

from data.catalogue import Catalogue
from data.errors import UnknownProduct
from data.settings import Settings

DRIVER = Path(product_changes.__file__)
CHANGES = 150


def change_at_once(home: Path, seeds: Sequence[int]) -> list[list[Change]]:
    """Returns the changes that each process made, in its order."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(DRIVER), str(home), str(seed), str(CHANGES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for seed in seeds
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(seeds)
    return [[_read(line) for line in lines.splitlines()] for lines in printed]


def _read(line: str) -> Change:
    change = Change(**json.loads(line))
    return replace(change, state=None if change.state is None else (change.state[0], change.state[1], change.state[2]))


def _stored(catalogue: Catalogue, product_id: str) -> product_changes.State:
    try:
        facts = catalogue.get(product_id)
    except UnknownProduct:
        return None
    return facts.product.title, facts.product.brand, "".join(facts.image_sha256)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_processes_change_products_in_some_one_order(settings: Settings, seed: int) -> None:
    catalogue = Catalogue(settings.home)
    first, second = change_at_once(settings.home, (seed, -seed))
    for product_id in IDS:
        of_both = [[change for change in made if change.product_id == product_id] for made in (first, second)]
        assert explained(of_both[0], of_both[1], _stored(catalogue, product_id)), product_id


def test_the_model_sees_a_patch_that_revives_and_an_answer_out_of_order() -> None:
    put = Change("a", "put", "x", "", 201, ("x", "", ""), 0, 10)
    gone = Change("a", "delete", "", "", 204, None, 20, 40)
    patch = Change("a", "patch", "y", "", 200, ("x", "y", ""), 30, 50)
    assert explained([put, gone], [patch], None)
    assert not explained([put, gone], [patch], ("x", "y", ""))
    assert not explained([put, gone], [replace(patch, started=41)], None)


def test_the_model_knows_what_a_purge_finds() -> None:
    put = Change("a", "put", "x", "", 201, ("x", "", ""), 0, 1)
    gone, purged = Change("a", "delete", "", "", 204, None, 2, 3), Change("a", "purge", "", "", 204, None, 4, 5)
    again = Change("a", "purge", "", "", 404, None, 6, 7)
    assert explained([put, gone, purged, again], [], None)
    assert not explained([put, gone, replace(again, started=4)], [], None), "what is deleted is still there to erase"
    assert not explained([put, purged, replace(again, status=204)], [], None)
