"""`trimtab config`: what the settings are, where each came from, whether they are valid; reload."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.options import config_options, load_config
from trimtab.cli.output import emit, json_option, note
from trimtab.config import Loaded, dump, json_schema, require_references, require_safe, settings


@click.group()
def command() -> None:
    """Show and check the configuration, and have a running server read it again.

    A flag beats the environment (TRIMTAB_PORT, TRIMTAB_LIMITS__BODY_BYTES), which beats the file
    (trimtab.yaml), which beats the defaults.
    """


@command.command()
@config_options
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
def show(origin: bool, as_json: bool, **flags: Any) -> None:
    """Print the settings in force, with secrets masked.

    The text is valid YAML: a starting point for a trimtab.yaml.
    """
    loaded = load_config(flags)
    values = settings(loaded.config)
    shown = {"settings": values, "origins": loaded.origins} if origin else values
    emit(shown, as_json, text=lambda: _yaml(loaded, origin=origin))


@command.command()
def schema() -> None:
    """Print the JSON Schema of trimtab.yaml, for editors.

    Save it as trimtab.schema.json and begin the file with
    `# yaml-language-server: $schema=trimtab.schema.json`.
    """
    import json

    click.echo(json.dumps(json_schema(), indent=2))


@command.command()
@config_options
@json_option
def check(as_json: bool, **flags: Any) -> None:
    """Exit 0 if `trimtab serve` would accept the configuration and its names lead somewhere.

    Exit 2 if not. A name to which the API may still give a meaning is a warning.
    """
    from trimtab.app.guarding import require_guards

    loaded = load_config(flags)
    require_safe(loaded.config)
    warnings = require_references(loaded)
    require_guards(loaded.config)
    for line in warnings:
        note(f"warning: {line}")
    path = str(loaded.path) if loaded.path else None
    emit(
        {
            "ok": True,
            "path": path,
            "literal_secrets": loaded.literal_secrets,
            "warnings": warnings,
        },
        as_json,
        text=lambda: f"ok: {path or 'no file, defaults and environment only'}",
    )


@command.command("reload")
@client_options
def reloaded(as_json: bool, **flags: Any) -> None:
    """Have the running server read its file and environment again, and answer by them.

    All of it is taken, or nothing when something in it is wrong: then exit 2 says what and where.
    What needs a restart is named, and stays as it is.
    """
    with connected(flags) as client:
        done = client.post("/api/v1/config/reload")
    for name in done["needs_restart"]:
        note(f"needs a restart: {name}")
    for line in done["warnings"]:
        note(f"warning: {line}")
    changed = ", ".join(done["changed"]) or "nothing"
    emit(done, as_json, text=lambda: f"reloaded; changed: {changed}")


def _yaml(loaded: Loaded, *, origin: bool) -> str:
    return dump(loaded.config, loaded.origins if origin else None).rstrip("\n")
