"""`trimtab releases`: what answers behind a route."""

from __future__ import annotations

import click

from trimtab.cli.releases.canary import tried
from trimtab.cli.releases.change import approved, created, promoted, rolled_back, withdrawn
from trimtab.cli.releases.experiment import compared
from trimtab.cli.releases.look import diffed, listed, past, shown, standing
from trimtab.cli.releases.watched import watched

command = click.Group(
    "releases",
    commands=[
        *(listed, shown, standing, past, diffed),
        *(created, approved, tried, watched, compared, promoted, withdrawn, rolled_back),
    ],
    help="List, create, approve, try, compare, promote and roll back releases.",
)
