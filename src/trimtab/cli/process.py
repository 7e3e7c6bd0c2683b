"""A process that serves: its event loop, its memory, its log."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import logging
import sys
import time
from collections.abc import Coroutine
from typing import Any

from trimtab.config import Config

# A batch of spans is some ten thousand objects without a cycle, which go when it is stored: the
# interpreter's own 700 would look through all of them again and again, an eighth of an ingest.
_COLLECTED_AFTER = (50_000, 20, 50)

# Parameters of mallopt, from glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGE_BYTES = 4 << 20


def run(serving: Coroutine[Any, Any, None]) -> None:
    """Run until the end of it, in the fastest event loop there is.

    Everything loaded by now lives as long as the process: the collector is kept off it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    _give_large_blocks_back()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serving)
    # What was frozen must be collected before the interpreter goes, or DuckDB reports a leak.
    gc.unfreeze()


def _give_large_blocks_back() -> None:
    """Have large blocks of memory go back to the system as soon as they are freed.

    Left alone, glibc takes the size of a block that was freed, up to 32 MiB, for one that is worth
    keeping, and then every thread keeps twice as much (mallopt(3), M_MMAP_THRESHOLD): a few
    requests of 20 MiB would cost a server 200 MiB for good. Other C libraries do no such thing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES)


class _JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log(config: Config) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JSONLines()
        if config.log.format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=config.log.level.upper(), handlers=[handler], force=True)
    for name in ("alembic", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:  # Windows has none.
        return None
    return uvloop.new_event_loop
