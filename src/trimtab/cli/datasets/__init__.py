"""`trimtab datasets`: versioned examples."""

from __future__ import annotations

import click

from trimtab.cli.datasets.change import curated, deduped, removed, split
from trimtab.cli.datasets.create import created, imported
from trimtab.cli.datasets.look import (
    checked,
    diffed,
    exported,
    headed,
    lineage,
    listed,
    shown,
    versions,
)

command = click.Group(
    "datasets",
    commands=[
        *(listed, shown, headed, versions, lineage, diffed, checked, exported),
        *(created, imported, curated, split, deduped, removed),
    ],
    help="Create, look at, compare, split and export datasets.",
)
