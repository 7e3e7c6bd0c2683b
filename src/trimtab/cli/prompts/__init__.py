"""`trimtab prompts`: versioned templates, in the registry and as files."""

from __future__ import annotations

import click

from trimtab.cli.prompts.change import archived, labelled, unlabelled
from trimtab.cli.prompts.checks import linted, previewed
from trimtab.cli.prompts.differ import differing
from trimtab.cli.prompts.files import pulled, pushed
from trimtab.cli.prompts.look import listed, shown, versions

command = click.Group(
    "prompts",
    commands=[
        *(listed, shown, versions, labelled, unlabelled, archived),
        *(linted, differing, previewed, pushed, pulled),
    ],
    help="List, label, check, compare and preview prompts; push and pull them as files.",
)
