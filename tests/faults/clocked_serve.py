"""`trimtab serve` whose clock can be set while it runs.

Usage: clocked_serve.py FILE serve ARGUMENTS... FILE holds the seconds by which the clock is wrong.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_time_ns = time.time_ns
FILE = Path(sys.argv[1])


def wrong_ns() -> int:
    return _time_ns() + int(float(FILE.read_text()) * 1e9)


# Before anything is imported that keeps a reference.
time.time_ns = wrong_ns
time.time = lambda: wrong_ns() / 1e9

from trimtab.cli.shell import main  # noqa: E402

if __name__ == "__main__":
    del sys.argv[1]
    main()
