"""`trimtab doctor --supply-chain`: packages, their names, and files of models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from trimtab.cli.failures import printable
from trimtab.cli.output import emit
from trimtab.errors import ConfigError
from trimtab.governance.supply_chain import advisories, inventory
from trimtab.governance.supply_chain.component import Component
from trimtab.governance.supply_chain.models import model_files, scan
from trimtab.governance.supply_chain.names import imported
from trimtab.governance.supply_chain.report import Report, examine
from trimtab.governance.supply_chain.sbom import cyclonedx

CHAIN_NAMES = ("lockfiles", "models", "code", "osv", "offline", "allow", "sbom")
"""What `supply_chain_options` adds beside --supply-chain, and `check` takes."""

EXIT_CODES = {"clean": 0, "at risk": 1, "unknown": 3}

_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.option(
        "--supply-chain", is_flag=True, help="Check packages and files of models instead."
    ),
    click.option(
        "--lockfile",
        "lockfiles",
        type=_FILE,
        multiple=True,
        help="What to check: a lock file, a requirements file or a CycloneDX file; repeatable."
        " Without it, the lock files of this folder and the packages of this interpreter.",
    ),
    click.option("--models", type=_FILE, multiple=True, help="A file of a model, or a folder."),
    click.option("--code", type=_FILE, multiple=True, help="Generated code: check its imports."),
    click.option("--osv", default=advisories.OSV_URL, help="An OSV API, or a folder or zip of it."),
    click.option("--offline", is_flag=True, help="Ask no database over the network."),
    click.option("--allow", multiple=True, metavar="NAME", help="A name that is right."),
    click.option("--sbom", type=_FILE, help="Write the packages to this file, in CycloneDX 1.5."),
)

Command = TypeVar("Command", bound=Callable[..., Any])


def supply_chain_options(command: Command) -> Command:
    """The options of `--supply-chain`, added to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check(
    *,
    lockfiles: tuple[Path, ...],
    models: tuple[Path, ...],
    code: tuple[Path, ...],
    osv: str,
    offline: bool,
    allow: tuple[str, ...],
    sbom: Path | None,
    as_json: bool,
) -> int:
    """Print what was found, and return the exit code: 0 clean, 1 at risk, 3 unknown."""
    components = _components(lockfiles, alone=not (models or code))
    if sbom is not None:
        try:
            sbom.write_text(json.dumps(cyclonedx(components), indent=2) + "\n", "utf-8")
        except OSError as error:
            what = f"{sbom} cannot be written: {error.strerror}"
            raise ConfigError(what, fix="name another file with --sbom") from None
    report = examine(
        components,
        _database(osv, offline),
        imported=[one for path in code for one in imported(path)],
        files=[scan(file) for path in models for file in model_files(path)],
        allowed=allow,
    )
    emit(report, as_json, text=lambda: _text(report))
    return EXIT_CODES[report.outcome]


def _components(lockfiles: tuple[Path, ...], *, alone: bool) -> list[Component]:
    """Those of the files named; if nothing at all is named, of this folder and interpreter."""
    if lockfiles:
        return [one for path in lockfiles for one in inventory.read(path)]
    if not alone:
        return []
    here = [Path(name) for name in inventory.FOUND if Path(name).is_file()]
    return [*inventory.installed(), *(one for path in here for one in inventory.read(path))]


def _database(osv: str, offline: bool) -> advisories.Database:
    if "://" not in osv:
        return advisories.OsvFiles(Path(osv))
    return advisories.Nowhere("no database was asked") if offline else advisories.OsvApi(osv)


def _text(report: Report) -> str:
    return "\n".join(map(printable, report.text().split("\n")))
