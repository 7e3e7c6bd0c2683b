"""Lookup: one request at the cache: found there, waited for, or asked and then kept for others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from trimtab.errors import ProviderTimeout
from trimtab.gateway.ask import Ask
from trimtab.gateway.cache import AnswerCache, Found, Wording
from trimtab.gateway.calling import Begun
from trimtab.gateway.fingerprint import Fingerprint, fingerprint, is_repeatable
from trimtab.gateway.flights import Flight
from trimtab.gateway.kept import Kept
from trimtab.gateway.neighbours import unit
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.stored import Stored, is_complete, replay, stored
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock
from trimtab.records.route import CacheSettings

Verdict = Literal["hit", "miss", "semantic"]

_log = logging.getLogger("trimtab.gateway")
_EMBED_S = 5.0  # An answer is worth more than knowing that it was not needed.


def lookup_of(
    cache: AnswerCache | None, ask: Ask, resolution: Resolution, clock: Clock
) -> Lookup | None:
    """The cache for a request, if its route has one and the request wants it."""
    settings = resolution.compiled.route.cache
    if cache is None or settings is None or not cache.most_bytes or not is_repeatable(ask):
        return None
    asked = [word.strip().lower() for word in ask.caller.cache_control.split(",")]
    if "no-store" in asked or ask.envelope.trimtab.get("cache") is False:
        return None
    return Lookup(cache, ask, resolution, settings, clock, reads="no-cache" not in asked)


class Lookup:
    """What the cache has to do with one request; `over` must be called when that ends.

    `verdict` is there once the answer is known to come from the cache or not.
    """

    def __init__(
        self,
        cache: AnswerCache,
        ask: Ask,
        resolution: Resolution,
        settings: CacheSettings,
        clock: Clock,
        *,
        reads: bool,
    ) -> None:
        self._cache = cache
        self._ask = ask
        self._resolution = resolution
        self._settings = settings
        self._clock = clock
        self._reads = reads
        self._key = ""
        self._epoch = cache.epoch
        self._wording: Wording | None = None
        self._flight: Flight[Found] | None = None
        self._begun: Begun | None = None
        self._left = False  # by its caller, before an answer began
        self.found: Found | None = None
        self.verdict: Verdict | None = None

    @property
    def most_bytes(self) -> int:
        """Of an answer that is worth keeping."""
        return self._cache.most_bytes

    @property
    def said(self) -> dict[str, Any]:
        """What the record of the call says of it; names without `trimtab.`."""
        if self.verdict is None:
            return {}
        said: dict[str, Any] = {"cache": self.verdict}
        if self.found is None:
            return said
        if self.found.saved_usd is not None:
            said["cache.saved_usd"] = str(self.found.saved_usd)
        if self.found.stored.usage is not None:
            said["cache.usage"] = msgspec.to_builtins(self.found.stored.usage)
        if self.found.similarity is not None:
            said["cache.similarity"] = round(self.found.similarity, 4)
        return said

    async def begin(
        self,
        ask: Ask,
        prepared: Prepared,
        run: Callable[[], Awaitable[Begun]],
        *,
        approves: Callable[[str], bool],
    ) -> Begun:
        """The answer, from memory or from `run`. Raises what that raises, and ProviderTimeout.

        Args:
            ask: the request as guards left it.
            approves: whether the answer of a model may be given.
        """
        settings = self._settings
        self._ask = ask
        prints = fingerprint(
            self._ask,
            self._resolution,
            prepared,
            shared=settings.shared,
            apart=settings.similarity is not None and self._cache.embedder is not None,
        )
        self._key = prints.exact
        try:
            found = await self._find(prints)
            if found is not None and approves(found.stored.target.id):
                self.found = found
                self.verdict = "hit" if found.similarity is None else "semantic"
                created_s = self._clock.now_ns() // NS_PER_S
                return replay(found.stored, self._ask, created_s=created_s)
            self.verdict = "miss"
            self._begun = await run()
        except asyncio.CancelledError:
            self._left = True
            raise
        return self._begun

    def forgo(self) -> None:
        """Keep nothing: the answer that came first is not the one that was given."""
        self._begun = None

    def over(self) -> None:
        """Keep the answer if others may have it, and tell those that wait for it."""
        found, complete = self.found, False
        try:
            if self._begun is not None:
                complete = is_complete(self._begun)
                kept = stored(self._begun, most_bytes=self._cache.most_bytes)
                if kept is not None:
                    found = Found(stored=kept)
                    self._put(kept)
        finally:
            flight, self._flight = self._flight, None
            if flight is not None:
                failed = found is None and not complete and not self._given_up
                self._cache.flights.land(self._key, flight, found, failed=failed, parted=complete)

    def _put(self, kept: Stored) -> None:
        """Keep an answer, unless the cache was emptied after it was asked for."""
        if self._epoch == self._cache.epoch:
            self._cache.put(
                self._key,
                kept,
                project=self._ask.caller.project,
                route=self._resolution.compiled.route.name,
                wording=self._wording,
            )

    @property
    def _given_up(self) -> bool:
        """Whether it was the caller who did not want the rest of the answer."""
        if self._begun is None:
            return self._left
        chunks = self._begun.reply.chunks
        return isinstance(chunks, Kept) and not chunks.ended

    # -- find ----------------------------------------------------------------------------------

    async def _find(self, prints: Fingerprint) -> Found | None:
        if not self._reads:
            return await self._similar(prints, reads=False)
        timeouts = self._resolution.compiled.timeouts
        stream = self._ask.envelope.stream
        limit_s = timeouts.first_token_s if stream else timeouts.total_s
        try:
            async with asyncio.timeout(limit_s):
                found, asks_alone = await self._awaited()
        except TimeoutError:
            if stream:  # The answer may be on its way all the same, and this one need not wait.
                return None
            raise ProviderTimeout(
                f"the same request of another caller was not answered in {limit_s:g} s",
                fix="retry, or raise the route's timeouts",
            ) from None
        if found is not None or asks_alone:
            return found
        return await self._similar(prints)

    async def _awaited(self) -> tuple[Found | None, bool]:
        """An answer that is there or on its way; else whether to ask for nobody else as well."""
        flights, failures = self._cache.flights, 0
        while True:
            here = self._cache.get(self._key, ttl_s=self._settings.ttl_s)
            if here is not None:
                return Found(stored=here), False
            flight = flights.of(self._key)
            if flight is None:
                self._flight = flights.begin(self._key, failures=failures)
                return None, False
            await flight.landed.wait()
            if flight.answer is not None or flight.parted:
                return flight.answer, True
            failures = flight.failures

    async def _similar(self, prints: Fingerprint, *, reads: bool = True) -> Found | None:
        floor, embedder_of = self._settings.similarity, self._cache.embedder
        if not prints.text or floor is None or embedder_of is None:
            return None
        embedder = embedder_of(self._ask.caller)
        try:
            async with asyncio.timeout(_EMBED_S):
                (values,) = await embedder.embed([prints.text])
            vector = unit(values)
        except Exception as error:
            # Whatever is wrong with it, the request can be answered without.
            self._cache.embedder_failures += 1
            _log.debug("the cache has no vector of a request: %s", type(error).__name__)
            return None
        if vector is None:
            return None
        group = f"{embedder.name} {prints.rest}"
        self._wording = Wording(group=group, text=prints.text, vector=vector)
        if not reads:
            return None
        return self._cache.similar(self._wording, ttl_s=self._settings.ttl_s, floor=floor)
