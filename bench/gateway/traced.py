"""`trimtab` under tracemalloc: writes a snapshot into its directory whenever it gets SIGUSR1.

python bench/gateway/traced.py serve --config trimtab.yaml
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
import tracemalloc
from pathlib import Path

FILES = "*.snapshot"
DEPTH = 3  # frames of each allocation
SHOWN = 25


def main() -> None:
    asked = threading.Event()
    count = 0
    signal.signal(signal.SIGUSR1, lambda *_: asked.set())
    tracemalloc.start(DEPTH)

    def write() -> None:
        nonlocal count
        while asked.wait():
            asked.clear()
            count += 1
            gc.collect()
            partial = Path(f"{count:03}.part")
            tracemalloc.take_snapshot().dump(str(partial))
            partial.rename(partial.with_suffix(".snapshot"))

    threading.Thread(target=write, daemon=True).start()
    from trimtab.cli import main as trimtab

    sys.argv[0] = "trimtab"
    trimtab()


def grown(before: Path, after: Path) -> list[str]:
    """The places whose allocations grew most, with the frames that led there."""
    first, last = (tracemalloc.Snapshot.load(str(file)) for file in (before, after))
    lines = []
    for one in last.compare_to(first, "traceback")[:SHOWN]:
        lines.append(f"{one.size_diff / 1024:+,.0f} KiB in {one.count_diff:+,} blocks")
        lines += [f"    {frame.filename}:{frame.lineno}" for frame in one.traceback]
    return lines


if __name__ == "__main__":
    main()
