"""`trimtab serve` as a process, for tests that stop, kill or starve it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.kit import datadir


class ServeProcess:
    """A running server; `client` talks to it."""

    def __init__(self, process: subprocess.Popen[bytes], client: Client, log: Path) -> None:
        self.process = process
        self.client = client
        self.log = log

    def kill(self) -> None:
        """As the machine's power switch would, for this process."""
        self.process.kill()
        self.process.wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop in order; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(60)


@contextlib.contextmanager
def serving(
    data: Path,
    *arguments: str,
    file_bytes: int | None = None,
    program: Sequence[str] = ("-m", "trimtab"),
) -> Iterator[ServeProcess]:
    """Start a server and wait until it is ready; it is killed if the test leaves it running.

    Args:
        program: what Python is to run in the place of `trimtab`.
        file_bytes: no file of the server can grow beyond this, which is how a full disk looks.
    """
    log = data.parent / "serve.log"
    command = [sys.executable, *program, "serve", "--data", str(data), "--port", "0"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
    if file_bytes is not None:
        # The shell's unit is a kilobyte; the limit is inherited by what it becomes.
        command = ["bash", "-c", f'ulimit -f {file_bytes // 1024}; exec "$@"', "-", *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=output,
            stderr=output,
            cwd=data.parent,
            env=environment,
        )
    client = _ready(process, data, log)
    try:
        yield ServeProcess(process, client, log)
    finally:
        client.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def _ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> Client:
    pause = threading.Event()
    for _ in range(1_200):
        assert process.poll() is None, log.read_text()
        server = datadir.running_server(data)
        if server is not None and server.pid == process.pid:
            client = Client(server.url)
            with contextlib.suppress(TrimtabError):
                client.get("/healthz")
                return client
        pause.wait(0.05)
    raise AssertionError("the server did not start: " + log.read_text())
