"""`trimtab guard card`: one signal, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.output import emit, json_option, table

if TYPE_CHECKING:
    from trimtab.guards.listing import SignalPage


@click.command("card")
@json_option
@click.argument("name")
def command(as_json: bool, name: str) -> None:
    """Show one signal, its settings, and the scorecard of one that was learned.

    A scorecard says what it was trained on, how it does on sources that it never saw, and how often
    it is wrong about harmless texts that look bad.
    """
    from trimtab.guards.listing import page

    found = page(name)
    emit(found, as_json, text=lambda: _explained(found))


def _explained(found: SignalPage) -> str:
    info = found.info
    look = "the whole text" if info.lookback_chars is None else f"{info.lookback_chars} characters"
    lines = [f"{info.name} (version {info.version})", "", found.description, ""]
    lines.append(f"scale: {info.scale}")
    if info.threshold is not None:
        lines.append(f"threshold: {info.threshold:g}")
    lines.append(f"of a stream it has to see: {look}")
    if info.needs:
        lines.append(f"compares with: {', '.join(info.needs)}")
    lines += [
        f"setting {one.name}" + (f" = {one.default}" if one.default else "")
        for one in info.settings
    ]
    if found.card is None:
        return "\n".join([*lines, "", "no scorecard: it was not learned, its rules are its text"])
    return "\n".join([*lines, "", *_card(found.card)])


def _card(card: Mapping[str, Any]) -> list[str]:
    lines = ["scorecard"]
    for key, value in card.items():
        if key in ("name", "version"):
            continue
        title = key.replace("_", " ")
        if _is_rows(value):
            lines += ["", f"{title}:", _rows(value)]
        elif isinstance(value, Mapping):
            lines += ["", f"{title}:", *(f"  {name}: {_plain(one)}" for name, one in value.items())]
        elif value not in (None, "", [], {}):
            lines += ["", f"{title}: {_plain(value)}"]
    return lines


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, Mapping) for x in value)


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_plain(row.get(name)) for name in columns] for row in rows]
    return table(cells, columns, right=[name for name in columns if _is_number(rows, name)])


def _is_number(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return all(isinstance(row.get(name), int | float | None) for row in rows)


def _plain(value: Any) -> object:
    if isinstance(value, Mapping | list):
        from trimtab.kit import jsonx

        return jsonx.encode(value).decode()
    return value
