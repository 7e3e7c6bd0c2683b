"""`trimtab guard report`: what guards did, and what they would have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table, table

_COLUMNS = [
    *("rule", "side", "mode", "checked", "fired", "did", "would have"),
    *("errors", "skipped", "p50 ms", "p99 ms", "an example"),
]


@click.command("report")
@client_options
@click.option("--since", default="7d", show_default=True, help="How far back: 24h, 30d.")
def command(as_json: bool, since: str, **flags: Any) -> None:
    """Show what each rule did, and what it would have done if it were enforced.

    What failed or was skipped is neither passed nor checked. A report names traces and quotes no
    text.
    """
    with connected(flags) as client:
        found = client.get("/api/v1/guards/report", {"since": since})
    if as_json:
        emit(found, as_json)
        return
    rows = [_cells(one) for one in found["rules"]]
    show_table(rows, _COLUMNS, empty="no call was guarded in this time")


def lines(rules: Sequence[Mapping[str, Any]]) -> str:
    """A row for each rule on each side of calls."""
    return table([_cells(one) for one in rules], _COLUMNS)


def _cells(rule: Mapping[str, Any]) -> list[object]:
    fired = rule["checked"] - rule["passed"]
    checked = rule["checked"]
    return [
        rule["rule"],
        rule["stage"],
        ", ".join(rule["modes"]) or None,
        checked if rule["complete"] else f"{checked} (newest)",
        f"{fired} ({fired / checked:.1%})" if checked else None,
        _counts(rule["did"]),
        _counts(rule["would"]),
        rule["errors"] + rule["timeouts"],
        rule["skipped"],
        _rounded(rule["p50_ms"]),
        _rounded(rule["p99_ms"]),
        next(iter(rule["examples"]), None),
    ]


def _rounded(ms: float | None) -> float | None:
    """A time for people, to a microsecond.

    >>> _rounded(0.15615199999999999)
    0.156
    """
    return None if ms is None else round(ms, 3)


def _counts(counts: Mapping[str, int]) -> str | None:
    return ", ".join(f"{action} {count}" for action, count in counts.items()) or None
