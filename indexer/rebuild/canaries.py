"""Canary queries: searches with a known right answer, run on every new generation before it goes live.

`$LOOKALIKE_HOME/canaries.jsonl` holds one per line: `{"text": "red mug", "expect": "mug-7", "k": 10}`. Instead of
`text` a line may hold `image` (a path relative to the home) or `product_id` (to search for similar products). `k` is 10
unless given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import LookalikeError
from data.storage import parse_json, read_small
from engine.answers import MAX_K
from indexer.errors import IndexerError
from indexer.rebuild.gates import GateResult

FILE_NAME = "canaries.jsonl"
KINDS = ("text", "image", "product_id")


@dataclass(frozen=True, kw_only=True)
class Canary:
    """One query and the product that must be among its first k hits.

    Attributes:
        line: 1-based line of the file.
        kind: one of `KINDS`.
        query: the words, the absolute path of the photo, or the product_id.
    """

    line: int
    kind: str
    query: str
    expect: str
    k: int = 10


class BadCanaries(IndexerError):
    """canaries.jsonl breaks a rule; the message names the line."""

    code = "bad_canaries"


def read_canaries(path: Path) -> list[Canary]:
    """Reads the canaries of a file; blank lines are skipped.

    Raises:
        BadCanaries: the file is not UTF-8, a line is not a JSON object, or a field is missing or wrong.
    """
    try:
        lines = read_small(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadCanaries(f"{path} must be readable text in UTF-8; got {error}. Correct the file.") from error
    return [_parse(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _parse(path: Path, number: int, line: str) -> Canary:
    try:
        fields = parse_json(line)
    except ValueError as error:
        raise _bad(path, number, "a JSON object", line) from error
    if not isinstance(fields, dict):
        raise _bad(path, number, "a JSON object", line)
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) != 1 or not _is_word(fields[kinds[0]]):
        raise _bad(path, number, f"exactly one of {', '.join(KINDS)} with text in it", line)
    k = fields.get("k", 10)
    if not _is_word(fields.get("expect")):
        raise _bad(path, number, "`expect`, the product_id to be found", line)
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MAX_K:
        raise _bad(path, number, f"`k` from 1 to {MAX_K}", line)
    query = fields[kinds[0]]
    query = str(path.parent / query) if kinds[0] == "image" else query
    return Canary(line=number, kind=kinds[0], query=query, expect=fields["expect"], k=k)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _bad(path: Path, number: int, wanted: str, got: str) -> BadCanaries:
    return BadCanaries(f"{path} line {number} must hold {wanted}; got {got[:120]!r}. Correct the line or delete it.")


def check_canaries(path: Path, find: Callable[[Canary], list[str]]) -> GateResult:
    """Passes if every canary finds its product, or if there is no file; a file that breaks a rule fails.

    Args:
        path: the canary file.
        find: returns the product_ids of a canary's hits, best first, at most k.
    """
    if not path.exists():
        return _result(True, None, f"no {FILE_NAME}, so no canary was run")
    try:
        canaries = read_canaries(path)
        lost = [_miss(canary, find(canary)) for canary in canaries]
    except LookalikeError as error:
        return _result(False, None, str(error))
    missed = [miss for miss in lost if miss]
    if missed:
        return _result(False, round(1 - len(missed) / len(canaries), 4), "; ".join(missed[:5]))
    return _result(True, 1.0 if canaries else None, f"{len(canaries)} of {len(canaries)} canaries found their product")


def _miss(canary: Canary, found: list[str]) -> str:
    if canary.expect in found[: canary.k]:
        return ""
    query = Path(canary.query).name if canary.kind == "image" else canary.query
    return f"line {canary.line}: {canary.kind} {query!r} did not find {canary.expect!r} among {canary.k}"


def _result(passed: bool, measured: float | None, detail: str) -> GateResult:
    return GateResult(name="canaries", passed=passed, measured=measured, required="== 1", detail=detail)
