"""Writes `report.html` of a generation: what it was built from and how it was checked, in one self-contained page."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from data.storage import write_text
from indexer.rebuild.gates import GateResult

REPORT_FILE = "report.html"
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 2rem; }
th, td { text-align: left; padding: .25rem 1.5rem .25rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.failed { color: #c22; }
"""


def write_report(
    folder: Path,
    generation: str,
    fields: Mapping[str, Any],
    gates: Sequence[GateResult],
    seconds: Mapping[str, float],
    unreadable: Sequence[Mapping[str, str]],
) -> None:
    """Writes `report.html` into a staged generation.

    Args:
        fields: what the manifest will say: counts, seq, backbone, versions, metrics.
        seconds: wall time of each step so far.
        unreadable: `{"source", "code", "message"}` of the first photos that were left out.
    """
    parts = fields["metrics"]["parts"]
    photos = [(photo["source"], photo["code"], photo["message"]) for photo in unreadable]
    sections = [
        _section("Catalogue", (), [*fields["counts"].items(), ("seq", fields["seq"])]),
        _section("Gates", ("", "gate", "measured", "required", "detail"), map(_gate, gates)),
        *(_section(_title(name, of), (), _flat(of)) for name, of in parts.items() if name != "match"),
        _match(parts.get("match", {})),
        _section("Backbone", (), [*fields["backbone"].items(), ("fingerprint", fields["fingerprint"])]),
        _section("Seconds", (), seconds.items()),
        _section("Photos left out", ("source", "code", "why"), photos) if photos else "",
        _section("Versions", (), fields["versions"].items()),
    ]
    title = f"Generation {escape(generation)}"
    page = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>\n'
    write_text(folder / REPORT_FILE, f"{page}<h1>{title}</h1>\n{''.join(sections)}</html>\n")


def _title(name: str, measured: Mapping[str, Any]) -> str:
    return f"Not trained: {name}" if measured.get("skipped") else f"Trained: {name}"


def _match(measured: Mapping[str, Any]) -> str:
    """Returns both kinds of error for each kind of question, and the reliability plot."""
    if not measured or measured.get("skipped"):
        return _section(_title("match", measured), (), measured.items()) if measured else ""
    from training.reports import match

    table = _section("Match probabilities, out of fold", match.MATCH_HEAD, match.match_rows(measured))
    return f'{table}<img src="{match.match_picture(measured)}" alt="Share of hits that are right, by probability">\n'


def _gate(gate: GateResult) -> tuple[Any, ...]:
    return ("passed" if gate.passed else "failed", gate.name, gate.measured, gate.required, gate.detail)


def _flat(measured: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Returns nested figures as `outer.inner` rows."""
    rows: list[tuple[str, Any]] = []
    for name, value in measured.items():
        rows += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return rows


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    top = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>\n" if head else ""
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return f"<h2>{escape(title)}</h2>\n<table>\n{top}{body}</table>\n"


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        mark = ' class="failed"' if value == "failed" else ""
        return f"<td{mark}>{escape('' if value is None else str(value))}</td>"
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
    return f'<td class="number">{text}</td>'
