"""`trimtab version`: what is installed, read without importing it."""

from __future__ import annotations

import platform
from importlib import metadata

import click
import msgspec

from trimtab.cli.output import emit, json_option
from trimtab.version import __version__

_LIBRARIES = ("click", "duckdb", "msgspec", "numpy", "sqlalchemy", "starlette", "uvicorn")


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """`libraries` has None for what is not installed."""

    version: str
    python: str
    platform: str
    libraries: dict[str, str | None]

    def text(self) -> str:
        lines = [f"trimtab {self.version}", f"python {self.python}", self.platform]
        lines += [f"{name} {found or 'not installed'}" for name, found in self.libraries.items()]
        return "\n".join(lines)


def versions() -> Versions:
    """The versions in use here."""
    return Versions(
        version=__version__,
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        platform=platform.platform(),
        libraries={name: installed(name) for name in _LIBRARIES},
    )


def installed(distribution: str) -> str | None:
    """The version of an installed distribution, or None; nothing is imported."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@click.command()
@json_option
def command(as_json: bool) -> None:
    """Show the version of Trimtab and of what it runs on."""
    found = versions()
    emit(found, as_json, text=found.text)
