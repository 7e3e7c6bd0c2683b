"""What it weighs to have a tool: its import in fresh interpreters, and what is installed for it."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from pathlib import Path

from systems import PROMPTFOO, QUIET, System

ROOT = Path(__file__).resolve().parents[2]
IMPORT = """
import json, resource, sys, time
began, modules = time.process_time(), len(sys.modules)
{imports}
cpu_s = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([cpu_s, peak, len(sys.modules) - modules]))
"""
SIZES = """
import json, re, sys
from importlib import metadata
from pathlib import Path
sizes, versions = {}, {}
for found in metadata.distributions():
    name = re.sub("[-_.]+", "-", found.metadata["Name"]).lower()
    files = [Path(found.locate_file(file)) for file in found.files or []]
    sizes[name] = sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")
    versions[name] = found.version
print(json.dumps([sizes, versions]))
"""


def imported(systems: list[System], *, rounds: int) -> list[list[str]]:
    """CPU seconds, resident MiB and modules of an import; the first round is not counted."""
    found: dict[str, list[list[float]]] = {system.name: [] for system in systems}
    for _ in range(rounds):
        for system in systems:
            if system.imports is not None:
                code = IMPORT.format(imports=system.imports)
                found[system.name].append(json.loads(ran(system, code).splitlines()[-1]))
    rows = []
    for system in systems:
        counted = found[system.name][1:]
        if not counted:
            rows.append(["–"] * 3)
            continue
        cpu_s, peak, modules = (statistics.median(column) for column in zip(*counted, strict=True))
        rows.append([f"{cpu_s:.2f}", f"{peak:.0f}", f"{modules:,.0f}"])
    return rows


def installed(system: System) -> list[str]:
    """The version, the number of distributions and their bytes, without bytecode.

    Those of Trimtab are what its constraints.txt pins, server included: the environment that runs
    this has the tools of its development too.
    """
    if system.name == "promptfoo":
        return node_modules(PROMPTFOO.parents[1])
    sizes, versions = json.loads(ran(system, SIZES))
    names = set(sizes) - {"pip", "setuptools"}
    if system.name == "trimtab":
        pins = (ROOT / "constraints.txt").read_text()
        pinned = re.findall(r"^([A-Za-z0-9._-]+)==", pins, re.MULTILINE)
        names &= {re.sub("[-_.]+", "-", name).lower() for name in pinned} | {"trimtab"}
        source = sum(f.stat().st_size for f in (ROOT / "src").rglob("*") if f.suffix != ".pyc")
        sizes["trimtab"] = source
    total = sum(sizes[name] for name in names) / 1e6
    note = f" (with {system.adds})" if system.adds else ""
    return [versions[system.distribution], f"{len(names)}{note}", f"{total:,.0f}"]


def node_modules(folder: Path) -> list[str]:
    version = json.loads((folder / "promptfoo" / "package.json").read_text())["version"]
    lock = json.loads((folder / ".package-lock.json").read_text())["packages"]
    found = [file.lstat() for file in folder.rglob("*")]
    total = sum({each.st_ino: each.st_size for each in found}.values()) / 1e6
    return [version, f"{len(lock):,} packages", f"{total:,.0f}"]


def ran(system: System, code: str) -> str:
    done = subprocess.run(
        [system.python, "-c", code], capture_output=True, text=True, check=True, env={**QUIET}
    )
    return done.stdout
