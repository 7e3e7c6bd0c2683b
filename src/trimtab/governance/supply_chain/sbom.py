"""A bill of materials in CycloneDX 1.5, the same bytes for the same packages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trimtab.governance.supply_chain.component import Component
from trimtab.version import __version__

_ALGORITHMS = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_HEX_CHARS = {"sha256": 64, "sha384": 96, "sha512": 128}


def cyclonedx(components: Iterable[Component]) -> dict[str, Any]:
    """The packages as a CycloneDX 1.5 document, without a time or a serial number of its own.

    Hashes are left out where a package has several, as CycloneDX means those of one file.

    >>> one = Component(ecosystem="PyPI", name="flask", version="3.0.2")
    >>> cyclonedx([one])["components"][0]["purl"]
    'pkg:pypi/flask@3.0.2'
    """
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": "trimtab", "version": __version__}]
            }
        },
        "components": [_entry(one) for one in sorted(components)],
    }


def _entry(one: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "library",
        "bom-ref": one.purl,
        "name": one.name,
        "purl": one.purl,
    }
    if one.version:
        entry["version"] = one.version
    hashes = [
        {"alg": _ALGORITHMS[kind], "content": value}
        for kind, _, value in (text.partition(":") for text in one.hashes)
        if len(value) == _HEX_CHARS.get(kind)
    ]
    if len(hashes) == 1:
        entry["hashes"] = hashes
    return entry
