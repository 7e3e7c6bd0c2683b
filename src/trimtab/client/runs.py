"""Runs of experiments: their results, and how far they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from trimtab.client.api import Api, api_path


class Runs(Api):
    """Runs, as they go and when they are over."""

    def results(self, run_id: str) -> Iterator[dict[str, Any]]:
        """What was answered to each example of a run, and how it was judged."""
        return self.each(api_path("runs", run_id, "results"), {"limit": 5000})

    def watch(self, run_id: str, *, poll_s: float = 0.2) -> Iterator[dict[str, Any]]:
        """The run again and again until it has ended."""
        pause = threading.Event()
        while True:
            run: dict[str, Any] = self.get(api_path("runs", run_id))
            yield run
            if run["status"] != "running":
                return
            pause.wait(poll_s)
