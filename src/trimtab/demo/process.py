"""The demo's server: `trimtab serve` as a process of its own, on an empty directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from trimtab.client import Client
from trimtab.errors import Conflict, StoreError, TrimtabError
from trimtab.kit import datadir

_START_S = 30.0
_STOP_S = 60.0
_POLL_S = 0.05


class ServerProcess:
    """A running server; leaving the context stops it and waits until it has stored everything.

    Args:
        data: its data directory, which must be empty or absent.
        port: where it listens; 0 takes any free port.
    Raises:
        Conflict: the directory is not empty, or is none.
        StoreError: the server did not come up; says why.
    """

    def __init__(self, data: Path, port: int) -> None:
        _require_empty(data)
        self._data = data.resolve()
        self._port = port
        self._log = self._data.parent / f"{self._data.name}.log"

    def __enter__(self) -> Client:
        command = [sys.executable, "-m", "trimtab", "serve", "--data", str(self._data)]
        command += ["--port", str(self._port)]
        # The demo shows the defaults, whatever is configured for other servers.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
        self._data.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            # A group of its own: Ctrl-C goes to the demo, which then stops its server in order.
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                process_group=0,
                cwd=self._data.parent,
                env=environment,
            )
        try:
            self._client = self._ready()
            return self._client
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ready(self) -> Client:
        pause = threading.Event()
        for _ in range(int(_START_S / _POLL_S)):
            if self._process.poll() is not None:
                break
            server = datadir.running_server(self._data)
            if server is not None:
                client = Client(server.url)
                try:
                    client.get("/readyz")
                    return client
                except TrimtabError:
                    pass
            pause.wait(_POLL_S)
        said = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise StoreError(
            "the demo's server did not start: " + " | ".join(said or ["it said nothing"]),
            where=str(self._log),
            fix="run `trimtab doctor`",
        )


def _require_empty(data: Path) -> None:
    try:
        entries = [*data.iterdir()] if data.exists() else []
    except OSError as error:
        raise Conflict(
            f"{data} cannot be used: {error.strerror}", where="--data", fix="name another directory"
        ) from None
    if entries:
        raise Conflict(
            f"{data} is not empty, and the demo starts from nothing",
            where="--data",
            fix="name another directory, or remove it",
        )
