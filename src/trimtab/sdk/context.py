"""What every span below inherits: session, user, tags, metadata; and the span that is current.

All of it is kept in OpenTelemetry's context, so it follows `await`, gathers, task groups and,
through the instrumentation of threads, threads.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple, Self

from opentelemetry import context as otel
from opentelemetry.context import Context
from opentelemetry.util.types import AttributeValue

from trimtab.sdk import values

_KEY = "trimtab-inherited"
_HERE: ContextVar[None] = ContextVar("trimtab_here")


class Inherited(NamedTuple):
    """The values that are set, and the attributes they make."""

    session: str | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    attributes: dict[str, AttributeValue] = {}


_NOTHING = Inherited()


def inherited(context: Context | None = None) -> Inherited:
    found = otel.get_value(_KEY, context)
    return found if isinstance(found, Inherited) else _NOTHING


class Attached:
    """Makes a context the current one until `leave`.

    Leaving in another context than the one that was entered, as happens to a generator that the
    garbage collector closes, does nothing: there is nothing to restore there.
    """

    __slots__ = ("_here", "_token")

    def __init__(self, context: Context) -> None:
        self._here: Token[None] | None = _HERE.set(None)
        self._token = otel.attach(context)

    def leave(self) -> bool:
        """Restore what was current; whether there was something to restore."""
        if self._here is None:
            return False
        here, self._here = self._here, None
        try:
            _HERE.reset(here)
        except ValueError:
            return False
        otel.detach(self._token)
        return True


class Scope:
    """A `with` block whose spans carry these values; blocks inside it add to them.

    Args:
        session: the conversation the spans belong to.
        user: whoever the application works for.
        tags: words to find the spans by.
        metadata: what else the application knows, by name.
    """

    def __init__(
        self,
        *,
        session: str | None = None,
        user: str | None = None,
        tags: tuple[str, ...] = (),
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._session = session
        self._user = user
        self._tags = tags
        self._metadata = metadata or {}
        self._entered: list[Attached] = []

    def __enter__(self) -> Self:
        outer = inherited()
        tags = tuple(dict.fromkeys((*outer.tags, *map(str, self._tags))))
        session = outer.session if self._session is None else str(self._session)
        user = outer.user if self._user is None else str(self._user)
        metadata = {**outer.metadata, **self._metadata}
        inner = Inherited(session, user, tags, metadata, _attributes(session, user, tags, metadata))
        self._entered.append(Attached(otel.set_value(_KEY, inner)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._entered:
            self._entered.pop().leave()


def session(id: str) -> Scope:
    """Spans below belong to this session: `with trimtab.session("s42"): ...`."""
    return Scope(session=id)


def user(id: str) -> Scope:
    """Spans below were made for this user: `with trimtab.user("u7"): ...`."""
    return Scope(user=id)


def tags(*names: str) -> Scope:
    """Spans below carry these tags, besides those around: `with trimtab.tags("beta"): ...`."""
    return Scope(tags=names)


def metadata(**entries: Any) -> Scope:
    """Spans below carry these entries too: `with trimtab.metadata(plan="pro"): ...`."""
    return Scope(metadata=entries)


def _attributes(
    session: str | None, user: str | None, tags: tuple[str, ...], metadata: dict[str, Any]
) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    if session is not None:
        found["session.id"] = session
        found["gen_ai.conversation.id"] = session
    if user is not None:
        found["user.id"] = user
    if tags:
        found["tag.tags"] = tags
    if metadata:
        found["metadata"] = values.json_text(metadata)
    return found
