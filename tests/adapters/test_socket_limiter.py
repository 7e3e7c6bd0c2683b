"""What is particular to the limiter behind a socket: who may connect, and a server that is gone."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.loops import LOOPS, run_on
from tests.waiting import eventually

from trimtab.errors import ConfigError, InvalidRequest, StoreError, StoreLocked
from trimtab.ports import Quota
from trimtab.stores.limits import wire
from trimtab.stores.limits.address import socket_path
from trimtab.stores.limits.client import SocketLimiter
from trimtab.stores.limits.memory import MemoryLimiter
from trimtab.stores.limits.supervisor import LimitServer

QUOTA = Quota("k", capacity=100)


@asynccontextmanager
async def served(data: Path, limiter: MemoryLimiter | None = None) -> AsyncIterator[Path]:
    path = socket_path(data)
    server = LimitServer(path, limiter or MemoryLimiter())
    await server.start()
    try:
        yield path
    finally:
        await server.stop()


@pytest.mark.parametrize("loop", LOOPS)
def test_many_questions_at_once_are_answered_in_their_order(tmp_path: Path, loop: str) -> None:
    async def work() -> None:
        async with served(tmp_path) as path:
            limiters = [SocketLimiter(path) for _ in range(3)]
            asked = [limiters[at % 3].take(Quota(f"k{at % 10}", 1000), at) for at in range(600)]
            grants = await asyncio.gather(*asked)
            taken: dict[int, int] = {}
            for at, grant in enumerate(grants):
                if grant.ok:
                    assert grant.amount == at
                    taken[at % 10] = taken.get(at % 10, 0) + at
            assert max(taken.values()) <= 1000
            for limiter in limiters:
                await limiter.aclose()

    run_on(loop, work)


def test_only_the_user_of_the_server_can_connect(tmp_path: Path) -> None:
    async def work() -> None:
        async with served(tmp_path) as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.exists()

    run_on("asyncio", work)


def test_a_long_directory_has_its_socket_in_a_private_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)

        async def work() -> None:
            async with served(deep) as path:
                assert len(os.fsencode(path)) <= 103
                assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
                limiter = SocketLimiter(socket_path(deep))
                assert (await limiter.take(QUOTA, 1)).ok
                await limiter.aclose()

        run_on("asyncio", work)
        assert socket_path(deep) != socket_path(tmp_path / ("e" * 120))
        socket_path(deep).parent.chmod(0o755)
        with pytest.raises(ConfigError, match="not this user's alone"):
            socket_path(deep)


def test_the_socket_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()

    async def work() -> None:
        async with served(tmp_path):
            limiter = SocketLimiter(path)
            assert (await limiter.take(QUOTA, 1)).ok
            await limiter.aclose()

    run_on("asyncio", work)


def test_the_socket_of_a_process_that_lives_is_not(tmp_path: Path) -> None:
    async def work() -> None:
        async with served(tmp_path) as path:
            with pytest.raises(StoreLocked):
                await LimitServer(path, MemoryLimiter()).start()
            limiter = SocketLimiter(path)
            assert (await limiter.take(QUOTA, 1)).ok
            await limiter.aclose()

    run_on("asyncio", work)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_is_gone_is_an_error_until_it_is_back(tmp_path: Path, loop: str) -> None:
    async def work() -> None:
        memory = MemoryLimiter()
        limiter = SocketLimiter(socket_path(tmp_path))
        with pytest.raises(StoreError, match=r"limits\.sock"):
            await limiter.take(QUOTA, 1)
        await asyncio.sleep(0.25)
        async with served(tmp_path, memory):
            assert (await limiter.take(QUOTA, 1)).left == 99
        for _ in range(3):
            with pytest.raises(StoreError):
                await limiter.give_back(QUOTA, 1)
        await asyncio.sleep(0.25)
        async with served(tmp_path, memory):
            assert (await limiter.take(QUOTA, 1)).left == 98
        await limiter.aclose()

    run_on(loop, work)


def test_a_server_that_is_stuck_is_an_error_soon(tmp_path: Path) -> None:
    path = socket_path(tmp_path)

    async def work() -> None:
        with socket.socket(socket.AF_UNIX) as stuck:
            stuck.bind(str(path))
            stuck.listen()
            limiter = SocketLimiter(path, timeout_s=0.1)
            start = time.monotonic()
            done = await asyncio.gather(
                *[limiter.take(QUOTA, 1) for _ in range(5_000)], return_exceptions=True
            )
            assert all(isinstance(one, StoreError) for one in done)
            assert time.monotonic() - start < 60, "a bound against hanging, not a figure"
            assert "4096 questions wait" in str(done[-1])
            await limiter.aclose()

    run_on("asyncio", work)


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", struct.pack(">I", 3) + b"\xc1\xc1\xc1", struct.pack(">I", 1 << 30)],
)
def test_who_speaks_something_else_is_cut_off_and_disturbs_nobody(
    tmp_path: Path, sent: bytes
) -> None:
    async def work() -> None:
        async with served(tmp_path) as path:
            limiter = SocketLimiter(path)
            assert (await limiter.take(QUOTA, 1)).ok
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(sent)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            assert (await limiter.take(QUOTA, 1)).left == 98
            await limiter.aclose()

    run_on("asyncio", work)


def test_messages_may_come_in_any_pieces() -> None:
    messages = [bytes([at]) * at for at in range(60)]
    stream = b"".join(map(wire.framed, messages))
    for size in range(1, 40):
        framing = wire.Framing()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [message for piece in pieces for message in framing.feed(piece)] == messages


@pytest.mark.parametrize("key", ["\ud800", "k" * 70_000])
def test_a_key_that_cannot_be_sent_is_refused(tmp_path: Path, key: str) -> None:
    async def work() -> None:
        async with served(tmp_path) as path:
            limiter = SocketLimiter(path)
            with pytest.raises(InvalidRequest):
                await limiter.take(Quota(key, 1), 1)
            assert (await limiter.take(QUOTA, 1)).ok
            await limiter.aclose()

    run_on("asyncio", work)


def test_a_server_that_is_killed_leaves_nothing_that_hinders_the_next(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from trimtab.stores.limits.memory import MemoryLimiter\n"
        "from trimtab.stores.limits.supervisor import LimitServer\n"
        "async def main():\n"
        "    await LimitServer(Path(sys.argv[1]), MemoryLimiter()).start()\n"
        "    print('up', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    path = socket_path(tmp_path)
    command = [sys.executable, "-c", program, str(path)]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout
            assert server.stdout.readline() == b"up\n"
            server.kill()


BUDGET = Quota("daily_usd:default:key:k:2026-01-31", capacity=100)
BUCKET = Quota("tokens_per_minute:default:key:k", capacity=100, rate_per_s=1e-9)
HOLDER = """
import asyncio, sys
from pathlib import Path
from trimtab.ports import Quota
from trimtab.stores.limits.client import SocketLimiter

async def main():
    limiter = SocketLimiter(Path(sys.argv[1]))
    for key, rate in (sys.argv[2], 0.0), (sys.argv[3], 1e-9):
        quota = Quota(key, capacity=100, rate_per_s=rate)
        await limiter.take(quota, 50)
        await limiter.give_back(quota, 10, spent=15)
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def used(memory: MemoryLimiter, quota: Quota) -> float:
    return quota.capacity - memory.take_now(quota, 0).left


async def becomes(memory: MemoryLimiter, amount: float) -> None:
    await eventually(lambda: used(memory, BUDGET) == amount)


class TestWhatTheDeadHeld:
    """Of 50 that were taken 10 came back and 15 were spent: 25 were held."""

    def test_a_process_that_is_killed_holds_nothing_for_long(self, tmp_path: Path) -> None:
        async def work() -> None:
            memory = MemoryLimiter()
            server = LimitServer(socket_path(tmp_path), memory, release_s=0.1)
            await server.start()
            words = [str(socket_path(tmp_path)), BUDGET.key, BUCKET.key]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", HOLDER, *words, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            assert await process.stdout.readline() == b"held\n"
            assert used(memory, BUDGET) == 40
            process.kill()
            await process.wait()
            await becomes(memory, 15)
            assert used(memory, BUCKET) == pytest.approx(40), "what refills is left alone"
            await server.stop()

        run_on("asyncio", work)

    def test_a_connection_that_comes_again_holds_on(self, tmp_path: Path) -> None:
        async def work() -> None:
            memory = MemoryLimiter()
            server = LimitServer(socket_path(tmp_path), memory, release_s=1.5)
            await server.start()
            limiter = SocketLimiter(socket_path(tmp_path))
            await limiter.take(BUDGET, 25)
            assert limiter._asking is not None
            limiter._asking._transport.abort()
            await asyncio.sleep(0.05)
            await limiter.take(BUCKET, 1)
            await asyncio.sleep(1.7)
            assert used(memory, BUDGET) == 25
            await limiter.aclose()
            await becomes(memory, 0)
            await server.stop()

        run_on("asyncio", work)

    @pytest.mark.parametrize("restarted", [False, True], ids=["away too long", "new server"])
    def test_who_was_taken_for_dead_says_what_it_holds(
        self, tmp_path: Path, restarted: bool
    ) -> None:
        async def work() -> None:
            memory = MemoryLimiter()
            server = LimitServer(socket_path(tmp_path), memory, release_s=0.05)
            await server.start()
            limiter = SocketLimiter(socket_path(tmp_path))
            await limiter.take(BUDGET, 50)
            await limiter.give_back(BUDGET, 10, spent=15)
            if restarted:
                await server.stop()
                memory = MemoryLimiter()
                memory.take_now(BUDGET, 15)  # what the records say was spent
                server = LimitServer(socket_path(tmp_path), memory, release_s=0.05)
                await server.start()
            else:
                assert limiter._asking is not None
                limiter._asking._transport.abort()
            await becomes(memory, 15)
            with suppress(StoreError):  # of a connection that it finds closed
                await limiter.take(BUCKET, 1)
            await limiter.take(BUCKET, 1)
            await becomes(memory, 40)
            await limiter.aclose()
            await becomes(memory, 15)
            await server.stop()

        run_on("asyncio", work)
