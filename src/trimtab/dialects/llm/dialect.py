"""What a dialect of a model API can do. One file for each; `trimtab.dialects.llm.DIALECTS` has all.

A request is kept as an envelope of raw JSON fields, so whatever Trimtab does not know passes
through untouched, and an answer is read as it passes, never rewritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from trimtab.dialects.llm.parts import Part
from trimtab.dialects.llm.question import Asked, Question
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx, sse
from trimtab.records import Message


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came: every field raw, the few that Trimtab acts on decoded.

    `choices` is how many answers it asks for, each of at most `max_tokens`; 0 where no answer has
    tokens. `wants_usage`: the stream's usage was asked for by the caller, where a dialect lets one
    ask. `trimtab` is the member of that name, which is for the gateway and never sent on.
    `text_bytes` is about how much there is to read, for estimates.

    Raises:
        InvalidRequest: the name of the model has a character that cannot be shown.
    """

    model: str
    stream: bool = False
    user: str | None = None
    wants_usage: bool = True
    max_tokens: int | None = None
    choices: int = 1
    trimtab: dict[str, Any] = {}
    fields: dict[str, msgspec.Raw] = {}
    text_bytes: int = 0

    def __post_init__(self) -> None:
        if not self.model.isprintable():
            raise InvalidRequest(
                "'model' has a control character in it",
                where="model",
                fix="name a route or a model of GET /v1/models",
            )

    def body(self, /, **changes: Any) -> bytes:
        """The request as JSON with some fields replaced; a value of None removes the field."""
        fields: dict[str, Any] = {**self.fields, **changes}
        return jsonx.encode({key: value for key, value in fields.items() if value is not None})


class Reader(Protocol):
    """Reads one answer into parts; never raises for a strange one, and keeps nothing of it."""

    def event(self, event: sse.Event) -> Sequence[Part]:
        """What one event of a stream says; nothing for comments and what cannot be read."""
        ...

    def body(self, body: bytes) -> Sequence[Part]:
        """What a whole answer says, `Ended` last; `Failed` when it cannot be read."""
        ...

    def end(self) -> Sequence[Part]:
        """The stream ended cleanly: `Ended` where that is an end in this dialect."""
        ...


class Writer(Protocol):
    """Writes one answer from parts."""

    def stream(self, part: Part) -> bytes:
        """The events that say this part; may be none. `Ended` closes what is open and ends."""
        ...

    def body(self, parts: Sequence[Part]) -> bytes:
        """The whole answer that says all parts."""
        ...

    @property
    def lost(self) -> Sequence[str]:
        """Kinds of what could not be said in this dialect."""
        ...


class Dialect(Protocol):
    """One shape of request and answer. `translates` False: only a provider that speaks it can."""

    name: str
    translates: bool

    def envelope(self, body: bytes) -> Envelope:
        """A request, decoded as far as every call needs. Raises InvalidRequest, with `where`."""
        ...

    def messages(self, envelope: Envelope) -> list[Any]:
        """What the caller said, for the record: the messages as they came.

        A system text that lies beside them comes first, as a message of that role.
        """
        ...

    def opened(self, envelope: Envelope, opening: Sequence[Message]) -> dict[str, Any]:
        """Changes to the envelope's fields that put a prompt's messages before the caller's.

        The caller's own stay byte for byte as they came.
        """
        ...

    def asking_usage(self, envelope: Envelope) -> dict[str, Any]:
        """Changes that make a stream report its usage; none where it always does."""
        ...

    def reader(self) -> Reader: ...

    def writer(self, envelope: Envelope, *, id: str, created_s: int) -> Writer:
        """For an answer to this request; ids and times are for answers that have none."""
        ...

    def question(self, envelope: Envelope) -> Question:
        """The request in neutral form. Raises InvalidRequest for what the dialect forbids."""
        ...

    def ask(self, question: Question, *, model: str) -> Asked:
        """A neutral request in this dialect."""
        ...

    def error(self, error: TrimtabError) -> bytes:
        """The JSON body of an error, in the shape that clients of this dialect read."""
        ...

    def error_event(self, error: TrimtabError) -> bytes:
        """An error in the middle of a stream."""
        ...
