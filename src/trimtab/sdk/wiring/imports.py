"""Doing something to a module when it is imported, or now if it was."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

log = logging.getLogger("trimtab.sdk")
Hook = Callable[[ModuleType], None]


class Imports(MetaPathFinder):
    """A finder that finds nothing itself: it lets the others find, and follows what they load."""

    def __init__(self) -> None:
        self._hooks: dict[str, Hook] = {}

    def after(self, name: str, hook: Hook) -> None:
        """Call `hook` with the module of this name, once it is there; its failures are logged."""
        module = sys.modules.get(name)
        if module is not None:
            _apply(hook, module)
        else:
            self._hooks[name] = hook

    def install(self) -> None:
        if self._hooks:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        hook = self._hooks.pop(fullname, None)
        if hook is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = (
                find(fullname, path, target) if find and finder is not self else None
            )
            if spec is not None:
                _follow(spec, hook)
                return spec
        return None


def _follow(spec: ModuleSpec, hook: Hook) -> None:
    """Let the loader run the hook after the module; it stays the same loader."""
    loader: Any = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None:
        return

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        execute(module)
        _apply(hook, module)

    try:
        loader.exec_module = exec_module
    except AttributeError:
        log.warning("%s is not recorded: its loader cannot be followed", spec.name)


def _apply(hook: Hook, module: ModuleType) -> None:
    try:
        hook(module)
    except Exception as error:
        log.warning("%s is not recorded: %s: %s", module.__name__, type(error).__name__, error)
