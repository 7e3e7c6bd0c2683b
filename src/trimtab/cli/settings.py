"""How commands reach the configuration: the shared options, and one function that loads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from trimtab.cli.shell import Invocation
from trimtab.config import Loaded, load

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration file.  [default: $TRIMTAB_CONFIG, else trimtab.yaml]",
)
data_option = click.option("--data", metavar="DIR", help="Data directory.  [default: .trimtab]")


def load_settings(
    path: Path | None = None, *, overrides: Mapping[str, Any] | None = None
) -> Loaded:
    """The configuration for this command line.

    Args:
        path: the value of the command's own `--config`; None takes the global one.
        overrides: values of other options by dotted key; None means not given.
    Raises:
        ConfigError: as `trimtab.config.load`.
    """
    context = click.get_current_context(silent=True)
    invocation = context.find_object(Invocation) if context else None
    if path is None and invocation is not None:
        path = invocation.config
    return load(path, env=os.environ, cwd=Path.cwd(), overrides=overrides)
