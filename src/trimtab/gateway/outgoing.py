"""Outgoing: a request made ready for one target, in a dialect that its provider speaks."""

from __future__ import annotations

import msgspec

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.translate import translated
from trimtab.errors import InvalidRequest
from trimtab.gateway.ask import Ask
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.target import Target
from trimtab.ports import Call
from trimtab.records.route import Timeouts


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """`dialect` is the one of the answer; `lost` is what could not be said in it."""

    call: Call
    dialect: Dialect
    lost: tuple[str, ...] = ()


def outgoing(ask: Ask, prepared: Prepared, target: Target, timeouts: Timeouts) -> Outgoing:
    """The call of a target.

    Raises:
        InvalidRequest: its provider speaks neither the request's dialect nor one that it can be
            translated to.
    """
    envelope = ask.envelope
    lost: tuple[str, ...] = ()
    changes = {**prepared.changes, "model": target.model}
    speaks = target.provider.speaks(target.model)
    if ask.dialect.name in speaks:
        dialect = ask.dialect
        if envelope.stream and not envelope.wants_usage:
            changes |= dialect.asking_usage(envelope)
        body = envelope.body(**changes)
    else:
        dialect = _common(ask.dialect, target)
        changed = ask.dialect.envelope(envelope.body(**changes)) if changes else envelope
        asked = translated(changed, ask.dialect, dialect, model=target.model)
        body, lost = asked.body, asked.lost
    call = Call(
        dialect=dialect.name,
        model=target.model,
        body=body,
        stream=envelope.stream,
        timeout_s=timeouts.total_s,
        first_byte_s=timeouts.first_token_s,
        idle_s=timeouts.idle_s,
        headers=ask.caller.headers,
    )
    return Outgoing(call=call, dialect=dialect, lost=lost)


def _common(source: Dialect, target: Target) -> Dialect:
    """The dialect to translate to."""
    if source.translates:
        for name in target.provider.speaks(target.model):
            dialect = DIALECTS.get(name)
            if dialect is not None and dialect.translates:
                return dialect
    raise InvalidRequest(
        f"{target.card.id} does not take requests of the kind {source.name}",
        where="model",
        fix="ask a model whose provider does, or ask in another dialect",
        dialect=source.name,
    )
