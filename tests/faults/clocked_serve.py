"""`trimtab serve` whose clock can be set while it runs.

Usage: clocked_serve.py FILE serve ARGUMENTS... FILE holds the seconds by which the clock is wrong.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path


def wrong(offset: Path, right_ns: Callable[[], int] = time.time_ns) -> Callable[[], int]:
    """A clock in nanoseconds that is off by the seconds in a file."""
    return lambda: right_ns() + int(float(offset.read_text()) * 1e9)


if __name__ == "__main__":
    now_ns = wrong(Path(sys.argv.pop(1)))
    time.time_ns = now_ns
    time.time = lambda: now_ns() / 1e9
    # Only now: modules keep references to the clock they find.
    from trimtab.cli.shell import main

    main()
