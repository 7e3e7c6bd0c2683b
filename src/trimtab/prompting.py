"""`trimtab.prompt`: the cache of the SDK with the client that fetches and the engine that renders.

It is above both, as neither knows the other. The engine, and Jinja with it, is loaded by the first
prompt that there is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.client import DEFAULT_URL, Client, api_path
from trimtab.errors import InvalidRequest
from trimtab.records import Message, Prompt, PromptBundle
from trimtab.sdk.prompts import AppPrompt, Content, PromptCache
from trimtab.sdk.state import ACTIVE

if TYPE_CHECKING:
    from trimtab.prompts.template import CompiledPrompt

_FETCH_S = 10.0

_caches: dict[tuple[str | None, str | None], PromptCache] = {}


def prompt(
    name: str,
    *,
    label: str | None = None,
    fallback: str | os.PathLike[str] | list[dict[str, Any]] | Mapping[str, Any] | None = None,
    ttl_s: float = 60.0,
    wait_s: float | None = None,
    url: str | None = None,
    key: str | None = None,
) -> AppPrompt:
    """A prompt of the registry, from a cache in this process.

    Once it was fetched it is returned at once, and fetched again in the background when it is older
    than `ttl_s`; with the server away, the last one stays.

    Args:
        name: of the prompt, or a version of it, such as `greeting@3`.
        label: the version that this label points to; default the newest.
        fallback: what to use until the prompt was fetched for the first time: the text of a system
            message, messages, an object with `messages` and what else a prompt has, or the path of
            a prompt's file.
        ttl_s: how old it may be, in seconds, before it is fetched again.
        wait_s: how long to wait for the very first fetch: 2 seconds, or 0 with a fallback.
        url: a Trimtab server; default that of `instrument`, else TRIMTAB_URL, else
            http://127.0.0.1:8321.
        key: sent as a bearer token; default that of `instrument`, else TRIMTAB_KEY.
    Raises:
        NotFound: there is no such prompt, and no fallback.
        StoreError: it was never fetched, and there is no fallback.
        InvalidRequest: the fallback is no prompt.
    """
    cache = _caches.get((url, key))
    if cache is None:
        cache = _caches.setdefault((url, key), _opened(url, key))
    ref = name if label is None else f"{name}@{label}"
    return cache.get(ref, ttl_s=ttl_s, fallback=fallback, wait_s=wait_s)


def _opened(url: str | None, key: str | None) -> PromptCache:
    def fetch(ref: str) -> Content:
        # Asked for each time: a module may hold a prompt before `instrument` is called.
        where = url or ACTIVE.url or os.environ.get("TRIMTAB_URL") or DEFAULT_URL
        secret = key or ACTIVE.key or os.environ.get("TRIMTAB_KEY")
        # A connection each: one that was kept could be shared with a process that was forked.
        with Client(where, key=secret, timeout_s=_FETCH_S) as server:
            wire = server.get(api_path("prompts", ref), {"bundle": "true"})
        return _content(msgspec.convert(wire, PromptBundle))

    return PromptCache(fetch, _own)


def _content(bundle: PromptBundle) -> Content:
    from trimtab.prompts.template import CompiledPrompt

    found = bundle.prompt
    return Content(
        name=found.name,
        version=found.version or None,
        parameters=found.parameters,
        tools=list(found.tools),
        output_schema=found.output_schema,
        labels=found.labels,
        compiled=_Compiled(CompiledPrompt.of(bundle)),
    )


class _Compiled:
    """Renders to what chat completions take."""

    def __init__(self, compiled: CompiledPrompt) -> None:
        self._compiled = compiled

    def render(self, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [_on_wire(message) for message in self._compiled.render(variables)]


def _on_wire(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = msgspec.to_builtins(message)
    return {name: wire[name] for name in wire if name in ("role", "content") or wire[name]}


# -- fallbacks -----------------------------------------------------------------------------------


def _own(name: str, given: Any) -> Content:
    """A fallback, compiled."""
    if isinstance(given, os.PathLike):
        return _content(PromptBundle(prompt=_of_file(name, Path(given))))
    fields: Mapping[str, Any]
    if isinstance(given, str):
        fields = {"messages": [{"role": "system", "content": given}]}
    else:
        fields = given if isinstance(given, Mapping) else {"messages": given}
    base = {"name": name, "version": 0, "digest": "", "created_ns": 0}
    try:
        found = msgspec.convert({**fields, **base}, Prompt)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"the fallback is no prompt: {error}",
            where="fallback",
            fix='give a text, or messages like [{"role": "system", "content": "..."}]',
        ) from None
    return _content(PromptBundle(prompt=found))


def _of_file(name: str, path: Path) -> Prompt:
    from trimtab.prompts.prompt_files import read

    draft = read(path.read_text("utf-8"), str(path)).draft
    fields = {field: getattr(draft, field) for field in draft.__struct_fields__}
    return Prompt(**{**fields, "name": name}, version=0, digest="", created_ns=0)
