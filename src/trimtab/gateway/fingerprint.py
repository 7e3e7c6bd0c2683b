"""Fingerprints: when two requests are the same, as far as their answers go."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from trimtab.gateway.ask import Ask, Caller
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.resolution import Resolution
from trimtab.kit import hashing

# How an answer is wanted, and on whose account, is not what it says.
_APART = ("stream", "stream_options", "user", "metadata", "trimtab", "model")
_NO_MATTER = frozenset({"idempotency-key"})
_STATEFUL = ("conversation", "background")
_MOST_CHARS = 8_000  # Embedders cut longer texts off, and what differs behind the cut would match.
_TEXTS = frozenset({"text", "input_text"})

_canonical = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


class Fingerprint(NamedTuple):
    """`exact` is of the whole request; `rest` of all but `text`, the last words of the user.

    Without `text` there is nothing in which another request could be merely similar.
    """

    exact: str
    rest: str = ""
    text: str = ""


def is_repeatable(ask: Ask) -> bool:
    """Whether asking again would do nothing but give another answer."""
    fields = ask.envelope.fields
    return ask.passing is None and not any(name in fields for name in _STATEFUL)


def fingerprint(
    ask: Ask, resolution: Resolution, prepared: Prepared, *, shared: bool, apart: bool
) -> Fingerprint:
    """The fingerprint of a request as it goes to the model, its prompt and passages included.

    Args:
        shared: whether all keys and users of the project have one.
        apart: whether `rest` and `text` are wanted.
    """
    changes: dict[str, Any] = {**prepared.changes, **dict.fromkeys(_APART)}
    written = ask.envelope.body(**changes)
    whose = _whose(ask, resolution, shared=shared)
    try:
        body = msgspec.json.decode(written)
    except (msgspec.DecodeError, RecursionError):
        # Valid JSON that is beyond Python's numbers (1e400) is compared as it was written.
        return Fingerprint(hashing.sha256_hex(_canonical(whose) + written))
    exact = hashing.sha256_hex(_canonical([whose, body]))
    place = _last_words(body) if apart else None
    if place is None:
        return Fingerprint(exact)
    holder, key = place
    text, holder[key] = holder[key], None
    if not text.strip() or len(text) > _MOST_CHARS:
        return Fingerprint(exact)
    return Fingerprint(exact, hashing.sha256_hex(_canonical([whose, body])), text)


def _whose(ask: Ask, resolution: Resolution, *, shared: bool) -> list[Any]:
    """Everything beside the body that an answer depends on or belongs to."""
    caller, envelope = ask.caller, ask.envelope
    # Whoever has a key may claim to be any user, so a claim only divides what is the key's own.
    users = [] if shared else [*_owner(caller), caller.user, envelope.user]
    headers = {name: value for name, value in caller.headers.items() if name not in _NO_MATTER}
    release = resolution.deployment.release.digest if resolution.deployment is not None else None
    ref = resolution.arm.ref
    models = resolution.arm.pool.ids
    return [
        caller.project,
        users,
        resolution.route or envelope.model,
        [ref, release, models],
        ask.dialect.name,
        headers,
    ]


def _owner(caller: Caller) -> list[Any]:
    if caller.key_user is not None:
        return ["key user", caller.key_user]
    return ["principal", caller.principal] if caller.key is None else ["key", caller.key]


def _last_words(body: Any) -> tuple[Any, Any] | None:
    """Where the one text of the last message of a user stands: in what, and under which key."""
    if not isinstance(body, dict):
        return None
    key = "messages" if "messages" in body else "input"
    said = body.get(key)
    if isinstance(said, str):
        return body, key
    messages: list[Any] = said if isinstance(said, list) else []
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text_of(message)
    return None


def _text_of(message: dict[str, Any]) -> tuple[Any, Any] | None:
    content = message.get("content")
    if isinstance(content, str):
        return message, "content"
    parts = content if isinstance(content, list) else []
    texts = [part for part in parts if isinstance(part, dict) and part.get("type") in _TEXTS]
    if len(texts) == 1 and isinstance(texts[0].get("text"), str):
        return texts[0], "text"
    return None
