"""Prompts in an application: fetched in the background, kept, and always there once they were.

A prompt that was fetched is returned at once, however old, and looked for again behind the
application's back when it is older than it should be. With the server away the last one stays. Only
the very first fetch can be waited for, and for a bounded time.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from weakref import WeakSet

from trimtab.errors import RequestError, StoreError, TrimtabError
from trimtab.sdk.prompt_links import link

log = logging.getLogger("trimtab.sdk")

_WAIT_S = 2.0
_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_STUCK_S = 30.0  # a fetch that takes longer does not keep others from trying


class Rendering(Protocol):
    """A compiled prompt."""

    def render(self, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Raises InvalidRequest."""
        ...


class Content(NamedTuple):
    """What there is to a prompt: of the registry, or of the application itself."""

    name: str
    version: int | None
    parameters: Mapping[str, Any]
    tools: list[dict[str, Any]]
    output_schema: Mapping[str, Any] | None
    labels: tuple[str, ...]
    compiled: Rendering


class AppPrompt:
    """A prompt as an application has it.

    `version` is None, and `is_fallback` true, for the one that the application brought itself.
    """

    __slots__ = ("_content", "is_fallback")

    def __init__(self, content: Content, *, is_fallback: bool) -> None:
        self._content = content
        self.is_fallback = is_fallback

    def __repr__(self) -> str:
        return f"AppPrompt({self.ref or self.name + ', fallback'})"

    @property
    def name(self) -> str:
        return self._content.name

    @property
    def version(self) -> int | None:
        return self._content.version

    @property
    def ref(self) -> str | None:
        """`name@3`; None for a fallback."""
        content = self._content
        return None if content.version is None else f"{content.name}@{content.version}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Those that pointed to the version when it was fetched."""
        return self._content.labels

    @property
    def parameters(self) -> dict[str, Any]:
        """Sampling parameters, in the shape of OpenAI's chat completions."""
        return dict(self._content.parameters)

    @property
    def tools(self) -> list[dict[str, Any]]:
        return list(self._content.tools)

    @property
    def output_schema(self) -> dict[str, Any] | None:
        schema = self._content.output_schema
        return None if schema is None else dict(schema)

    def render(self, /, **variables: Any) -> list[dict[str, Any]]:
        """The messages with their variables filled in, as chat completions take them.

        The calls of models that are recorded after it, in the same trace, say that they were asked
        with this version.

        Raises:
            InvalidRequest: variables are missing, or of the wrong type.
        """
        messages = self._content.compiled.render(variables)
        content = self._content
        link(content.name, content.version)
        return messages


# -- the cache -----------------------------------------------------------------------------------


class _Kept:
    """What is known of one prompt. Replaced values are read without a lock."""

    def __init__(self) -> None:
        self.prompt: AppPrompt | None = None
        self.fresh_until = 0.0
        self.failures = 0
        self.error: TrimtabError | None = None
        self.fetching_since: float | None = None
        self.arrived = threading.Event()
        self.given: Any = None
        self.fallback: AppPrompt | None = None


class PromptCache:
    """The prompts of one application and one server.

    Args:
        fetch: asks the server for a prompt by reference, and compiles it; raises TrimtabError.
        own: compiles what an application brought itself; raises InvalidRequest.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        fetch: Callable[[str], Content],
        own: Callable[[str, Any], Content],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._own = own
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        _CACHES.add(self)

    def get(
        self, ref: str, *, ttl_s: float = 60.0, fallback: Any = None, wait_s: float | None = None
    ) -> AppPrompt:
        """A prompt by reference, see `trimtab.prompt`."""
        kept = self._kept.get(ref)
        if kept is not None and (found := kept.prompt) is not None:
            if self._clock() >= kept.fresh_until:
                self._refresh(ref, kept, ttl_s)
            return found
        return self._first(ref, ttl_s, fallback, wait_s)

    def _first(self, ref: str, ttl_s: float, fallback: Any, wait_s: float | None) -> AppPrompt:
        """What there is before a fetch ever succeeded."""
        with self._lock:
            kept = self._kept.setdefault(ref, _Kept())
        own = None if fallback is None else self._fallback(ref, kept, fallback)
        if self._clock() >= kept.fresh_until:
            self._refresh(ref, kept, ttl_s)
        since = kept.fetching_since
        limit_s = wait_s if wait_s is not None else (0.0 if own is not None else _WAIT_S)
        if since is not None:
            # One fetch is waited for once, however many calls there are while it hangs.
            spent_s = 0.0 if wait_s is not None else self._clock() - since
            kept.arrived.wait(max(0.0, limit_s - spent_s))
        if kept.prompt is not None:
            return kept.prompt
        if own is not None:
            return own
        if (error := kept.error) is not None:
            raise type(error)(error.what, where=error.where, fix=error.fix, **error.fields)
        raise StoreError(
            f"the prompt {ref!r} did not come within {limit_s:g} s",
            where=ref,
            fix="give a `fallback`, which needs no server, or a longer `wait_s`",
        )

    def _fallback(self, ref: str, kept: _Kept, given: Any) -> AppPrompt:
        if kept.given is not given or kept.fallback is None:
            name = ref.partition("@")[0]
            kept.fallback = AppPrompt(self._own(name, given), is_fallback=True)
            kept.given = given
        return kept.fallback

    def _refresh(self, ref: str, kept: _Kept, ttl_s: float) -> None:
        """Have one thread look, unless one does."""
        now = self._clock()
        with self._lock:
            since = kept.fetching_since
            if now < kept.fresh_until or (since is not None and now - since < _STUCK_S):
                return
            kept.fetching_since = now
            kept.arrived.clear()
        try:
            thread = threading.Thread(
                target=self._look, args=(ref, kept, ttl_s, now), name="trimtab-prompt", daemon=True
            )
            thread.start()
        except RuntimeError:  # The interpreter ends, or there can be no more threads.
            kept.fetching_since = None
            kept.arrived.set()

    def _look(self, ref: str, kept: _Kept, ttl_s: float, since: float) -> None:
        try:
            content = self._fetch(ref)
        except Exception as error:
            self._failed(ref, kept, error)
        else:
            # What was asked long ago does not take the place of what was asked since.
            if kept.prompt is None or kept.fetching_since == since:
                kept.prompt = AppPrompt(content, is_fallback=False)
                kept.failures, kept.error = 0, None
                kept.fresh_until = self._clock() + ttl_s
        finally:
            if kept.fetching_since == since:
                kept.fetching_since = None
            kept.arrived.set()

    def _failed(self, ref: str, kept: _Kept, error: Exception) -> None:
        """Keep what there is, and try again later, ever less often."""
        known = isinstance(error, TrimtabError)
        said = str(error) if known else f"{type(error).__name__}: {error}"
        kept.error = error if isinstance(error, TrimtabError) else StoreError(said, where=ref)
        kept.failures += 1
        pause_s = min(_RETRY_S * 2 ** min(kept.failures - 1, 10), _LONGEST_RETRY_S)
        kept.fresh_until = self._clock() + pause_s
        if kept.failures == 1:
            level = logging.ERROR if isinstance(error, RequestError) else logging.WARNING
            log.log(level, "the prompt %s could not be fetched: %s", ref, said)

    def after_fork(self) -> None:
        """The threads of the parent are not here, and its locks may be held for ever."""
        self._lock = threading.Lock()
        for kept in self._kept.values():
            kept.fetching_since = None
            kept.arrived = threading.Event()


_CACHES: WeakSet[PromptCache] = WeakSet()


def _after_fork() -> None:
    for cache in list(_CACHES):
        cache.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
