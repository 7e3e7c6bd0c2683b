"""/api/v1/guards: the signals there are, and what they say of a text."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier
from trimtab.errors import ConfigError, InvalidRequest, NotFound
from trimtab.guards.listing import SignalInfo, SignalPage, listing, page
from trimtab.guards.rows import Row
from trimtab.guards.scan import DEFAULT_NAMES, Scanned, Scanner, told
from trimtab.signals.catalogue import NAMES
from trimtab.signals.signal import About


class ScanInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text, what it is judged against, and by which signals; all that need no settings without.

    `context` is what the text should rest on, `system` the prompt it was made under, `question`
    what it is an answer to. `settings` are of signals by their names, such as
    `{"bans": {"terms": ["acme"]}}`; those with settings are asked as well.
    """

    text: str
    context: tuple[str, ...] = ()
    system: str | None = None
    question: str | None = None
    signals: Annotated[tuple[Identifier, ...], Meta(max_length=100)] = ()
    settings: Annotated[dict[Identifier, dict[str, Any]], Meta(max_length=100)] = {}


async def signals(_: Request) -> Response:
    return reply(Page(data=list(await asyncio.to_thread(listing))))


async def signal(request: Request) -> Response:
    name = request.path["signal"]
    if name not in NAMES:
        raise NotFound(f"there is no signal {name[:200]!r}", fix=f"use one of {', '.join(NAMES)}")
    return reply(await asyncio.to_thread(page, name))


async def scan(request: Request) -> Response:
    asked = request.json(ScanInput)
    return reply(await asyncio.to_thread(_scanned, asked))


def _scanned(asked: ScanInput) -> dict[str, object]:
    try:
        scanner = Scanner(asked.signals or DEFAULT_NAMES, settings=asked.settings)
    except ConfigError as error:
        where = "settings" if asked.settings else "signals"
        raise InvalidRequest(error.what, where=where, fix=error.fix) from None
    about = About(context=asked.context, system=asked.system, question=asked.question)
    return told(scanner.scan(Row(text=asked.text, about=about)))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/guards/signals",
        permission="guards:read",
        handler=signals,
        summary="List the signals, by name",
        gives=list[SignalInfo],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/guards/signals/{signal}",
        permission="guards:read",
        handler=signal,
        summary="One signal, with its scorecard if it was learned",
        gives=SignalPage,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/guards/scan",
        permission="guards:call",
        handler=scan,
        summary="What the signals say of a text; nothing of it is stored",
        takes=ScanInput,
        gives=Scanned,
    ),
]
