"""`trimtab prompts diff`: two versions, or the files of a directory and the registry."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, is_fancy
from trimtab.cli.prompts.folder import lock_of, read_files, registry, require_directory
from trimtab.client import api_path
from trimtab.kit import jsonx
from trimtab.prompts.difference import Difference, differ
from trimtab.prompts.sync import Standing, standings, unstored

_PLAIN = {"-": ("[-", "-]"), "+": ("{+", "+}"), "=": ("", "")}
_DRAWN = {"-": ("\x1b[31m", "\x1b[0m"), "+": ("\x1b[32m", "\x1b[0m"), "=": ("", "")}
_AROUND = 60  # characters of what stays, beside what changed


@click.command("diff")
@client_options
@click.argument("what", metavar="[DIR]|[A B]", nargs=-1)
@click.option("--check", is_flag=True, help="Exit with 1 if something differs.")
def differing(as_json: bool, what: tuple[str, ...], check: bool, **flags: Any) -> None:
    """Show what differs: between two versions, or between files and the registry.

    `trimtab prompts diff greeting@1 greeting@3` compares versions, `trimtab prompts diff DIR` the
    files of a directory, which is `prompts` unless it is said.
    """
    if len(what) > 2:
        raise click.UsageError("name two versions, or one directory")
    if len(what) == 2:
        with connected(flags) as client:
            path = api_path("prompts", what[1], "diff")
            found = msgspec.convert(client.get(path, {"against": what[0]}), Difference)
        emit(found, as_json, text=lambda: in_text(found, drawn=is_fancy(sys.stdout)))
        click.get_current_context().exit(1 if check and not found.same else 0)
    directory = Path(what[0] if what else "prompts")
    require_directory(directory)
    files = [one.file for one in read_files(directory)]
    with connected(flags) as client:
        known = registry(client, (one.draft.name for one in files))
    rows = [_row(one) for one in standings(files, known, lock_of(directory))]
    rows = [row for row in rows if row["state"] != "same"]
    emit(rows, as_json, text=lambda: _side_by_side(rows))
    click.get_current_context().exit(1 if check and rows else 0)


def _row(one: Standing) -> dict[str, Any]:
    """How a prompt stands, and what the file would change in the registry."""
    found = None
    if one.local is not None and one.known is not None and one.state != "same":
        pair = [
            msgspec.structs.replace(
                unstored(file, {}).prompt, version=version, shots=file.draft.shots
            )
            for file, version in ((one.known.file, one.version), (one.local, 0))
        ]
        found = msgspec.structs.replace(differ(*pair), after="file")
    said = [
        f"{field}: {getattr(one.known.file, field)!r} in the registry,"
        f" {getattr(one.local, field)!r} in the file"
        for field in ("folder", "tags", "description")
        if one.local is not None
        and one.known is not None
        and getattr(one.local, field) != getattr(one.known.file, field)
    ]
    return {
        "name": one.name,
        "state": one.state,
        "version": one.version or None,
        "difference": found,
        "entry": said,
    }


def _side_by_side(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "files and registry are the same"
    parts = []
    for row in rows:
        ref = f"{row['name']}@{row['version']}" if row["version"] else row["name"]
        missing = "only in a file" if not row["version"] else "only in the registry"
        found = row["difference"]
        lines = [f"{row['state']}: {ref}" + ("" if found is not None else f" ({missing})")]
        if found is not None and not found.same:
            lines.append(in_text(found, drawn=is_fancy(sys.stdout)))
        parts.append("\n".join([*lines, *map(printable, row["entry"])]))
    return "\n\n".join(parts)


def in_text(found: Difference, *, drawn: bool) -> str:
    """The sentence, then the words of each message that changed, then the values."""
    marks = _DRAWN if drawn else _PLAIN
    lines = [f"{found.before} -> {found.after}", found.says]
    for message in found.messages:
        shown = ""
        place = message.after if message.after is not None else message.before
        lines += ["", f"message {place} ({message.role}) {message.kind}"]
        for sign, text in message.words:
            begin, end = marks[sign]
            shown += f"{begin}{printable(_shortened(text) if sign == '=' else text)}{end}"
        lines.append(shown)
    if found.changes:
        lines.append("")
    signs = {sign: marks[sign] if drawn else (f"{sign} ", "") for sign in "-+"}
    for change in found.changes:
        for (begin, end), value in zip(signs.values(), (change.before, change.after), strict=True):
            if value is not None:
                text = printable(f"{change.field}: {jsonx.encode(value).decode()}")
                lines.append(f"{begin}{text}{end}")
    return "\n".join(lines)


def _shortened(text: str) -> str:
    """What stays, without the middle of a long passage."""
    if len(text) <= 3 * _AROUND:
        return text
    return f"{text[:_AROUND]} […] {text[-_AROUND:]}"
