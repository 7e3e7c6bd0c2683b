"""`trimtab admin`: care of the server's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli import move
from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note

_MIB = 1 << 20


@click.group()
def command() -> None:
    """Compact the store, copy it while it is in use, or move it."""


command.add_command(move.command)


@command.command("compact")
@client_options
def compacted(as_json: bool, **flags: Any) -> None:
    """Give the space of erased records back to the disk."""
    with connected(flags) as client:
        note("compacting")
        done = client.post("/api/v1/admin/compact")
    before, after = done["before_bytes"] / _MIB, done["after_bytes"] / _MIB
    emit(done, as_json, text=lambda: f"{before:.1f} MiB before, {after:.1f} MiB after")


@command.command("backup")
@client_options
@click.argument("directory", type=click.Path(path_type=Path))
def backed_up(as_json: bool, directory: Path, **flags: Any) -> None:
    """Copy everything into DIRECTORY, a new or empty one, on the machine of the server."""
    with connected(flags) as client:
        note("copying")
        done = client.post("/api/v1/admin/backup", {"directory": str(directory.absolute())})
    emit(done, as_json, text=lambda: f"copied into {done['directory']}")
