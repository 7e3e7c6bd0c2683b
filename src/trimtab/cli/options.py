"""Options that several commands share, and the configuration they lead to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from trimtab.config import Loaded, load

F = TypeVar("F", bound=Callable[..., Any])

_OVERRIDES = ("data", "host", "port", "workers", "grpc_port", "metadata_url", "telemetry_url")

config_option = click.option(
    "--config",
    metavar="FILE",
    help="Configuration file.  [default: $TRIMTAB_CONFIG, else trimtab.yaml]",
)
data_option = click.option("--data", metavar="DIR", help="Data directory.  [default: .trimtab]")
_host = click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
_port = click.option("--port", type=int, help="Port; 0 takes any free one.  [default: 8321]")


def config_options(command: F) -> F:
    """`--config`, `--data`, `--host` and `--port`; pass them on to `load_config`."""
    for option in (_port, _host, data_option, config_option):
        command = option(command)
    return command


def load_config(flags: Mapping[str, Any], *, secrets: bool = True) -> Loaded:
    """The configuration that flags, environment and file make.

    Args:
        flags: what `config_options` gave; those that are None were not given.
        secrets: False where none of them is used, so that none needs to be there.
    Raises:
        ConfigError: it is wrong somewhere; says where.
    """
    return config_source(flags, secrets=secrets)()


def config_source(flags: Mapping[str, Any], *, secrets: bool = True) -> Callable[[], Loaded]:
    """Reads it as `load_config`, as often as it is called, wherever the process is by then."""
    named = flags.get("config") or _global_config()
    overrides = {name: flags[name] for name in _OVERRIDES if flags.get(name) is not None}
    return partial(
        load,
        Path(named) if named else None,
        env=os.environ,
        overrides=overrides,
        cwd=Path.cwd(),
        secrets=secrets,
    )


def _global_config() -> Path | None:
    """The `--config` before the command's name."""
    found = click.get_current_context().find_root().params.get("config")
    return Path(found) if found else None
