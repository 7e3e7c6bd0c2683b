"""A process that serves: its event loop, its collector of garbage, its log."""

from __future__ import annotations

import asyncio
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


def run(serving: Coroutine[Any, Any, None]) -> None:
    """Run until the end of it, in the fastest event loop there is.

    Everything loaded by now lives as long as the process: the collector is kept off it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serving)
    # What was frozen must be collected before the interpreter goes, or DuckDB reports a leak.
    gc.unfreeze()


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
