"""The gateway answers everyone it knows while the databases behind it are away."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from tests.faults.relay import relayed
from tests.gateway.answers import CHAT, MESSAGES
from tests.gateway.gateway import Room, question, room
from tests.upstream import Upstream

ASKED = [
    (CHAT, "oa/plain", False),
    (CHAT, "an/thinking", True),
    (MESSAGES, "an/thinking", True),
    (MESSAGES, "oa/plain", False),
]
REQUESTS = 120


def statuses(here: Room, secret: str, meanwhile: Callable[[], None]) -> Counter[int]:
    """What many requests are answered, with something happening in the middle of them."""
    half = threading.Semaphore(0)

    def one(place: int) -> int:
        dialect, model, stream = ASKED[place % len(ASKED)]
        reply = here.ask(dialect, question(model, dialect, stream=stream), secret)
        half.release()
        return reply.status

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(one, place) for place in range(REQUESTS)]
        for _ in range(REQUESTS // 3):
            half.acquire()
        meanwhile()
        return Counter(each.result() for each in asked)


def known(here: Room) -> tuple[str, str]:
    """A key with limits of every kind, so that all of the admission is in use."""
    key, secret = here.issue("known", user="ada", team="shop")
    allowance = {"kind": "key", "name": key, "daily_usd": "100", "monthly_usd": "1000"}
    allowance |= {"requests_per_minute": 100_000, "tokens_per_minute": 10**9, "concurrency": 50}
    here.manage("PUT", "/allowances", allowance)
    return key, secret


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """A SQLite file that somebody else writes to and does not let go of."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")


def test_a_locked_metadata_file_fails_no_request(own: Room) -> None:
    key, secret = known(own)
    path = Path(own.server.app.config.data) / "metadata.db"
    with contextlib.ExitStack() as stack:
        found = statuses(own, secret, lambda: stack.enter_context(locked(path)))
    assert found == {200: REQUESTS}
    assert own.used(key) > 0


def test_a_metadata_file_that_is_gone_fails_no_request(own: Room) -> None:
    _, secret = known(own)
    folder = Path(own.server.app.config.data)

    def remove() -> None:
        for path in folder.glob("metadata.db*"):
            path.unlink()

    assert statuses(own, secret, remove) == {200: REQUESTS}


@pytest.mark.postgres
@pytest.mark.slow
def test_metadata_in_a_server_that_is_away_fail_no_request(
    far: Upstream, tmp_path: Path, postgres_database: str
) -> None:
    with (
        relayed(postgres_database) as (relay, url),
        room(tmp_path / "data", far, overrides={"metadata_url": url}) as here,
    ):
        key, secret = known(here)
        assert statuses(here, secret, relay.cut) == {200: REQUESTS}
        assert here.ask(CHAT, question("oa/plain"), "sk-unknown").status == 401
        relay.mend()
        price = Decimal("0.0064")  # 1,200 tokens in and 340 out
        assert here.used(key) > REQUESTS // 2 * price


@pytest.mark.redis
def test_limits_in_a_server_that_is_away_fail_no_request(
    far: Upstream, tmp_path: Path, redis_url: str
) -> None:
    with (
        relayed(redis_url) as (relay, url),
        room(tmp_path / "data", far, overrides={"valkey_url": url}) as here,
    ):
        _, secret = known(here)
        assert statuses(here, secret, relay.cut) == {200: REQUESTS}
        relay.mend()
        assert statuses(here, secret, lambda: None) == {200: REQUESTS}


@pytest.mark.redis
def test_a_limit_holds_while_its_server_is_away(
    far: Upstream, tmp_path: Path, redis_url: str
) -> None:
    with (
        relayed(redis_url) as (relay, url),
        room(tmp_path / "data", far, overrides={"valkey_url": url}) as here,
    ):
        key, secret = here.issue("few")
        allowance = {"kind": "key", "name": key, "requests_per_minute": 40}
        here.manage("PUT", "/allowances", allowance)
        found = statuses(here, secret, relay.cut)
    assert set(found) == {200, 429}
    # What was leased is not asked for again, and alone the process has the limit once more.
    assert 40 <= found[200] <= 81
