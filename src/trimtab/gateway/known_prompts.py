"""The prompts that requests may name, as the gateway sees them."""

from __future__ import annotations

from typing import Protocol

from trimtab.errors import NotFound
from trimtab.ports import Template


class KnownPrompts(Protocol):
    """Finds prompts by project and reference."""

    def find(self, project: str, ref: str) -> Template | None:
        """The prompt that a reference means, ready to render. Raises InvalidRequest."""
        ...

    def is_cold(self, project: str, ref: str) -> bool:
        """Whether `find` would compile it, which can take a while."""
        ...

    def lacking(self, project: str, ref: str) -> NotFound | None:
        """What to say where there is the prompt, and not the version or label of it."""
        ...


class NoPrompts:
    """There are none; implements `KnownPrompts`."""

    def find(self, project: str, ref: str) -> Template | None:
        del project, ref
        return None

    def is_cold(self, project: str, ref: str) -> bool:
        del project, ref
        return False

    def lacking(self, project: str, ref: str) -> NotFound | None:
        del project, ref
        return None
