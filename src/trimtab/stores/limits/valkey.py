"""Token buckets in a Valkey or Redis server, shared by every process that uses it.

One script per take runs on the server, by the server's clock, so takers neither race nor need
clocks that agree. A bucket nobody takes from disappears once it would be full. Nothing else is
stored, and a server that loses its memory only forgets what was taken.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urlsplit

from trimtab.errors import ConfigError, InvalidRequest, MissingExtra, StoreError
from trimtab.ports import Grant
from trimtab.stores.limits.bucket import TOLERANCE, Take

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool

_SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss"}
_FIX = "write redis://user:password@host:6379/0, or rediss:// for TLS"

_CONNECTIONS = 32
_TIMEOUT_S = 2.0

# The arithmetic of `bucket.Take.of`. Times are microseconds since 1970, which a double holds
# exactly. A clock that was set back refills nothing until it has moved on.
_SCRIPT = f"""
local cost, capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if bucket[1] then
  local elapsed = math.max(0, now - tonumber(bucket[2]))
  tokens = math.min(capacity, tonumber(bucket[1]) + elapsed * rate / 1000000)
end
local granted = tokens + {TOLERANCE!r} >= cost
local wait = 0
if granted then
  tokens = math.max(0, tokens - cost)
else
  wait = (cost - tokens) / rate
end
redis.call('HSET', KEYS[1],
  'tokens', string.format('%.17g', tokens), 'at', string.format('%.0f', now))
local until_full_ms = math.ceil((capacity - tokens) / rate * 1000)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(until_full_ms + 1000, 1e12)))
return {{granted and 1 or 0, string.format('%.17g', wait)}}
"""


class _Server(NamedTuple):
    """`url` is for the driver, and secret; `place` is for people."""

    url: str
    place: str
    secret: str | None


class ValkeyLimiter:
    """Implements `ports.Limiter`. Made by `open`; belongs to the event loop that first takes."""

    def __init__(self, pool: BlockingConnectionPool, server: _Server, prefix: str) -> None:
        from redis.asyncio import Redis

        self._server = server
        self._prefix = prefix
        self._client = Redis.from_pool(pool)
        self._script = self._client.register_script(_SCRIPT)

    @classmethod
    def open(cls, url: str, *, prefix: str = "trimtab:limit:") -> ValkeyLimiter:
        """Prepare to use a server; it is connected to by the first take.

        Args:
            url: `redis://user:password@host:6379/0`; `rediss://` for TLS; `valkey://` is the same.
            prefix: put before every key, so that the server can be shared.
        Raises:
            ConfigError: the URL cannot be used.
            MissingExtra: the driver is not installed.
        """
        server = _parse(url)
        try:
            import_module("redis.asyncio")
        except ImportError:
            raise MissingExtra.named("valkey", needed_for="redis:// limit URLs") from None
        return cls(_pool(server), server, prefix)

    async def take(self, key: str, *, cost: float, capacity: float, rate_per_s: float) -> Grant:
        """Atomically take `cost` tokens, or nothing.

        Raises:
            InvalidRequest: the take could never be granted.
            StoreError: the server does not answer. Whether tokens were taken is not known.
        """
        from redis.exceptions import RedisError

        Take(cost, capacity, rate_per_s).check()
        try:
            granted, wait_s = await self._script(
                keys=[self._prefix + key], args=[repr(cost), repr(capacity), repr(rate_per_s)]
            )
        except UnicodeEncodeError:
            raise InvalidRequest("a limit's key is not valid text", where="key") from None
        except (RedisError, OSError) as error:
            raise self._unusable(error) from None
        return Grant(ok=granted == 1, retry_after_s=float(wait_s))

    async def aclose(self) -> None:
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
