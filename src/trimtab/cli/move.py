"""`trimtab admin move`: from the embedded telemetry store into another database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.options import config_option, data_option, load_config
from trimtab.cli.output import emit, json_option, note


@click.command("move")
@config_option
@data_option
@click.option("--to", "url", required=True, metavar="URL", help="clickhouse://user@host/database")
@json_option
def command(url: str, as_json: bool, **flags: Any) -> None:
    """Copy the telemetry of the data directory into another database, and compare the two.

    The server must not be running. A move that was stopped carries on where it was. Nothing is
    deleted; when it is done, set telemetry_url and start the server.
    """
    from trimtab.app import move_telemetry
    from trimtab.kit import datadir

    config = load_config(flags).config
    shown = _Progress()
    with datadir.acquire(Path(config.data), url=""):
        moved = move_telemetry(config, url, progress=shown)
    emit(
        moved,
        as_json,
        text=lambda: (
            f"{moved.spans + moved.open_spans} spans and {moved.scores} scores moved and compared"
        ),
    )


class _Progress:
    """A line for each tenth of the way."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int]] = set()

    def __call__(self, what: str, done: int, total: int) -> None:
        step = (what, done * 10 // max(total, 1))
        if step not in self._told:
            self._told.add(step)
            note(f"{what} {done} of {total} spans")
