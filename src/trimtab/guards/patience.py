"""Patience: judges that fail or are late again and again are left alone for a while."""

from __future__ import annotations

import time

MOST_FAILURES = 3
COOLDOWN_S = 30.0


class Patience:
    """How judges did lately, by their rules' digests. After a while one call tries each again."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def lost(self, judge: str) -> str | None:
        """Why a judge is not asked now; None where it is."""
        failures = self._failures.get(judge, 0)
        if failures < MOST_FAILURES:
            return None
        if time.monotonic() >= self._until[judge]:
            self._until[judge] = time.monotonic() + COOLDOWN_S
            return None
        return f"left alone: it failed or was late {failures} times in a row"

    def told(self, judge: str, *, failed: bool) -> None:
        """What came of asking it."""
        if not failed:
            self._failures.pop(judge, None)
            return
        self._failures[judge] = self._failures.get(judge, 0) + 1
        self._until[judge] = time.monotonic() + COOLDOWN_S
