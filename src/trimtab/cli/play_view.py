"""Columns of the playground on a terminal, side by side, or as text one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from trimtab.cli.columns import ms, usd
from trimtab.cli.failures import printable

Events = Iterable[tuple[str, dict[str, Any]]]
_PER_S = 12


class Side:
    """One column as far as it was told."""

    def __init__(self, column: str, title: str) -> None:
        self.column = column
        self.title = title
        self.end: str | None = None
        self._said: dict[str, list[str]] = {"reasoning": [], "text": [], "refusal": []}
        self._calls: dict[int, list[str]] = {}
        self._figures: dict[str, Any] = {}
        self._problem = ""

    def take(self, name: str, said: dict[str, Any]) -> None:
        if name == "delta":
            for kind, kept in self._said.items():
                if kind in said:
                    kept.append(said[kind])
            if call := said.get("tool_call"):
                own = self._calls.setdefault(call["index"], [])
                own += [f"{call['name']}("] if "name" in call else []
                own.append(call["arguments"])
        elif name in ("finished", "failed", "cancelled"):
            self.end, self._figures = name, said["figures"]
            self._problem = said.get("problem", {}).get("detail", "")

    @property
    def body(self) -> str:
        thought = "".join(self._said["reasoning"])
        parts = [f"[thinking] {thought}" if thought else ""]
        parts += ["".join(self._said["text"]), "".join(self._said["refusal"])]
        parts += ["".join(call) + ")" for call in self._calls.values()]
        parts.append(f"error: {self._problem}" if self._problem else "")
        return printable("\n".join(part for part in parts if part))

    @property
    def foot(self) -> str:
        """The figures in one line."""
        if self.end is None:
            return "..."
        found = self._figures
        rate, first = found["tokens_per_s"], ms(found["first_token_ms"])
        usage = found["usage"] or {}
        parts = [
            self.end,
            f"first token {first} ms" if first else "",
            f"{ms(found['latency_ms'])} ms",
            f"{usage.get('output', 0)} tokens" if usage else "",
            f"{rate:g}/s" if rate else "",
            _cost(found["cost_usd"]),
        ]
        return " · ".join(part for part in parts if part)


class Board:
    """All columns."""

    def __init__(self, sides: list[Side]) -> None:
        self._sides = sides
        self._by_id = {side.column: side for side in sides}

    def _take(self, name: str, said: dict[str, Any]) -> Side | None:
        side = self._by_id.get(said.get("column", ""))
        if side is not None:
            side.take(name, said)
        return side

    def plain(self, events: Events) -> None:
        """Each column whole, in their order, as soon as those before it have ended."""
        waiting = list(self._sides)
        for name, said in events:
            self._take(name, said)
            while waiting and waiting[0].end is not None:
                side = waiting.pop(0)
                click.echo(f"== {side.title}\n{side.body}\n-- {side.foot}\n")
                sys.stdout.flush()

    def live(self, events: Events) -> None:
        """All columns side by side, drawn again as they grow."""
        from rich.console import Console
        from rich.live import Live

        console = Console()
        with Live(console=console, refresh_per_second=_PER_S, transient=True) as view:
            for name, said in events:
                if self._take(name, said) is not None:
                    view.update(self._drawn(most_lines=max(4, console.height - 4)))
        console.print(self._drawn())

    def _drawn(self, most_lines: int | None = None) -> Any:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(expand=True)
        cells = []
        for side in self._sides:
            grid.add_column(ratio=1)
            text = side.body
            if most_lines is not None:
                text = "\n".join(text.split("\n")[-most_lines:])
            cells.append(Panel(Text(text), title=Text(side.title), subtitle=Text(side.foot)))
        grid.add_row(*cells)
        return grid


def _cost(value: str | None) -> str:
    return "unpriced" if value is None else f"${usd(value)}"
