"""`trimtab serve` that kills itself in the middle of one piece of upkeep.

Usage: dying_serve.py OPERATION PLACE serve ARGUMENTS...

PLACE is a line that the operation comes by, as `life.py:133`, or one and a number of milliseconds
after it, as `life.py:133+5`. `trace:FILE` kills nothing: it writes down every such line, once, in
order. The thresholds of upkeep are lowered, so that it has something to do with little data.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from trimtab.cli.shell import main
from trimtab.stores.telemetry.duckdb import convert, files, life, upkeep

OPERATIONS: dict[str, tuple[Any, str]] = {
    "erase": (life, "erase"),
    "compact": (life, "compact"),
    "gather": (upkeep.Upkeep, "gather"),
    "roll up": (upkeep.Upkeep, "roll_up"),
    "convert": (convert, "convert"),
}
ROOM = Path(life.__file__).parent


def lower_thresholds() -> None:
    for module, name, value in (
        (upkeep, "_CHECK_EVERY", 4),
        (upkeep, "_SMALL_PACKS", 6),
        (upkeep, "_ROLL_SPANS", 40),
        (convert, "_PORTION", 500),
    ):
        assert hasattr(module, name)
        setattr(module, name, value)
    defaults = files.PackFiles.__init__.__kwdefaults__
    assert defaults is not None
    defaults["file_bytes"] = 128 << 10


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Tracer:
    """Sees every line of the telemetry store that its thread runs."""

    def __init__(self, place: str) -> None:
        self._place, _, delay_ms = place.partition("+")
        self._delay_s = int(delay_ms or 0) / 1000
        self._seen: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> Tracer | None:
        path = Path(frame.f_code.co_filename)
        if path.parent != ROOM:
            return None
        if event == "line":
            self._at(f"{path.name}:{frame.f_lineno}")
        return self

    def _at(self, line: str) -> None:
        self._seen[line] = None
        if line == self._place:
            if self._delay_s:
                threading.Timer(self._delay_s, die).start()
            else:
                die()

    def report(self) -> None:
        if self._place.startswith("trace:"):
            Path(self._place.removeprefix("trace:")).write_text("\n".join(self._seen))


def watched(work: Callable[..., Any], place: str) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> Any:
        tracer = Tracer(place)
        sys.settrace(tracer)
        try:
            return work(*arguments, **named)
        finally:
            sys.settrace(None)
            tracer.report()

    return run


if __name__ == "__main__":
    operation, place, *rest = sys.argv[1:]
    lower_thresholds()
    owner, name = OPERATIONS[operation]
    setattr(owner, name, watched(getattr(owner, name), place))
    sys.argv[1:] = rest
    main()
