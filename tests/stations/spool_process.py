"""A process that appends to a spool until it is killed, and says what it was promised.

Usage: spool_process.py DIRECTORY PREFIX. Says `+id` for an acknowledged payload and `-id` for one
that was read back, before the commit that forgets it.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from trimtab.tracing.spool import Spool


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def append_forever(spool: Spool, prefix: str, worker: int) -> None:
    for number in itertools.count():
        name = f"{prefix}.{worker}.{number}"
        await spool.append([f"{name} {'x' * (number * 37 % 3000)}".encode()])
        say(f"+{name}")


async def deliver_forever(spool: Spool) -> None:
    while True:
        for frame in itertools.islice(spool.read(), 100):
            say(f"-{frame.payload.split()[0].decode()}")
            if frame.position.frame % 7 == 0:
                spool.commit(frame.position)
        await asyncio.sleep(0)


async def main(directory: Path, prefix: str) -> None:
    spool = Spool.open(directory, segment_bytes=100_000)
    appends = [append_forever(spool, prefix, worker) for worker in range(8)]
    await asyncio.gather(deliver_forever(spool), *appends)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
