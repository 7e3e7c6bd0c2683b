"""`trace` and `span`: what the application does, as spans. Nothing is recorded, and next to nothing
spent, until `instrument` was called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from trimtab.sdk.recording import UNRECORDED, Kind, Recording, start
from trimtab.sdk.state import ACTIVE

if TYPE_CHECKING:
    from trimtab.sdk.context import Attached

F = TypeVar("F", bound=Callable[..., Any])


@overload
def trace(function: F, /) -> F: ...
@overload
def trace(
    function: str | None = None,
    /,
    *,
    name: str | None = None,
    kind: Kind = "chain",
    capture_input: bool = True,
    capture_output: bool = True,
) -> Callable[[F], F]: ...
def trace(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    kind: Kind = "chain",
    capture_input: bool = True,
    capture_output: bool = True,
) -> Any:
    """Record each call of a function as a span: `@trimtab.trace` or `@trimtab.trace(kind="tool")`.

    Functions, coroutines, generators and asynchronous generators stay what they are. The span of a
    generator lasts while it is iterated, also when that ends early.

    Args:
        name: of the span; default the function's qualified name.
        kind: what the function is.
        capture_input: whether the arguments are recorded.
        capture_output: whether the result, or what was yielded, is recorded.
    """
    if function is None or isinstance(function, str):
        return functools.partial(
            _traced,
            name=name or function,
            kind=kind,
            capture_input=capture_input,
            capture_output=capture_output,
        )
    return _traced(
        function, name=name, kind=kind, capture_input=capture_input, capture_output=capture_output
    )


def _traced(
    function: Callable[..., Any],
    *,
    name: str | None,
    kind: Kind,
    capture_input: bool,
    capture_output: bool,
) -> Callable[..., Any]:
    call = _Call(function, name or _name(function), kind, capture_input, capture_output)
    if inspect.isasyncgenfunction(function):
        return functools.wraps(function)(_async_generator(function, call))
    if inspect.isgeneratorfunction(function):
        return functools.wraps(function)(_generator(function, call))
    if inspect.iscoroutinefunction(function):
        return functools.wraps(function)(_coroutine(function, call))
    return functools.wraps(function)(_plain(function, call))


class _Call:
    """How the calls of one function are recorded."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        kind: Kind,
        capture_input: bool,
        capture_output: bool,
    ) -> None:
        self.name = name
        self.kind = kind
        self.capture_input = capture_input
        self.capture_output = capture_output
        self._names = _positional_names(function)

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
        recording = start(self.name, self.kind)
        if self.capture_input and ACTIVE.content:
            recording.set_input(self._arguments(args, kwargs))
        return recording

    def returned(self, recording: Recording, result: Any) -> None:
        if self.capture_output and ACTIVE.content:
            recording.set_output(result)
        recording.end()

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        found = dict(zip(self._names, args, strict=False))
        for receiver in ("self", "cls"):
            if self._names[:1] == [receiver]:
                found.pop(receiver, None)
        if len(args) > len(self._names):
            found["*"] = list(args[len(self._names) :])
        return {**found, **kwargs}


def _name(function: Callable[..., Any]) -> str:
    """The qualified name, from the innermost function that encloses it."""
    return function.__qualname__.rpartition("<locals>.")[2]


def _positional_names(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in kinds]


def _plain(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Any:
        if ACTIVE.tracer is None:
            return function(*args, **kwargs)
        recording = call.start(args, kwargs)
        here = recording.enter()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            _leave(here)
            recording.fail(error)
            raise
        _leave(here)
        call.returned(recording, result)
        return result

    return traced


def _coroutine(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        if ACTIVE.tracer is None:
            return await function(*args, **kwargs)
        recording = call.start(args, kwargs)
        here = recording.enter()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            _leave(here)
            recording.fail(error)
            raise
        _leave(here)
        call.returned(recording, result)
        return result

    return traced


def _generator(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if ACTIVE.tracer is None:
            return (yield from function(*args, **kwargs))
        recording = call.start(args, kwargs)
        return (yield from _driven(function(*args, **kwargs), recording, call))

    return traced


def _driven(
    inner: Generator[Any, Any, Any], recording: Recording, call: _Call
) -> Generator[Any, Any, Any]:
    """Iterate `inner` (PEP 380), its span current only while its own code runs."""
    step: Callable[[Any], Any] = inner.send
    given: Any = None
    yielded = recording.collecting(call.capture_output)
    try:
        while True:
            here = recording.enter()
            try:
                item = step(given)
            except StopIteration as stop:
                yielded.end()
                return stop.value
            finally:
                recording.suspend(here)
                given = None
            yielded.add(item)
            try:
                given, step = (yield item), inner.send
            except GeneratorExit:
                here = recording.enter()
                try:
                    inner.close()
                finally:
                    _leave(here)
                yielded.end()
                raise
            except BaseException as error:
                given, step = error, inner.throw
    except BaseException as error:
        recording.fail(error)
        raise


def _async_generator(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        recorded = ACTIVE.tracer is not None
        recording = call.start(args, kwargs) if recorded else UNRECORDED
        yielded = recording.collecting(call.capture_output)
        inner = function(*args, **kwargs)
        step: Callable[[Any], Any] = inner.asend
        given: Any = None
        try:
            while True:
                here = recording.enter()
                try:
                    item = await step(given)
                except StopAsyncIteration:
                    yielded.end()
                    return
                finally:
                    recording.suspend(here)
                    given = None
                yielded.add(item)
                try:
                    given, step = (yield item), inner.asend
                except GeneratorExit:
                    here = recording.enter()
                    try:
                        await inner.aclose()
                    finally:
                        _leave(here)
                    yielded.end()
                    raise
                except BaseException as error:
                    given, step = error, inner.athrow
        except BaseException as error:
            recording.fail(error)
            raise

    return traced


def _leave(here: Attached | None) -> None:
    if here is not None:
        here.leave()


class Block:
    """A `with` block that is a span; each entry is a span of its own."""

    def __init__(self, name: str, kind: Kind, given: dict[str, Any]) -> None:
        self._name = name
        self._kind = kind
        self._given = given
        self._entered: list[tuple[Recording, Attached | None]] = []

    def __enter__(self) -> Recording:
        if ACTIVE.tracer is None:
            self._entered.append((UNRECORDED, None))
            return UNRECORDED
        recording = start(self._name, self._kind)
        recording.set(**self._given)
        self._entered.append((recording, recording.enter()))
        return recording

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        recording, here = self._entered.pop()
        _leave(here)
        if error is not None:
            recording.fail(error)
        recording.end()


def span(name: str, *, kind: Kind = "chain", **given: Any) -> Block:
    """A block of code as a span: `with trimtab.span("rank", kind="reranker") as s: s.set(...)`.

    Args:
        name: of the span.
        kind: what the block does.
        **given: as `set` of the span takes them: input, output, metadata, usage, model, ...
    """
    return Block(name, kind, given)
