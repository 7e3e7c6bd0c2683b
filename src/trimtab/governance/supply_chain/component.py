"""A package that something depends on, and its name as its registry compares names."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Ecosystem = Literal["PyPI", "npm"]
"""A registry, as OSV's schema spells it."""


class Component(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A package at a version, with the file that says so.

    `version` is None where no one version is meant. `hashes`: `sha256:...`, of which any may match.
    """

    ecosystem: Ecosystem
    name: str
    version: str | None = None
    hashes: tuple[str, ...] = ()
    source: str = ""

    @property
    def purl(self) -> str:
        """Its package URL (purl-spec 1.0), by which tools know it."""
        kind = self.ecosystem.lower()
        name = self.name.replace("@", "%40", 1) if kind == "npm" else self.name
        return f"pkg:{kind}/{name}" + (f"@{self.version}" if self.version else "")


def normal_name(name: str, ecosystem: Ecosystem) -> str:
    """The name under which a registry has a package.

    >>> normal_name("Ruamel_YAML", "PyPI"), normal_name("@Types/Node", "npm")
    ('ruamel-yaml', '@types/node')
    """
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "PyPI" else name.lower()
