"""A question of a probe as a request, and what whoever answered says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.kit.hashing import digest
from trimtab.records import Example, Probe, TokenLogprob, text_of

_SEED = 20_260_101
_FIXED: Mapping[str, Any] = {"temperature": 0, "seed": _SEED}


class _Token(msgspec.Struct):
    token: str = ""
    logprob: float = 0.0


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Choice(msgspec.Struct):
    logprobs: _Logprobs | None = None


class _Completion(msgspec.Struct):
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[_Choice] = []


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is the provider's own name of what answered, with its fingerprint if it has one."""

    model: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None


def fields_of(probe: Probe) -> dict[str, Any]:
    """The settings of a probe's requests; one that is null is left out."""
    given = {**_FIXED, **probe.parameters}
    return {name: value for name, value in given.items() if value is not None}


def request_of(probe: Probe, example: Example) -> dict[str, Any]:
    """One question in the shape of a chat completion, which no cache may answer."""
    messages = example.input
    if not isinstance(messages, list):
        messages = [{"role": "user", "content": text_of(example.input)}]
    fields = fields_of(probe)
    own = fields.pop("trimtab", {})
    member = {**own, "cache": False} if isinstance(own, dict) else own
    return {**fields, "model": probe.ask, "messages": messages, "trimtab": member}


def task_digest(probe: Probe) -> str:
    """What tells apart what is asked, and how; its questions have a digest of their own."""
    return digest(["probe", probe.ask, fields_of(probe)])


def told_in(body: bytes) -> Told:
    """What a completion says of whoever made it; nothing where it cannot be read."""
    try:
        found = msgspec.json.decode(body, type=_Completion)
    except (msgspec.DecodeError, RecursionError):
        return Told()
    model = " ".join(filter(None, [found.model, found.system_fingerprint])) or None
    first = found.choices[0].logprobs if found.choices else None
    if first is None or not first.content:
        return Told(model=model)
    tokens = tuple(TokenLogprob(token=one.token, logprob=one.logprob) for one in first.content)
    return Told(model=model, logprobs=tokens)
