"""How a provider is spoken to, as data: paths, credential, headers, quirks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from trimtab.providers.quirks import Quirk
from trimtab.records import ModelCard

PASSTHROUGH = "passthrough"

OPENAI_PATHS: Mapping[str, str] = {
    "openai.chat": "/chat/completions",
    "openai.responses": "/responses",
    "openai.completions": "/completions",
    "openai.embeddings": "/embeddings",
    "openai.moderations": "/moderations",
}
ANTHROPIC_PATHS: Mapping[str, str] = {
    "anthropic.messages": "/messages",
    "anthropic.count_tokens": "/messages/count_tokens",
}
OPENAI_CALLER_HEADERS = frozenset({"openai-beta"})
ANTHROPIC_CALLER_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
ANTHROPIC_VERSION = "2023-06-01"

Sign = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Mapping[str, str]]]
"""Signs a request (method, URL, headers, body); returns the headers to add to it."""


class StreamDecoder(Protocol):
    """Makes server-sent events of a stream in another framing, as it arrives."""

    def feed(self, data: bytes) -> bytes:
        """The events that are whole now. Raises kit.http1.ProtocolError for what is no frame."""
        ...

    def end(self) -> bytes:
        """The last of them. Raises kit.http1.ProtocolError in the middle of a frame."""
        ...


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """One API on the wire.

    `paths`: below the base URL, by dialect; `{model}` stands for the name of the model.
    `stream_paths`: of streamed answers, where theirs is another.
    `speaks`: the dialects spoken unless an account says otherwise, the best first; `passthrough`
    among them if any path may be called, below `passthrough_root`.
    `credential`: the header that carries the key, after `scheme`; `credential_query` instead sends
    it in the query. Both empty: the calls are signed.
    `headers`: always sent; one that the caller may send (`caller_headers`) gives way to theirs,
    which gives way to the account's own.
    `query`: added to every URL.
    `decoders`: by media type of the answer; what they return is `text/event-stream`.
    """

    paths: Mapping[str, str]
    speaks: tuple[str, ...]
    stream_paths: Mapping[str, str] = {}
    passthrough_root: str = ""
    credential: str = "authorization"
    scheme: str = "Bearer "
    credential_query: str = ""
    headers: Mapping[str, str] = {}
    caller_headers: frozenset[str] = frozenset()
    query: Mapping[str, str] = {}
    stream_accept: str = "text/event-stream"
    decoders: Mapping[str, Callable[[], StreamDecoder]] = {}
    quirks: tuple[Quirk, ...] = ()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says about one provider: where it is, who pays, and what it offers.

    `name` is the part of a model id before the first slash. `base_url` is where the API begins, as
    in `https://api.example.com/v1`; None is the kind's own. `headers` are sent with every call.
    `speaks` replaces the dialects of the kind. `timeout_s` is for one call, whatever the call
    itself allows; `idle_s` is how long an answer may be silent. `region`, `project` and
    `credentials` are for clouds.
    """

    name: str
    base_url: str | None = None
    api_key: str | None = None
    cards: tuple[ModelCard, ...] = ()
    timeout_s: float = 600.0
    idle_s: float = 300.0
    api_version: str | None = None
    headers: Mapping[str, str] = {}
    speaks: tuple[str, ...] = ()
    region: str | None = None
    project: str | None = None
    credentials: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Account({self.name!r})"  # the rest may be secret
