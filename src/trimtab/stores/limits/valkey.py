"""Quotas in a Valkey or Redis server, shared by every process that uses it.

One script per take runs on the server, by the server's clock, so takers neither race nor need
clocks that agree. A bucket nobody takes from disappears once it would be full, a budget when it was
not used for as long as it says. Beside them the server keeps what each process holds of budgets and
places: whoever does not say for a while that it lives is gone, and what it held is put back by any
other. A server that loses its memory only forgets what was taken, and is told what is held.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

from trimtab.errors import ConfigError, InvalidRequest, MissingExtra, StoreError
from trimtab.kit.meter import TOLERANCE
from trimtab.ports import Grant, Quota
from trimtab.stores.limits import bucket
from trimtab.stores.limits.holdings import Holdings

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool

_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss"}
_FIX = "write redis://user:password@host:6379/0, or rediss:// for TLS"

_BEAT_S = 5.0
_RELEASE_S = 20.0
_CONNECTIONS = 32
_TIMEOUT_S = 2.0

# The arithmetic of `kit.meter` and `bucket.granted`. Times are microseconds since 1970, which a
# double holds exactly. A clock that was set back leaks nothing until it has caught up.
_METER = """
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local kept = redis.call('HMGET', KEYS[1], 'used', 'at')
local used = tonumber(ARGV[4])
if kept[1] then
  used = tonumber(kept[1])
  local before = tonumber(kept[2])
  used = math.max(0, used - math.max(0, now - before) * rate / 1000000)
  now = math.max(now, before)
  if rate == 0 then used = math.max(used, tonumber(ARGV[4])) end
end
local function keep()
  redis.call('HSET', KEYS[1],
    'used', string.format('%.17g', used), 'at', string.format('%.0f', now))
  local ms = tonumber(ARGV[3]) * 1000
  if rate > 0 then ms = math.min(ms, math.ceil(used / rate * 1000) + 1000) end
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(math.ceil(ms), 1e12)))
end
local function holds(more)
  if rate > 0 or more == 0 then return end
  local held = redis.call('HINCRBYFLOAT', KEYS[2], KEYS[1], string.format('%.17g', more))
  if math.abs(tonumber(held)) < 1e-9 then redis.call('HDEL', KEYS[2], KEYS[1]) end
end
"""
_TAKE = f"""{_METER}
local wanted, least = tonumber(ARGV[5]), tonumber(ARGV[6])
local left = capacity - used
local took, wait = 0, '0'
local granted = least <= 0 or left + {TOLERANCE!r} >= least
if granted then
  took = wanted
  if left + {TOLERANCE!r} < wanted then took = math.max(least, left) end
  if took > 0 then used = math.min(used + took, math.max(capacity, used)) end
  holds(took)
elseif rate > 0 then
  wait = string.format('%.17g', (least - left) / rate)
else
  wait = 'inf'
end
keep()
return {{granted and 1 or 0, wait,
  string.format('%.17g', took), string.format('%.17g', capacity - used)}}
"""
_GIVE_BACK = f"""{_METER}
used = math.max(0, used - tonumber(ARGV[5]))
keep()
holds(-tonumber(ARGV[5]) - tonumber(ARGV[6]))
return 1
"""
# A holder that lives says so; what one held that has not for a while is put back. Answers whether
# the holder was known before.
_BEAT = """
local now = tonumber(redis.call('TIME')[1])
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))) do
  local held = redis.call('HGETALL', ARGV[3] .. name)
  for at = 1, #held, 2 do
    local used, amount = redis.call('HGET', held[at], 'used'), tonumber(held[at + 1])
    if used and amount > 0 then
      local left = math.max(0, tonumber(used) - amount)
      redis.call('HSET', held[at], 'used', string.format('%.17g', left))
    end
  end
  redis.call('DEL', ARGV[3] .. name)
  redis.call('ZREM', KEYS[1], name)
end
return known and 1 or 0
"""


class _Server(NamedTuple):
    """`url` is for the driver, and secret; `place` is for people."""

    url: str
    place: str
    secret: str | None


class ValkeyLimiter:
    """Implements `ports.Limiter`. Made by `open`; belongs to the event loop that first takes."""

    def __init__(
        self,
        pool: BlockingConnectionPool,
        server: _Server,
        prefix: str,
        *,
        beat_s: float = _BEAT_S,
        release_s: float = _RELEASE_S,
    ) -> None:
        from redis.asyncio import Redis

        self._server = server
        self._prefix = prefix
        self._beat_s = beat_s
        self._release_s = release_s
        self._name = uuid4().hex
        self._own = f"{prefix}holder:{self._name}"
        self._holdings = Holdings()
        self._beating: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._client = Redis.from_pool(pool)
        self._take = self._client.register_script(_TAKE)
        self._give_back = self._client.register_script(_GIVE_BACK)
        self._beat = self._client.register_script(_BEAT)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        prefix: str = "trimtab:limit:",
        beat_s: float = _BEAT_S,
        release_s: float = _RELEASE_S,
    ) -> ValkeyLimiter:
        """Prepare to use a server; it is connected to by the first take.

        Args:
            url: `redis://user:password@host:6379/0`; `rediss://` for TLS; `valkey://` is the same.
            prefix: put before every key, so that the server can be shared.
            beat_s: how often this process says that it lives, once it holds something.
            release_s: how long after its last word a process is taken to be gone.
        Raises:
            ConfigError: the URL cannot be used.
            MissingExtra: the driver is not installed.
        """
        server = _parse(url)
        try:
            import_module("redis.asyncio")
        except ImportError:
            raise MissingExtra.named("valkey", needed_for="redis:// limit URLs") from None
        return cls(_pool(server), server, prefix, beat_s=beat_s, release_s=release_s)

    async def take(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        """Atomically take `wanted`, or what there is if that is `at_least` so much, or nothing.

        Raises:
            InvalidRequest: the take could never be granted.
            StoreError: the server does not answer. Whether anything was taken is not known.
        """
        least = bucket.need(quota, wanted, at_least)
        ok, wait_s, amount, left = await self._run(self._take, quota, wanted, least)
        self._hold(quota, float(amount))
        return Grant(
            ok=ok == 1, retry_after_s=float(wait_s), amount=float(amount), left=float(left)
        )

    async def give_back(self, quota: Quota, amount: float, *, spent: float = 0.0) -> None:
        """Return what was not used; negative: add what was used beyond.

        Raises:
            StoreError: the server does not answer. Whether it was returned is not known.
        """
        await self._run(self._give_back, quota, bucket.amount(quota, amount), spent)
        self._hold(quota, -amount - spent)

    async def _run(self, script: Any, quota: Quota, *amounts: float) -> Any:
        from redis.exceptions import RedisError

        shape = (quota.capacity, quota.rate_per_s, quota.keep_s, quota.taken, *amounts)
        try:
            keys = [self._prefix + quota.key, self._own]
            return await script(keys=keys, args=[*map(repr, shape)])
        except UnicodeEncodeError:
            raise InvalidRequest("a limit's key is not valid text", where="key") from None
        except (RedisError, OSError) as error:
            raise self._unusable(error) from None

    def _hold(self, quota: Quota, more: float) -> None:
        self._holdings.add(quota, more, time.monotonic())
        if self._beating is None and not quota.rate_per_s:
            self._beating = asyncio.create_task(self._beats(), name="trimtab-limits-beat")

    async def _beats(self) -> None:
        """Say that this process lives, as long as it does."""
        met = False
        while not self._closing.is_set():
            with suppress(StoreError):
                known = await self._said()
                if met and not known:
                    await self._claim()
                met = True
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat_s):
                    await self._closing.wait()

    async def _said(self) -> bool:
        from redis.exceptions import RedisError

        keys = [f"{self._prefix}holders", self._own]
        args = [self._name, repr(self._release_s), f"{self._prefix}holder:"]
        try:
            return bool(await self._beat(keys=keys, args=args))
        except (RedisError, OSError) as error:
            raise self._unusable(error) from None

    async def _claim(self) -> None:
        """Hold again what was put back, or forgotten, while this process was thought gone."""
        for quota, amount in self._holdings:
            held = await self._client.hget(self._own, self._prefix + quota.key)
            missing = amount - float(held or 0)
            if missing:
                await self._run(self._give_back, quota, -missing, 0.0)

    async def aclose(self) -> None:
        """What is held still is put back by whoever goes on, after a while."""
        if self._beating is not None:
            # Not cancelled: the driver may be in the middle of an answer.
            self._closing.set()
            await self._beating
        await self._client.aclose()
        await self._client.connection_pool.aclose()

    def __repr__(self) -> str:
        return f"ValkeyLimiter({self._server.place})"

    def _unusable(self, error: Exception) -> StoreError:
        said = str(error)
        if self._server.secret:
            said = said.replace(self._server.secret, "***")
        return StoreError(
            f"the server of the limits cannot be used: {said}",
            where=self._server.place,
            fix="check that it runs, its address and its password",
        )


def _pool(server: _Server) -> BlockingConnectionPool:
    """Connections for many takers at once; takers beyond them wait."""
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Disconnected

    try:
        pool = BlockingConnectionPool.from_url(
            server.url,
            max_connections=_CONNECTIONS,
            timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            # Once, for a connection the server has closed meanwhile. If it is the answer that was
            # lost, tokens are taken twice, which is the safe side.
            retry=Retry(NoBackoff(), 1, supported_errors=(Disconnected,)),
        )
        # Only an object yet, not a connection; it refuses options it does not know.
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        raise ConfigError("the limits URL has an unknown option", fix=_FIX) from None
    return pool


def _parse(url: str) -> _Server:
    """Read the URL; no part that could belong to a password is repeated."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError:
        raise ConfigError("the limits URL cannot be read", fix=_FIX) from None
    if parts.scheme not in _SCHEMES:
        raise ConfigError("the limits URL is of an unknown kind", fix=_FIX)
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ConfigError(
            "the limits URL has an @ after the host",
            fix="percent-encode the special characters of the user name and password",
        )
    if not parts.hostname or not _names_a_database(parts):
        raise ConfigError("the limits URL needs a host, and a number after it", fix=_FIX)
    return _Server(
        parts._replace(scheme=_SCHEMES[parts.scheme]).geturl(),
        f"{parts.scheme}://{parts.hostname}:{port}{parts.path}",
        parts.password,
    )


def _names_a_database(parts: SplitResult) -> bool:
    database = parts.path.strip("/")
    return not database or database.isdigit()
