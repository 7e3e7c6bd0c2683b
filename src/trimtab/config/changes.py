"""Changes: what another configuration would change in a running server, and what it cannot.

Names of settings come out, never their values: they may be secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from trimtab.config.schema import Config

NEEDS_RESTART = (
    *("data", "host", "port", "tls", "listener", "workers", "grpc_port"),
    *("metadata_url", "telemetry_url", "valkey_url"),
    *("limits.ingest_bytes", "limits.sharers", "limits.spool_bytes"),
    *("scoring", "retention"),
)
"""Settings, or sections of them, that are only read when the server starts."""


class Changes(NamedTuple):
    """What becomes of a running server.

    Attributes:
        config: what is in force afterwards: as it was given, but for what needs a restart.
        taken: dotted keys of the settings that changed, sorted; a list counts as one setting.
        needs_restart: those that were given another value, and keep the one they have.
    """

    config: Config
    taken: tuple[str, ...]
    needs_restart: tuple[str, ...]


def changes(now: Config, given: Config) -> Changes:
    """From one configuration to another.

    >>> changes(Config(), Config(port=1, project="p")).needs_restart
    ('port',)
    """
    differing = sorted(_differing(now, given))
    held = tuple(key for key in differing if _is_held(key))
    config = given
    for key in NEEDS_RESTART:
        config = _with(config, key.split("."), now)
    return Changes(config, tuple(key for key in differing if key not in held), held)


def _differing(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if one == other:
        return
    if isinstance(one, msgspec.Struct) and type(one) is type(other):
        for name in one.__struct_fields__:
            key = f"{path}.{name}" if path else name
            yield from _differing(getattr(one, name), getattr(other, name), key)
    else:
        yield path


def _is_held(key: str) -> bool:
    return any(key == one or key.startswith(f"{one}.") for one in NEEDS_RESTART)


def _with(config: Any, path: list[str], source: Any) -> Any:
    """A configuration with one setting of another."""
    name, *rest = path
    value = getattr(source, name)
    if rest:
        value = _with(getattr(config, name), rest, value)
    return msgspec.structs.replace(config, **{name: value})
