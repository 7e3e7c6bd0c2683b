"""Any callable as a task: plain or async, a generator of either kind, or a task of ours.

A function goes in, something the engine can ask goes out. What the function takes is read from
its signature once; what it returns becomes a `Response`.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.experiments.answers import Answering
from trimtab.experiments.threads import Threads
from trimtab.kit.hashing import digest
from trimtab.ports import Response
from trimtab.records import Example

GIVEN = ("input", "example", "context", "metadata", "example_id", "repeat", "seed")
"""What a task may ask for, by the name of its argument."""

_SURELY_PLAIN = (int, float, bool, type(None))


def answering(task: Callable[..., Any], *, seed: int | None = None) -> Answering:
    """What the engine asks, made of a task.

    The function takes any of `GIVEN` by name; its only argument gets the `input`, whatever it is
    called. A synchronous one runs in a thread, so that it blocks nobody. Of a generator the pieces
    are the answer, joined where they are texts, and the time of the first is kept.

    Args:
        seed: of the run; a task that takes `seed` gets a number made of it, the example and the
            repeat, the same in every run with this seed.
    Raises:
        InvalidRequest: it is not callable, or takes something else.
    """
    own = getattr(task, "answer", None)
    if own is not None and inspect.iscoroutinefunction(own):
        asked: Answering = own

        async def asks(example: Example, repeat: int) -> Response:
            return response_of(await asked(example, repeat))

        return asks
    names = _wanted(task)
    call = _calling(task)

    async def answer(example: Example, repeat: int) -> Response:
        return await call(_arguments(names, example, repeat, seed))

    return answer


def seed_of(seed: int | None, example_id: str, repeat: int) -> int:
    """The seed of one case: 31 bits of a hash, as providers take them."""
    return int(digest([seed, example_id, repeat])[:8], 16) & 0x7FFFFFFF


def _wanted(task: Callable[..., Any]) -> tuple[tuple[str, str], ...]:
    """The arguments of a task: what each is called, and which of `GIVEN` it gets."""
    name = getattr(task, "__name__", type(task).__name__)
    if not callable(task):
        raise InvalidRequest(
            f"{type(task).__name__} cannot be called",
            where="task",
            fix="give a function, or name a release, prompt or endpoint",
        )
    try:
        parameters = inspect.signature(task).parameters.values()
    except (TypeError, ValueError):
        return (("", "input"),)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in _VARIADIC]
    known = [p for p in parameters if p.name in GIVEN and p.kind not in _VARIADIC]
    if not known and len(needed) <= 1 and any(p.kind is not p.KEYWORD_ONLY for p in parameters):
        return (("", "input"),)
    unknown = [p.name for p in needed if p.name not in GIVEN]
    positional = [p.name for p in known if p.kind is p.POSITIONAL_ONLY]
    if unknown or not known or len(positional) > 1:
        what = f"takes {unknown[0]!r}" if unknown else "takes no argument that a case has"
        raise InvalidRequest(
            f"the task {name} {what}", where=name, fix=f"it may take {', '.join(GIVEN)}"
        )
    return tuple(("" if p.name in positional else p.name, p.name) for p in known)


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def _arguments(
    names: tuple[tuple[str, str], ...], example: Example, repeat: int, seed: int | None
) -> Arguments:
    placed: list[Any] = []
    named: dict[str, Any] = {}
    for called, wanted in names:
        value = _value(wanted, example, repeat, seed)
        if called:
            named[called] = value
        else:
            placed.append(value)
    return tuple(placed), named


def _value(wanted: str, example: Example, repeat: int, seed: int | None) -> Any:
    if wanted == "example":
        return example
    if wanted == "repeat":
        return repeat
    if wanted == "seed":
        return seed_of(seed, example.example_id, repeat)
    return getattr(example, wanted)


def _calling(task: Callable[..., Any]) -> Callable[[Arguments], Awaitable[Response]]:
    body = task if inspect.isroutine(task) or isinstance(task, partial) else type(task).__call__
    if inspect.iscoroutinefunction(body):
        return partial(_awaited, task)
    if inspect.isasyncgenfunction(body):
        return partial(_streamed, task)
    threads = Threads()
    if inspect.isgeneratorfunction(body):
        return lambda given: threads.run(lambda: _pieces(task, given))
    return partial(_in_thread, task, threads)


async def _awaited(task: Callable[..., Any], given: Arguments) -> Response:
    return response_of(await task(*given[0], **given[1]))


async def _in_thread(task: Callable[..., Any], threads: Threads, given: Arguments) -> Response:
    value = await threads.run(lambda: task(*given[0], **given[1]))
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, AsyncIterator):
        return await _gathered(value)
    if isinstance(value, Iterator):
        return await threads.run(lambda: _joined(value))
    return response_of(value)


async def _streamed(task: Callable[..., Any], given: Arguments) -> Response:
    return await _gathered(task(*given[0], **given[1]))


async def _gathered(stream: AsyncIterator[Any]) -> Response:
    gathering = _Gathering()
    try:
        async for piece in stream:
            gathering.add(piece)
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    return gathering.response()


def _pieces(task: Callable[..., Any], given: Arguments) -> Response:
    return _joined(task(*given[0], **given[1]))


def _joined(stream: Iterator[Any]) -> Response:
    gathering = _Gathering()
    for piece in stream:
        gathering.add(piece)
    return gathering.response()


class _Gathering:
    """The pieces of a streamed answer, and when the first came."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._first_ms: float | None = None
        self._pieces: list[Any] = []

    def add(self, piece: Any) -> None:
        if self._first_ms is None:
            self._first_ms = (time.perf_counter() - self._started) * 1000
        self._pieces.append(piece)

    def response(self) -> Response:
        pieces = self._pieces
        if pieces and isinstance(pieces[-1], Response):
            made = response_of(pieces[-1])
        elif all(isinstance(piece, str) for piece in pieces):
            made = response_of("".join(pieces))
        else:
            made = response_of(pieces)
        return msgspec.structs.replace(made, first_token_ms=self._first_ms)


def response_of(value: Any) -> Response:
    """What a task returned as a response that can be kept.

    Records, dataclasses, Pydantic models, arrays and the numbers and texts of other libraries
    become plain values; text that is half a surrogate pair is mended. What is none of JSON's
    values is the error of its case.

    >>> response_of("Paris").output
    'Paris'
    """
    if isinstance(value, Response):
        return _kept(value)
    if type(value) in _SURELY_PLAIN or (type(value) is str and value.isascii()):
        return Response(output=value)
    if isinstance(value, BaseException):
        return Response(output=None, error=f"{type(value).__name__}: {value}")
    dump = getattr(value, "model_dump", None)
    return _kept(Response(output=dump() if callable(dump) else value))


def _kept(response: Response) -> Response:
    """The response as it can be read again; what cannot be is its error."""
    spans, output = response.spans, response.output
    if isinstance(output, str):
        output = str.encode(output, "utf-8", "replace").decode()
    made = msgspec.structs.replace(response, output=output, spans=())
    try:
        plain = _read(_written(made))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        what = f"the task returned {type(output).__name__}, which is no JSON value: {error}"
        if isinstance(output, str | None):
            what = f"the task returned a response that cannot be kept: {error}"
        return Response(output=None, error=what if response.error is None else str(response.error))
    return msgspec.structs.replace(plain, spans=spans)


def _plain(value: Any) -> Any:
    """A value of another library as what it is in Python.

    Raises:
        TypeError: it is none of JSON's.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    listed = getattr(value, "tolist", None)
    if not callable(listed):
        raise TypeError(f"{type(value).__name__} is no value of JSON")
    return listed()


_written = msgspec.json.Encoder(enc_hook=_plain, decimal_format="string").encode
_read = msgspec.json.Decoder(Response).decode
