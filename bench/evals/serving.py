"""A Trimtab server of a run's own, whose only provider is the mock judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from footprint import cpu_s, free_port, wait_for

KEY = "bench-key-0123456789abcdefghij"


class Serving(NamedTuple):
    url: str
    key: str
    pid: int

    def cpu_s(self) -> float:
        """User and system time of the server so far."""
        return cpu_s(self.pid)


@contextmanager
def serving(folder: Path, upstream: str) -> Iterator[Serving]:
    provider = {
        "name": "judge",
        "kind": "openai_compatible",
        "base_url": f"{upstream}/v1",
        "api_key": "sk-mock",
    }
    configuration = folder / "trimtab.yaml"
    configuration.write_text(
        json.dumps({"providers": [provider], "access": {"keys": [{"name": "bench", "key": KEY}]}})
    )
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "trimtab", "serve", "--config", configuration]
    command += ["--data", folder / "data", "--port", str(port)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        wait_for(f"{url}/healthz", 120.0)
        yield Serving(url, KEY, process.pid)
    finally:
        process.terminate()
        process.wait(60)
        log.close()
