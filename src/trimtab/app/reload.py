"""Reload: the configuration read again while the server runs, all of it taken or nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.config import Config, Loaded, require_references, require_safe, settings
from trimtab.config.changes import changes
from trimtab.errors import ConfigError, Conflict, TrimtabError

if TYPE_CHECKING:
    from trimtab.app.front import Front

Source = Callable[[], Loaded]
"""Reads file, environment and flags as they are now. Raises ConfigError."""

_log = logging.getLogger("trimtab.app")


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, by names of settings; their values may be secrets.

    `changed` are in use from the next request on. `needs_restart` differ from what is in force and
    stay as they are until the server is started anew. `warnings` are names that lead nowhere yet,
    and processes that were not reached yet.
    """

    path: str | None
    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that are in force, with secrets masked, and where they were written.

    `origins` names the file and line, the variable or the flag of each setting by its dotted key,
    as they are now; it lacks what is not in force, and is empty where nothing can be read, and
    `problem` says why. `changed` would be in use after a reload, `needs_restart` after a new start.
    """

    path: str | None
    settings: dict[str, Any]
    origins: dict[str, str] = {}
    changed: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()
    problem: str | None = None


class Reloading:
    """Reads the configuration again; one at a time.

    Args:
        source: None where the configuration was not read from anywhere.
        spread: hands a configuration to the other processes; who does not have it yet.
    """

    def __init__(
        self,
        front: Front,
        source: Source | None,
        *,
        spread: Callable[[Config], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._front = front
        self._source = source
        self._spread = spread
        self._turn = asyncio.Lock()

    def in_force(self) -> InForce:
        """What is in force, and how it differs from what is written now. Reads files."""
        config = self._front.config
        shown = settings(config)
        if self._source is None:
            return InForce(path=None, settings=shown)
        try:
            loaded = self._source()
        except ConfigError as error:
            return InForce(path=None, settings=shown, problem=str(error))
        found = changes(config, loaded.config)
        other = (*found.taken, *found.needs_restart)
        return InForce(
            path=_shown(loaded.path),
            settings=shown,
            origins={
                key: place for key, place in loaded.origins.items() if not _is_within(key, other)
            },
            changed=found.taken,
            needs_restart=found.needs_restart,
        )

    async def reload(self, by: str) -> Reloaded:
        """Take the configuration as it stands now; by whom, for the log.

        Raises:
            ConfigError, MissingExtra, StoreError: it cannot be used; nothing has changed.
            Conflict: there is nothing to read it from.
        """
        async with self._turn:
            try:
                done = await self._reload()
            except TrimtabError as error:
                _log.error("the configuration is not reloaded, nothing has changed: %s", error)
                raise
        _log.info(
            "configuration reloaded by %s from %s; changed: %s",
            by,
            done.path or "the environment",
            ", ".join(done.changed) or "nothing",
        )
        if done.needs_restart:
            _log.warning("needs a restart: %s", ", ".join(done.needs_restart))
        for line in done.warnings:
            _log.warning("%s", line)
        return done

    async def _reload(self) -> Reloaded:
        if self._source is None:
            raise Conflict(
                "this server was not started from a configuration that could be read again",
                fix="start it with `trimtab serve`",
            )
        loaded, warnings = await asyncio.to_thread(_read, self._source)
        found = changes(self._front.config, loaded.config)
        require_safe(found.config)
        await self._front.configure(found.config)
        late = await self._spread(found.config)
        return Reloaded(
            path=_shown(loaded.path),
            changed=found.taken,
            needs_restart=found.needs_restart,
            warnings=(*warnings, *late),
        )


def _read(source: Source) -> tuple[Loaded, list[str]]:
    loaded = source()
    return loaded, require_references(loaded)


def _is_within(key: str, settings: Iterable[str]) -> bool:
    """Whether a key is one of some settings, or a part of one."""
    return any(key == one or key.startswith((f"{one}.", f"{one}[")) for one in settings)


def _shown(path: Path | None) -> str | None:
    return None if path is None else str(path)
