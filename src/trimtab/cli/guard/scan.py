"""`trimtab guard scan`: what every signal says of texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from trimtab.cli.output import is_fancy, is_quiet, json_option, note, progress, show_table
from trimtab.errors import InvalidRequest

if TYPE_CHECKING:
    from trimtab.guards.rows import Row
    from trimtab.guards.scan import Scanner

_SHOWN_CHARS = 4_000  # of a text, for people
_BATCH = 32
_ENCODER = json.JSONEncoder(separators=(",", ":"))


@click.command("scan")
@json_option
@click.argument("source", metavar="[FILE|-]", type=click.File("rb"), default="-")
@click.option("--jsonl", is_flag=True, help='A JSON object a line: {"text": ..., "context": ...}.')
@click.option("--signal", "names", multiple=True, help="Only this signal; repeatable.")
@click.option(
    "--context", "contexts", multiple=True, type=click.File("rb"), help="What it should rest on."
)
@click.option("--system", type=click.File("rb"), help="The system prompt that must not leak.")
@click.option("--question", help="What the text is an answer to.")
@click.option(
    "--settings", metavar="JSON", help='Of signals: {"bans": {"terms": ["acme"]}}.', default="{}"
)
def command(
    source: IO[bytes],
    as_json: bool,
    jsonl: bool,
    names: tuple[str, ...],
    contexts: tuple[IO[bytes], ...],
    system: IO[bytes] | None,
    question: str | None,
    settings: str,
) -> None:
    """Read texts with every signal: of a file, or of standard input where none is named.

    With --jsonl a line in is a line out: the scores of all signals, and findings with their kind,
    start and end in characters. A line that is no row, an empty one too, gives an error in
    its place, and exit code 2 at the end. A row has its own context, system and question, or those
    of the options.
    """
    from trimtab.guards.rows import Row
    from trimtab.guards.scan import DEFAULT_NAMES, Scanner
    from trimtab.signals.signal import About

    scanner = Scanner(names or DEFAULT_NAMES, settings=_settings(settings))
    about = About(
        context=tuple(_text(one) for one in contexts),
        system=_text(system) if system else None,
        question=question,
    )
    if source.isatty():
        note("reading what you type; end it with Ctrl-D")
    if jsonl:
        sys.exit(2 if _rows(scanner, source, about) else 0)
    _one(scanner, Row(text=_text(source), about=about), as_json)


def _rows(scanner: Scanner, source: IO[bytes], about: Any) -> int:
    """Write a line for each row; returns how many were no rows."""
    from trimtab.guards.rows import bounded

    out, wrong = sys.stdout.buffer, 0
    size = _size(source)
    shows = size > 0 and is_fancy(sys.stderr) and not is_quiet()
    with progress("bytes scanned", size) if shows else nullcontext() as bar:
        at = 0
        for number, told in enumerate(scanner.lines(bounded(source), about), 1):
            wrong += "error" in told
            out.write(_ENCODER.encode(told).encode() + b"\n")
            if size == 0:
                out.flush()  # who writes the rows may wait for what is said of them
            elif bar is not None and number % _BATCH == 0:
                bar.advance(source.tell() - at)
                at = source.tell()
        if bar is not None:
            bar.advance(size - at)
    out.flush()
    return wrong


def _size(source: IO[bytes]) -> int:
    """Bytes of a file; 0 of what is no file."""
    import os
    import stat

    try:
        found = os.fstat(source.fileno())
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


# -- one text --------------------------------------------------------------------------------------


def _one(scanner: Scanner, row: Row, as_json: bool) -> None:
    from trimtab.guards.scan import told

    every = scanner.scan(row)
    scanned = told(every)
    if as_json:
        click.echo(_ENCODER.encode(scanned))
        return
    show_table(
        [
            [name, score, scanned["labels"].get(name) or scanned["reasons"].get(name)]
            for name, score in scanned["scores"].items()
        ],
        ["signal", "score", "says"],
    )
    found = scanned["findings"]
    if found:
        import msgspec

        from trimtab.guards.masking import masked

        shown = masked(row.text, map(msgspec.to_builtins, every.findings))
        click.echo()
        show_table(_found(found, shown), ["place", "signal", "kind", "score", "text"])
        if left_out := scanned.get("findings_left_out"):
            note(f"{left_out:,} more findings are left out")
        if is_fancy(sys.stdout):
            _draw(shown, found)


def _found(findings: Iterable[dict[str, Any]], shown: str) -> list[list[object]]:
    return [
        [
            f"{one['start']}-{one['end']}",
            one["signal"],
            one["kind"],
            one["score"],
            _clipped(shown[one["start"] : one["end"]]),
        ]
        for one in findings
    ]


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _draw(shown: str, findings: Iterable[dict[str, Any]]) -> None:
    """The beginning of the text, with what was found marked in it."""
    from rich.console import Console
    from rich.text import Text

    from trimtab.cli.failures import printable

    # Each character on its own, so that places stay what they are.
    drawn = Text("".join(char if char == "\n" else printable(char)[:1] for char in shown))
    for one in findings:
        drawn.stylize("bold red" if one["score"] >= 0.5 else "yellow", one["start"], one["end"])
    console = Console()
    console.print()
    console.print(drawn[:_SHOWN_CHARS])


def _text(source: IO[bytes]) -> str:
    from trimtab.guards.rows import MOST_BYTES

    data = source.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InvalidRequest(
            f"the text is longer than {MOST_BYTES >> 20} MiB", fix="scan it in parts"
        )
    return data.decode("utf-8", "surrogateescape")


def _settings(given: str) -> dict[str, dict[str, Any]]:
    """Settings of signals, from JSON or from a file of it."""
    try:
        value = json.loads(Path(given[1:]).read_bytes() if given.startswith("@") else given)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise InvalidRequest(
            "the settings are no JSON object of objects",
            where="--settings",
            fix="""write for example '{"bans": {"terms": ["acme"]}}'""",
        )
    return value
