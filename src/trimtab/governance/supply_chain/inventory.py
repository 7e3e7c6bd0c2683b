"""Reads what is depended on: lock files, requirements, bills of materials, this interpreter."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from trimtab.errors import ConfigError
from trimtab.governance.supply_chain.component import Component, Ecosystem, normal_name

_MOST_BYTES = 64 * 1024**2
FOUND = ("uv.lock", "poetry.lock", "requirements.txt", "constraints.txt", "package-lock.json")
"""Looked for in a folder, in this order."""


def read(path: Path) -> list[Component]:
    """The packages that a file names, sorted, each once.

    Args:
        path: `uv.lock`, `poetry.lock`, `package-lock.json`, a CycloneDX file in JSON
            (`*.cdx.json`, `bom.json`, `sbom.json`), or else a requirements file of pip.
    Raises:
        ConfigError: the file cannot be read, or is not what its name says.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "requirements.txt"
    >>> _ = file.write_text("Flask==3.0.2 --hash=sha256:ab  # web")
    >>> [(one.name, one.version, one.hashes) for one in read(file)]
    [('flask', '3.0.2', ('sha256:ab',))]
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} is over {_MOST_BYTES // 1024**2} MiB", where=str(path))
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        fix = "name a lock file, a requirements file or a CycloneDX file"
        raise ConfigError(f"{path} cannot be read: {reason}", fix=fix) from None
    try:
        found = list(_reader(path.name)(text, str(path)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{path} is not what its name says: {type(error).__name__}"
        raise ConfigError(what, fix="make it anew with the tool that wrote it") from None
    return _once(found)


def installed() -> list[Component]:
    """The distributions of this interpreter."""
    found = [
        _python(one.metadata["Name"], one.version, source="this interpreter")
        for one in metadata.distributions()
        if one.metadata["Name"]
    ]
    return _once(found)


def _once(found: list[Component]) -> list[Component]:
    return list({(one.ecosystem, one.name, one.version): one for one in sorted(found)}.values())


def _reader(name: str) -> Callable[[str, str], Iterator[Component]]:
    if name in ("uv.lock", "poetry.lock"):
        return _toml_lock
    if name in ("package-lock.json", "npm-shrinkwrap.json"):
        return _npm_lock
    return _cyclonedx if name.endswith(".json") else _requirements


def _python(name: str, version: str | None, hashes: Any = (), source: str = "") -> Component:
    return Component(
        ecosystem="PyPI",
        name=normal_name(name, "PyPI"),
        version=version,
        hashes=tuple(sorted(hashes)),
        source=source,
    )


def _toml_lock(text: str, source: str) -> Iterator[Component]:
    """The `[[package]]` tables of uv and poetry; uv's own project has no registry and is left."""
    for package in tomllib.loads(text)["package"]:
        if {"virtual", "editable", "directory"} & set(package.get("source", {})):
            continue
        files = [*package.get("wheels", []), *package.get("files", []), package.get("sdist") or {}]
        hashes = {file["hash"] for file in files if file.get("hash")}
        yield _python(package["name"], package.get("version"), hashes, source)


_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:(===?)\s*([^\s;,#]+))?")
_HASH = re.compile(r"--hash[= ](\w+:[0-9a-fA-F]+)")


def _requirements(text: str, source: str) -> Iterator[Component]:
    """Lines of pip's requirement files; options, links and nested files are left out."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = line.strip()
        if not bare or bare[0] in "#-." or "://" in bare.split(" ")[0]:
            continue
        found = _REQUIREMENT.match(bare)
        if found is None or "/" in bare.split("#")[0].split(";")[0].split(" ")[0]:
            raise ValueError(bare)
        version = found[3] if found[2] and "*" not in found[3] else None
        yield _python(found[1], version, set(_HASH.findall(bare)), source)


def _npm_lock(text: str, source: str) -> Iterator[Component]:
    lock = json.loads(text)
    packages = lock.get("packages") or {
        f"node_modules/{name}": entry for name, entry in lock["dependencies"].items()
    }
    for place, entry in packages.items():
        _, marker, name = place.rpartition("node_modules/")
        if marker and not entry.get("link"):
            hashes = (entry["integrity"].replace("-", ":", 1),) if entry.get("integrity") else ()
            yield Component(
                ecosystem="npm",
                name=normal_name(entry.get("name", name), "npm"),
                version=entry.get("version"),
                hashes=hashes,
                source=source,
            )


_PURL = re.compile(r"pkg:(pypi|npm)/([^@?#]+)(?:@([^?#]+))?")


def _cyclonedx(text: str, source: str) -> Iterator[Component]:
    document = json.loads(text)
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError("bomFormat")
    for entry in document.get("components", []):
        found = _PURL.match(entry.get("purl", ""))
        if found is None:
            continue
        hashes = {
            f"{one['alg'].replace('-', '').lower()}:{one['content']}"
            for one in entry.get("hashes", [])
        }
        name = unquote(found[2])
        ecosystem: Ecosystem = "PyPI" if found[1] == "pypi" else "npm"
        yield Component(
            ecosystem=ecosystem,
            name=normal_name(name, ecosystem),
            version=unquote(found[3] or "") or entry.get("version"),
            hashes=tuple(sorted(hashes)),
            source=source,
        )
