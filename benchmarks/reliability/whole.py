"""Checks that a home is whole after something bad happened to a process or to its disk."""

import json
from pathlib import Path

from data.errors import CorruptGeneration, NoGeneration
from data.generations import GenerationStore
from reliability.shop import Shop

# Names that no reader may ever see: half-written files that have their final place.
_HALF = ("*.part", "*.tmp")


def faults_of(shop: Shop, *, allow: tuple[str, ...] = ()) -> list[str]:
    """Returns what is wrong with a home: a generation that CURRENT names and that is not whole, or a FAIL of doctor.

    Args:
        allow: subjects of doctor whose FAIL is not counted.
    """
    found = _generation_faults(shop.home)
    done = shop.run("doctor", "--json")
    try:
        findings = json.loads(done.out)["findings"]
    except ValueError:
        return [*found, f"doctor must end with its findings; got {done.status} {done.err[-300:]}"]
    bad = [finding for finding in findings if finding["level"] == "FAIL" and finding["subject"] not in allow]
    found += [f"doctor: {finding['subject']}: {finding['detail']}" for finding in bad]
    return found + [f"{name} is visible" for name in visible_halves(shop.home)]


def visible_halves(home: Path) -> list[str]:
    """Returns half-written files whose name is not hidden."""
    return [
        str(path.relative_to(home))
        for pattern in _HALF
        for path in home.rglob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(home).parts)
    ]


def _generation_faults(home: Path) -> list[str]:
    try:
        GenerationStore(home).open().verify()
    except NoGeneration:
        return []
    except CorruptGeneration as error:
        return [f"the live generation: {error}"]
    return []
