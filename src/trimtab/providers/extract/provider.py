"""The embedded model as a provider: a chat request in, quoted sentences or an abstention out.

Reads the passages that the gateway wrote into a system message, or searches its own corpus when
there are none. Makes no network call, keeps nothing between calls, obeys nothing in a question.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict

import msgspec

from trimtab.dialects.llm import openai_chat
from trimtab.dialects.llm.dialect import Envelope
from trimtab.dialects.llm.openai_chat_writer import FinishReason
from trimtab.dialects.passages import ABSTENTION, read_passages, write_passages
from trimtab.errors import InvalidRequest, NotFound, ProviderTimeout, TrimtabError
from trimtab.kit import ids, jsonx
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Call, Clock, Reply, Retriever
from trimtab.providers.extract.reader import Quote, Reader, focus
from trimtab.records import ModelCard, Passage, Price, Usage, text_of

__all__ = ["ExtractProvider", "count_tokens"]

MODEL = "extract"
SEARCH_K = 4
WORDS_PER_EVENT = 3
CONTEXT_TOKENS = 32_768
# Counting tokens takes time as well: more characters than this are too many, whatever they are.
CONTEXT_CHARS = 400_000

_FREE = Price(**dict.fromkeys(Price.__struct_fields__, Decimal(0)))
_CARD = ModelCard(
    id=f"trimtab/{MODEL}",
    provider="trimtab",
    description=(
        "An extractive reader that runs inside Trimtab, on the CPU and offline. It answers with the"
        " sentences of the retrieved passages that share most with the question, word for word and"
        " each with its source, and abstains when it is probably wrong. Deterministic."
    ),
    limitations=(
        "Not a language model: it cannot reason, summarise, translate, calculate, hold a"
        " conversation or call tools. It compares words, so it misses synonyms and may quote a"
        " sentence that shares the words of a question without answering it. English only: its"
        " stemmer is English, and its confidence is fitted to English questions about Trimtab's"
        " own documentation."
    ),
    context_tokens=CONTEXT_TOKENS,
    price=_FREE,
    owned_by="trimtab",
)


class _TooLong(InvalidRequest):
    code = "context_length_exceeded"  # What OpenAI's clients look for.


class _Format(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "text"


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a request that change the answer, or ask for what this model cannot do.

    All others are accepted and ignored.
    """

    n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_sentences: Annotated[int, msgspec.Meta(ge=1)] | None = None
    abstain_below: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop: str | Annotated[list[str], msgspec.Meta(max_length=4)] | None = None
    tools: list[msgspec.Raw] | None = None
    functions: list[msgspec.Raw] | None = None
    response_format: _Format | None = None

    @property
    def stops(self) -> list[str]:
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [text for text in given if text]

    @property
    def token_limit(self) -> int | None:
        limits = (self.max_completion_tokens, self.max_tokens)
        return next((limit for limit in limits if limit is not None), None)


class _Answer(NamedTuple):
    text: str
    finish_reason: FinishReason
    usage: Usage


class _Head(TypedDict):
    """What every event of one answer begins with."""

    id: str
    model: str
    created_s: int


class ExtractProvider:
    """`trimtab/extract` behind the provider port.

    Args:
        default: searched for requests that bring no passages.
        clock: for the ids and times of answers.

    Fields of a request that it acts on, besides `messages`, `stream` and `stream_options`:
    `max_sentences` (2), `abstain_below` (0.5, a probability), `stop`, `max_completion_tokens` and
    `max_tokens`. Tools, answers in JSON and more text than `CONTEXT_TOKENS` are refused.
    """

    name = "trimtab"

    def __init__(self, *, default: Retriever, clock: Clock) -> None:
        self._default = default
        self._clock = clock
        self._reader = Reader()

    def cards(self) -> Sequence[ModelCard]:
        return (_CARD,)

    def speaks(self, model: str) -> Sequence[str]:
        return ("openai.chat",) if f"{self.name}/{model}" == _CARD.id else ()

    def refuses(self, model: str, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """The first parameter that every call would be refused for."""
        try:
            _options(Call(model=model, body=jsonx.encode(dict(parameters))))
        except InvalidRequest as error:
            name = (error.where or "").partition(".")[0].partition("[")[0]
            return {name: f"refuses it: {error.what}"} if name in parameters else {}
        except NotFound:
            return {}
        return {}

    async def send(self, call: Call) -> Reply:
        """Answer a call; a bad request is a reply with an error body, as from a remote provider."""
        try:
            async with asyncio.timeout(call.timeout_s):
                # Off the event loop: reading takes milliseconds, and a long prompt takes more.
                request, answer = await asyncio.to_thread(self._answer, call)
        except TimeoutError:
            raise ProviderTimeout(
                f"trimtab/{MODEL} did not answer within {call.timeout_s:g} s",
                fix="send a shorter prompt or raise the timeout",
            ) from None
        except TrimtabError as error:
            body = jsonx.encode(openai_chat.error_body(error))
            return _reply(error.status, "application/json", [body])
        if call.stream:
            return _reply(200, "text/event-stream; charset=utf-8", self._events(request, answer))
        return _reply(200, "application/json", [self._completion(request, answer)])

    async def aclose(self) -> None:
        """Nothing to release."""

    def _answer(self, call: Call) -> tuple[_Question, _Answer]:
        request = _Question.read(call.body)
        options = _options(call)
        question = _question(request)
        # Reading cannot be stopped once it has begun, so what is read is bounded before.
        prompt = _counted([text for _, text in request.messages])
        passages = _passages(request)
        if passages is None:
            passages = self._default.search(focus(question), k=SEARCH_K)
            prompt = _counted([write_passages(passages)], already=prompt)
        text = _stopped(self._quote(question, passages, options), options.stops)
        text, finish_reason = _truncated(text, options.token_limit)
        usage = Usage(input=prompt, output=count_tokens(text))
        return request, _Answer(text, finish_reason, usage)

    def _quote(self, question: str, passages: Sequence[Passage], options: _Options) -> str:
        max_sentences = 2 if options.max_sentences is None else options.max_sentences
        abstain_below = 0.5 if options.abstain_below is None else options.abstain_below
        reading = self._reader.read(question, passages, max_sentences=max_sentences)
        if reading is None or reading.confidence < abstain_below:
            return ABSTENTION
        return _cited(reading.quotes)

    def _completion(self, request: _Question, answer: _Answer) -> bytes:
        return openai_chat.completion(
            **self._head(request),
            text=answer.text,
            usage=answer.usage,
            finish_reason=answer.finish_reason,
        )

    def _events(self, request: _Question, answer: _Answer) -> list[bytes]:
        head = self._head(request)
        events = [
            openai_chat.chunk(**head, text="", first=True),
            *(openai_chat.chunk(**head, text=piece) for piece in _pieces(answer.text)),
            openai_chat.chunk(**head, finish_reason=answer.finish_reason),
        ]
        if request.envelope.wants_usage:
            events.append(openai_chat.usage_chunk(**head, usage=answer.usage))
        return [*events, openai_chat.DONE]

    def _head(self, request: _Question) -> _Head:
        now_ns = self._clock.now_ns()
        return {
            "id": f"chatcmpl-{ids.uuid7(now_ns).replace('-', '')}",
            "model": request.envelope.model,
            "created_s": now_ns // NS_PER_S,
        }


def _reply(status: int, content_type: str, body: list[bytes]) -> Reply:
    return Reply(status=status, headers={"content-type": content_type}, chunks=_chunks(body))


async def _chunks(body: list[bytes]) -> AsyncIterator[bytes]:
    for part in body:
        yield part


# -- request -----------------------------------------------------------------------------------


class _Question(NamedTuple):
    """A request with the readable text of its messages, by role."""

    envelope: Envelope
    messages: list[tuple[str, str]]

    @classmethod
    def read(cls, body: bytes) -> _Question:
        envelope = openai_chat.OPENAI_CHAT.envelope(body)
        said = openai_chat.OPENAI_CHAT.messages(envelope)
        return cls(envelope, [(message["role"], text_of(message)) for message in said])


def _options(call: Call) -> _Options:
    if call.model != MODEL:
        raise NotFound(f"no such model {call.model!r}", where="model", fix=f"use trimtab/{MODEL}")
    try:
        options = jsonx.decode(call.body, _Options)
    except InvalidRequest as error:
        where = (error.where or "").removeprefix("$.") or None
        fix = f"see the parameters of trimtab/{MODEL} in its documentation"
        raise InvalidRequest(error.what, where=where, fix=fix) from None
    if options.n not in (None, 1):
        raise InvalidRequest(
            f"trimtab/{MODEL} gives one answer, not {options.n}", where="n", fix="leave n out"
        )
    for name in ("tools", "functions"):
        if getattr(options, name):
            raise InvalidRequest(
                f"trimtab/{MODEL} cannot call tools",
                where=name,
                fix=f"leave {name} out, or ask a model that calls tools",
            )
    if options.response_format is not None and options.response_format.type != "text":
        raise InvalidRequest(
            f"trimtab/{MODEL} answers in text only, not in {options.response_format.type!r}",
            where="response_format",
            fix="leave response_format out, or ask a model that writes JSON",
        )
    return options


def _counted(texts: Sequence[str], *, already: int = 0) -> int:
    """Tokens of the texts and of what was counted `already`.

    Raises:
        _TooLong: they are more than fit into the context.
    """
    chars = sum(map(len, texts))
    if chars > CONTEXT_CHARS:
        raise _too_long(f"more than that: {chars:,} characters")
    tokens = already + sum(map(count_tokens, texts))
    if tokens > CONTEXT_TOKENS:
        raise _too_long(f"{tokens:,}")
    return tokens


def _too_long(size: str) -> _TooLong:
    return _TooLong(
        f"the context of trimtab/{MODEL} is {CONTEXT_TOKENS:,} tokens; the messages and passages"
        f" are {size}",
        where="messages",
        fix="send fewer or shorter messages and passages",
    )


def _question(request: _Question) -> str:
    for role, text in reversed(request.messages):
        if role == "user":
            return text
    raise InvalidRequest(
        "there is no user message to answer",
        where="messages",
        fix='add one, like {"role": "user", "content": "What is a span?"}',
    )


def _passages(request: _Question) -> list[Passage] | None:
    """The first block of passages the request brings, None without one.

    Only the application's own messages count: text of a user that looks like a passage is text, or
    anyone could put words into the documentation's mouth.
    """
    for role, text in request.messages:
        if role in ("system", "developer"):
            passages = read_passages(text)
            if passages is not None:
                return passages
    return None


# -- answer ------------------------------------------------------------------------------------

_TOKEN = re.compile(r"\w+|[^\w\s]")
_PIECE = re.compile(rf"(?:\s*\S+){{1,{WORDS_PER_EVENT}}}")


def count_tokens(text: str) -> int:
    """Tokens of this model: each run of letters, digits and `_`, and each other visible character.

    >>> count_tokens("It's 8321.")
    5
    """
    return sum(1 for _ in _TOKEN.finditer(text))


def _cited(quotes: list[Quote]) -> str:
    """Quotes with their sources; code keeps its lines to itself."""
    gap = "\n" if any("\n" in quote.text for quote in quotes) else " "
    return gap.join(
        f"{quote.text}\n[{quote.passage}]"
        if "\n" in quote.text
        else f"{quote.text} [{quote.passage}]"
        for quote in quotes
    )


def _stopped(text: str, stops: Sequence[str]) -> str:
    """Text up to the first place where one of `stops` begins."""
    ends = [text.find(stop) for stop in stops if stop in text]
    return text[: min(ends)] if ends else text


def _truncated(text: str, limit: int | None) -> tuple[str, FinishReason]:
    """Text of at most `limit` tokens, and whether it had to be cut."""
    if limit is not None:
        for n, token in enumerate(_TOKEN.finditer(text)):
            if n == limit:
                return text[: token.start()].rstrip(), "length"
    return text, "stop"


def _pieces(text: str) -> list[str]:
    """Text as pieces of a few words that join to it exactly."""
    return _PIECE.findall(text)
