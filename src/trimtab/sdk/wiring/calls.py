"""Recording one call of a model client: its request, its answer or stream, its failure.

A client's methods are replaced by wrappers that call them and return what they return, the very
same object. A stream is followed by standing in for its inner iterator. Whatever fails in the
recording is swallowed; whatever the client raises is raised.
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from trimtab.sdk import values
from trimtab.sdk.context import Attached
from trimtab.sdk.processor import MODEL_CALL
from trimtab.sdk.recording import Recording
from trimtab.sdk.state import ACTIVE

log = logging.getLogger("trimtab.sdk")
_MARK = "_trimtab_wired"
_INNER = "_iterator"
"""Where both clients' streams keep what they iterate over."""

_RAW = "x-stainless-raw-response"


class Gathering(Protocol):
    """The pieces of a streamed answer."""

    def add(self, piece: Any) -> bool:
        """Take a piece; whether it holds a part of the answer."""

    def attributes(self, *, content: bool) -> dict[str, Any]: ...


class Shape(NamedTuple):
    """How one method is read: the operation's name and what to make of its arguments and answer."""

    operation: str
    provider: Callable[[Any], str]
    request: Callable[[dict[str, Any], bool], dict[str, Any]]
    answer: Callable[[Any, bool], dict[str, Any]]
    gathering: Callable[[], Gathering] | None = None


class ModelCall:
    """One call from its start to the end of its answer."""

    def __init__(self, shape: Shape, recording: Recording, context: Any) -> None:
        self.shape = shape
        self._recording = recording
        self._context = context
        self._gathered: Gathering | None = None
        self._last_piece_ns: int | None = None
        self._awaited = False

    def enter(self) -> Attached:
        return Attached(self._context)

    def fail(self, error: BaseException) -> None:
        self._recording.fail(error)

    def returned(self, result: Any, kwargs: dict[str, Any]) -> None:
        """Read what the method returned; a stream is read as the application reads it."""
        try:
            answer = _parsed(result, kwargs)
            if answer is None:
                self._recording.end()
            elif not (self.shape.gathering and self.follow(answer)):
                self._recording.attributes(self.shape.answer(answer, ACTIVE.content))
                self._recording.end()
        except Exception as error:
            _swallow(error)
            self._recording.end()

    def follow(self, stream: Any) -> bool:
        """Whether this is a stream; then the call ends with it."""
        inner = getattr(stream, _INNER, None)
        if self.shape.gathering is None or inner is None:
            return False
        self._gathered = self.shape.gathering()
        ACTIVE.follow(self)
        if hasattr(inner, "__next__"):
            _wire_close(type(stream), _closing)
            setattr(stream, _INNER, Pieces(inner, self))
        else:
            _wire_close(type(stream), _async_closing)
            setattr(stream, _INNER, AsyncPieces(inner, self))
        return True

    def await_piece(self) -> None:
        self._awaited = True

    def piece(self, piece: Any) -> None:
        self._awaited = False
        self._last_piece_ns = time.time_ns()
        try:
            if self._gathered is not None and self._gathered.add(piece):
                self._recording.first_output()
        except Exception as error:
            _swallow(error)

    def end(self) -> None:
        self._note_gathered()
        self._recording.end()

    def abandon(self) -> None:
        """The application read no further; the call ended with what it read last."""
        self._note_gathered()
        self._recording.end(self._last_piece_ns)

    def settle(self) -> None:
        """The process ends: a stream that nobody reads was abandoned, one that is read is cut."""
        if self._awaited:
            self._note_gathered()
        else:
            self.abandon()

    def stop(self, error: BaseException) -> None:
        """The stream broke: keep what there was of it."""
        self._note_gathered()
        self._recording.fail(error)

    def _note_gathered(self) -> None:
        gathered, self._gathered = self._gathered, None
        try:
            if gathered is not None:
                self._recording.attributes(gathered.attributes(content=ACTIVE.content))
        except Exception as error:
            _swallow(error)


class Pieces:
    """Stands in for the iterator inside a stream."""

    def __init__(self, inner: Any, call: ModelCall) -> None:
        self._inner = inner
        self._call = call
        self.abandon = call.abandon

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> Any:
        self._call.await_piece()
        try:
            piece = next(self._inner)
        except StopIteration:
            self._call.end()
            raise
        except BaseException as error:
            self._call.stop(error)
            raise
        self._call.piece(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._call.abandon()


class AsyncPieces:
    """Stands in for the iterator inside an asynchronous stream."""

    def __init__(self, inner: Any, call: ModelCall) -> None:
        self._inner = inner
        self._call = call
        self.abandon = call.abandon

    def __aiter__(self) -> AsyncPieces:
        return self

    async def __anext__(self) -> Any:
        self._call.await_piece()
        try:
            piece = await self._inner.__anext__()
        except StopAsyncIteration:
            self._call.end()
            raise
        except BaseException as error:
            self._call.stop(error)
            raise
        self._call.piece(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._call.abandon()


def _wire_close(kind: Any, closing: Callable[[Any], Any]) -> None:
    """A stream that is closed early may live on; its call does not."""
    original = getattr(kind, "close", None)
    if original is not None and not hasattr(original, _MARK):
        method = functools.wraps(original)(closing(original))
        setattr(method, _MARK, True)
        kind.close = method


def _closing(original: Callable[..., Any]) -> Callable[..., Any]:
    def close(self: Any) -> Any:
        try:
            return original(self)
        finally:
            _abandon(self)

    return close


def _async_closing(original: Callable[..., Any]) -> Callable[..., Any]:
    async def close(self: Any) -> Any:
        try:
            return await original(self)
        finally:
            _abandon(self)

    return close


def _abandon(stream: Any) -> None:
    inner = getattr(stream, _INNER, None)
    if isinstance(inner, (Pieces, AsyncPieces)):
        inner.abandon()


def wire(owner: Any, name: str, shape: Shape) -> None:
    """Replace a method of a class by one that records; nothing when it is not there, or done."""
    original = getattr(owner, name, None)
    if original is None or hasattr(original, _MARK):
        return
    asynchronous = owner.__name__.startswith("Async")
    method = (_asynchronous if asynchronous else _synchronous)(original, shape)
    setattr(method, _MARK, True)
    setattr(owner, name, method)


def begin(shape: Shape, resource: Any, kwargs: dict[str, Any]) -> ModelCall | None:
    """Start recording a call; None when there is nothing to record it with, or it may not be."""
    tracer = ACTIVE.tracer
    if tracer is None or otel.get_value("suppress_instrumentation"):
        return None
    try:
        model = kwargs.get("model")
        name = f"{shape.operation} {model}" if isinstance(model, str) else shape.operation
        kind = {"gen_ai.operation.name": shape.operation}
        found = {
            "gen_ai.provider.name": shape.provider(resource),
            **_server(resource),
            **_asked(shape, kwargs),
        }
        current = otel.get_current()
        span = tracer.start_span(name, current, kind=SpanKind.CLIENT, attributes=kind)
        context = trace.set_span_in_context(span, current)
        recording = Recording(span, context)
        recording.attributes(found)
        return ModelCall(shape, recording, otel.set_value(MODEL_CALL, True, context))
    except Exception as error:
        _swallow(error)
        return None


def given(kwargs: dict[str, Any], name: str) -> Any:
    """An argument; None when it was left out, which clients spell in several ways."""
    value = kwargs.get(name)
    return None if type(value).__name__ in ("NotGiven", "Omit") else value


def run(call: ModelCall | None, function: Callable[[], Any], kwargs: dict[str, Any]) -> Any:
    """Call the client, recorded."""
    if call is None:
        return function()
    here = call.enter()
    try:
        result = function()
    except BaseException as error:
        here.leave()
        call.fail(error)
        raise
    here.leave()
    call.returned(result, kwargs)
    return result


async def run_async(
    call: ModelCall | None, function: Callable[[], Awaitable[Any]], kwargs: dict[str, Any]
) -> Any:
    """Call the asynchronous client, recorded."""
    if call is None:
        return await function()
    here = call.enter()
    try:
        result = await function()
    except BaseException as error:
        here.leave()
        call.fail(error)
        raise
    here.leave()
    call.returned(result, kwargs)
    return result


def _synchronous(original: Callable[..., Any], shape: Shape) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = begin(shape, self, kwargs)
        return run(call, functools.partial(original, self, *args, **kwargs), kwargs)

    return method


def _asynchronous(original: Callable[..., Any], shape: Shape) -> Callable[..., Any]:
    @functools.wraps(original)
    async def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = begin(shape, self, kwargs)
        return await run_async(call, functools.partial(original, self, *args, **kwargs), kwargs)

    return method


def _parsed(result: Any, kwargs: dict[str, Any]) -> Any:
    """The answer in what was returned; None when it is not read yet and not ours to read."""
    headers = given(kwargs, "extra_headers") or {}
    raw = next((value for name, value in headers.items() if name.lower() == _RAW), None)
    if raw is None:
        return result
    parse = getattr(result, "parse", None)
    if raw == "stream" or parse is None or inspect.iscoroutinefunction(parse):
        return None
    return parse()


def _asked(shape: Shape, kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        return shape.request(kwargs, ACTIVE.content)
    except Exception as error:
        # A request no client would send is still a call, and the client's to refuse.
        _swallow(error)
        return {"gen_ai.request.model": given(kwargs, "model")}


def _server(resource: Any) -> dict[str, Any]:
    url = getattr(getattr(resource, "_client", None), "base_url", None)
    return {
        "server.address": getattr(url, "host", None),
        "server.port": getattr(url, "port", None),
    }


def messages_text(messages: Any) -> str | None:
    return values.json_text(messages) if messages else None


def _swallow(error: Exception) -> None:
    log.debug("a model call is not recorded in full: %s: %s", type(error).__name__, error)
