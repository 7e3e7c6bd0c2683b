"""What the processes of a server ask each other: an answer, or an error that says why not."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from tests.loops import LOOPS, run_on

from trimtab.app.link import Absent, Answering, Peer
from trimtab.errors import StoreError


async def backwards(body: bytes) -> bytes:
    return body[::-1]


async def refused(body: bytes) -> bytes:
    raise StoreError("the disk is full")


async def broken(body: bytes) -> bytes:
    raise ZeroDivisionError("a bug")


async def slow(body: bytes) -> bytes:
    await asyncio.sleep(60)
    return b""


@pytest.mark.parametrize("loop", LOOPS)
def test_questions_are_answered_or_refused_with_the_reason(tmp_path: Path, loop: str) -> None:
    path = tmp_path / "one.sock"
    answers = {"backwards": backwards, "refused": refused, "broken": broken, "slow": slow}

    async def test() -> None:
        answering, peer = Answering(path, answers), Peer(path, "the other")
        with pytest.raises(Absent, match="the other does not run"):
            await peer.ask("backwards", limit_s=30)
        await answering.start()
        assert path.stat().st_mode & 0o777 == 0o600
        large = bytes(range(256)) * 20_000
        assert await peer.ask("backwards", large, limit_s=30) == large[::-1]
        at_once = [peer.ask("backwards", b"%d!" % n, limit_s=30) for n in range(30)]
        assert [one[::-1] for one in await asyncio.gather(*at_once)] == [
            b"%d!" % n for n in range(30)
        ]
        with pytest.raises(StoreError, match="the disk is full"):
            await peer.ask("refused", limit_s=30)
        with pytest.raises(StoreError, match="a bug"):
            await peer.ask("broken", limit_s=30)
        with pytest.raises(StoreError, match="did not answer within"):
            await peer.ask("slow", limit_s=0.1)
        with pytest.raises(StoreError, match="failed"):
            await peer.ask("unknown", limit_s=30)
        await answering.stop()
        assert not path.exists()
        with pytest.raises(Absent):
            await peer.ask("backwards", limit_s=30)

    run_on(loop, test)


def test_a_process_that_hangs_up_is_not_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "one.sock"

    async def test() -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        server = await asyncio.start_unix_server(lambda _, writer: writer.close(), sock=listener)
        with pytest.raises(StoreError, match="ended before it answered"):
            await Peer(path, "the other").ask("backwards", limit_s=30)
        server.close()
        await server.wait_closed()

    run_on("asyncio", test)
