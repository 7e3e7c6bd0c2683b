"""`trimtab traces`: the recorded calls."""

from __future__ import annotations

import click

from trimtab.cli.traces.bring import imported
from trimtab.cli.traces.change import erased, repriced
from trimtab.cli.traces.files import exported
from trimtab.cli.traces.follow import followed
from trimtab.cli.traces.look import listed
from trimtab.cli.traces.show import shown

command = click.Group(
    "traces",
    commands=[listed, shown, followed, exported, imported, erased, repriced],
    help="List, show, follow, export, import and erase recorded calls.",
)
