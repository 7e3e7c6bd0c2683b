"""A gateway with everything behind it, wired as the application wires it, but without HTTP.

Real stores in a directory, the embedded model over two documents, and whatever other providers a
test brings. `Script` is a provider as a third party might write it: it does what a test says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from tests.tables import telemetry_in

from trimtab.gateway.admission import Admission
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.asker import Askers
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.gateway import Gateway, Limits
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.journal import Journal
from trimtab.gateway.quotas import LocalQuotas, Quotas
from trimtab.gateway.snapshot import Deployment, Snapshot
from trimtab.kit import sse
from trimtab.kit.clock import SystemClock
from trimtab.ports import Call, Provider, Recorder, Reply, SpanQuery
from trimtab.prompts.template import CompiledPrompt
from trimtab.providers.extract import ExtractProvider
from trimtab.records import Message, ModelCard, ModelTarget, Prompt, Release, Retrieval, Route, Span
from trimtab.records.route import Retries, RouteDefaults, Timeouts
from trimtab.retrievers import build_bm25
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.tracing.delivery import Delivery
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool

DOCUMENTS = [
    ("widgets/ports.md", "# Ports\n\nThe widget server listens on port 7711 by default.\n"),
    ("widgets/colours.md", "# Colours\n\nA widget is painted green before it is shipped.\n"),
]
RETRIEVAL = Retrieval(corpus="widgets", k=2)
QUESTION = "Which port does the widget server listen on?"
CALLER = Caller(principal="tester", project="default")
PROMPT = (Message(role="system", content="Answer from these.\n{{ passages }}"),)
ONCE = RouteDefaults(
    retries=Retries(attempts=0),
    timeouts=Timeouts(first_token_s=20, idle_s=20, total_s=20),
)
"""How a model is asked in most tests: one attempt, and what comes of it is final."""

T = TypeVar("T")


def embedded() -> ExtractProvider:
    """The embedded model over the documents of the tests."""
    return ExtractProvider(default=index(), clock=SystemClock())


def index() -> Any:
    return build_bm25(RETRIEVAL, DOCUMENTS)


def chat(*, model: str = "trimtab/extract", **fields: Any) -> bytes:
    messages = fields.pop("messages", [{"role": "user", "content": QUESTION}])
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


def deployment(provider: Provider, model: str, **changes: Any) -> Deployment:
    """A live release of the route `widgets`, ready to answer; `messages` are its prompt."""
    messages = changes.pop("messages", PROMPT)
    retrieval = changes.get("retrieval")
    card = next(
        (card for card in provider.cards() if card.id == f"{provider.name}/{model}"),
        ModelCard(id=f"{provider.name}/{model}", provider=provider.name),
    )
    release = Release(
        **{
            "release_id": "r1",
            "route": "widgets",
            "version": 1,
            "targets": (ModelTarget(model=card.id),),
            "state": "live",
            "digest": "",
            "created_ns": 1,
            **changes,
        }
    )
    prompt = Prompt(name="p", version=1, messages=messages, digest="", created_ns=1)
    target = Snapshot({provider.name: provider}).target(card.id)
    assert target is not None
    return Deployment(
        release=release,
        parameters=release.parameters,
        template=CompiledPrompt(prompt) if messages else None,
        retriever=index() if retrieval else None,
        targets=(target,),
    )


class Wired:
    """The gateway, and what a test looks at."""

    def __init__(
        self, gateway: Gateway, journal: Journal, recorder: SpanRecorder, telemetry: DuckDBTelemetry
    ) -> None:
        self.gateway = gateway
        self.journal = journal
        self.recorder = recorder
        self.telemetry = telemetry

    async def start(self, body: bytes, caller: Caller = CALLER) -> Answer:
        return await self.gateway.chat(body, caller)

    async def ask(self, body: bytes, caller: Caller = CALLER) -> tuple[Answer, bytes]:
        """The answer, read to its end and closed."""
        answer = await self.start(body, caller)
        try:
            return answer, b"".join([chunk async for chunk in answer.chunks])
        finally:
            await answer.chunks.aclose()

    async def spans(self) -> list[Span]:
        """Everything on record, oldest first."""
        await self.journal.settle()
        await self.recorder.flush()
        query = SpanQuery(limit=100_000)
        return (await asyncio.to_thread(self.telemetry.spans, query))[::-1]


@asynccontextmanager
async def wired(
    data: Path,
    *,
    providers: Iterable[Provider] = (),
    deployments: Sequence[Deployment] = (),
    routes: Sequence[Route] = (),
    limits: Limits | None = None,
    quotas: Quotas | None = None,
    askers: Askers | None = None,
    defaults: RouteDefaults = ONCE,
    spool_bytes: int = 1 << 30,
    recorder: Recorder | None = None,
    cache: AnswerCache | None = None,
    hooks: Hooks | Callable[[], Hooks] | None = None,
) -> AsyncIterator[Wired]:
    telemetry = telemetry_in(data)
    spans = SpanRecorder(
        Spool.open(data / "spool", max_backlog_bytes=spool_bytes), Delivery(telemetry)
    )
    journal = Journal(recorder or spans)
    clock = SystemClock()
    known = {provider.name: provider for provider in (embedded(), *providers)}
    gateway = Gateway(
        snapshot=Snapshot(known, deployments, routes, defaults=defaults),
        journal=journal,
        admission=Admission(askers or Askers(), quotas or LocalQuotas(clock), clock),
        clock=clock,
        limits=limits or Limits(),
        cache=cache,
        hooks=None if hooks is None else lambda _ask, _plan: _hooks(hooks),
    )
    spans.start()
    try:
        yield Wired(gateway, journal, spans, telemetry)
    finally:
        await journal.settle()
        await spans.stop(limit_s=5)
        for provider in known.values():
            await provider.aclose()
        telemetry.close()


def _hooks(hooks: Hooks | Callable[[], Hooks]) -> Hooks:
    return hooks if isinstance(hooks, Hooks) else hooks()


Act = Callable[[], Awaitable[Reply]]
"""What a scripted provider does when it is called."""


class Script:
    """A provider that answers with what `play` was given; its requests are in `calls`."""

    def __init__(self, name: str = "far", cards: Sequence[ModelCard] = ()) -> None:
        self.name = name
        self.calls: list[Call] = []
        self._cards = cards
        self._acts: list[Act] = []

    def play(self, *acts: Act) -> None:
        self._acts += acts

    def cards(self) -> Sequence[ModelCard]:
        return self._cards

    def speaks(self, model: str) -> Sequence[str]:
        return ("openai.chat",)

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        return await self._acts.pop(0)()

    async def aclose(self) -> None:
        pass

    @property
    def asked(self) -> Any:
        """The body of the last request."""
        return json.loads(self.calls[-1].body)


STREAM = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def replies(*parts: bytes | Exception, status: int = 200, headers: Mapping[str, str] = JSON) -> Act:
    """An answer in these pieces; an exception is raised where it stands."""

    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def act() -> Reply:
        return Reply(status=status, headers=headers, chunks=chunks())

    return act


def fails(error: Exception) -> Act:
    async def act() -> Reply:
        raise error

    return act


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def said(text: str) -> bytes:
    """A streamed piece of an answer."""
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])


def usage(prompt: int, answer: int) -> bytes:
    """The chunk after the last choice."""
    counts = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return event(choices=[], usage=counts)


DONE = b"data: [DONE]\n\n"


def whole(text: str, **fields: Any) -> bytes:
    """An answer that is not streamed."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return msgspec.json.encode({"choices": [choice], **fields})


FAR = "far/m"
"""A model of the provider `Script`."""

HELLO = [said("Hel"), said("lo"), usage(3, 2), DONE]


def in_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `work`, run in an event loop of its own within a minute."""

    async def limited() -> T:
        async with asyncio.timeout(60):
            return await work()

    return asyncio.run(limited())


def events(body: bytes) -> list[Any]:
    """The data of all events of a body, decoded; [DONE] stays text."""
    decoder = sse.Decoder()
    found = [each.data for each in decoder.feed(body) if each.data is not None]
    assert decoder.rest == b""
    return [data if data == "[DONE]" else json.loads(data) for data in found]


async def only_span(room: Wired) -> Span:
    (span,) = await room.spans()
    return span
