"""Applications as processes of their own, instrumented, for tests of how they run and end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

PRELUDE = """\
import asyncio, os, signal, sys, threading
import trimtab
trimtab.instrument(service="shop")
"""


def environment(url: str, spool: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRIMTAB_", "OTEL_", "COV"))
    }
    return kept | {"TRIMTAB_URL": url, "TRIMTAB_SPOOL": str(spool), **more}


class Programs:
    """Starts programs that talk to one server and share one spool."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.spool = directory / "spool"

    def command(self, code: str, *, prelude: str = PRELUDE) -> list[str]:
        script = self.directory / "app.py"
        script.write_text(prelude + textwrap.dedent(code), "utf-8")
        return [sys.executable, "-W", "error", str(script)]

    def run(
        self, code: str, *, prelude: str = PRELUDE, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return self.execute(self.command(code, prelude=prelude), **env)

    def execute(self, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.directory,
            env=environment(self.url, self.spool, **env),
        )

    @contextlib.contextmanager
    def running(
        self, code: str, *, reads: bool = False, **env: str
    ) -> Iterator[subprocess.Popen[str]]:
        """A program that says "ready" on a line of its own; it is killed if the test leaves it.

        Args:
            reads: whether it has a standard input to read.
        """
        process = subprocess.Popen(
            self.command(code),
            stdin=subprocess.PIPE if reads else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.directory,
            env=environment(self.url, self.spool, **env),
        )
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline().strip() == "ready", process.stderr.read()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()

    def waiting(self) -> list[Path]:
        """The batches in the spool."""
        return [path for path in self.spool.rglob("*") if path.suffix in (".spans", ".scores")]
