"""A process whose files may not grow past a limit, to see what a spool does on a full disk.

Usage: spool_full_disk.py DIRECTORY. Says as JSON which ids were kept, and why others were not.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from trimtab.errors import NotDurable
from trimtab.tracing.spool import Spool


def allow(size_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))


async def main(directory: Path) -> None:
    spool = Spool.open(directory)
    kept: list[str] = []
    refused: dict[str, str] = {}

    async def append(name: str, size: int) -> None:
        try:
            await spool.append([name.encode() + b" " + b"x" * size])
            kept.append(name)
        except NotDurable as error:
            refused[name] = str(error)

    allow(10_000)
    for number in range(20):
        await append(f"large-{number}", 6_000)
    await asyncio.gather(*(append(f"group-{number}", 2_000) for number in range(20)))
    allow(10)
    await append("nothing-fits", 1)
    allow(resource.RLIM_INFINITY)
    await append("after", 6_000)
    spool.close()
    sys.stdout.write(json.dumps({"kept": kept, "refused": refused}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
