"""The neutral event stream: what an answer says, whichever dialect it was said in.

A `Reader` makes parts of a provider's answer, a `Writer` makes an answer of parts, `Fold` collects
them for the record, and hooks see nothing else, so that a guard runs on every dialect alike.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from trimtab.records import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause"]


class Began(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer has begun; the provider's own id of it and name of the model."""

    id: str | None = None
    model: str | None = None


class Text(msgspec.Struct, frozen=True, gc=False):
    """More of the answer's text; `choice` tells several answers to one request apart.

    `item` tells texts of one choice apart that a dialect keeps apart, and that may come by turns.
    """

    text: str
    choice: int = 0
    item: int = 0


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """More of the text of a refusal, where a dialect keeps it apart from the answer."""

    text: str
    choice: int = 0
    item: int = 0


class Reasoning(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More of what the model thought.

    `signature` seals a block of it and `redacted` is a block that only the provider can read; both
    must go back to the provider byte for byte.
    """

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    choice: int = 0
    item: int = 0


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """More of one tool call: id and name come with its first part, arguments in fragments.

    `index` is its place among the calls of the choice. Arguments are JSON text, split anywhere.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    choice: int = 0


class Finished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a choice ended; `word` is the provider's own."""

    reason: FinishReason
    word: str = ""
    stop_sequence: str | None = None
    choice: int = 0


class Used(msgspec.Struct, frozen=True, gc=False):
    """Tokens so far. Of several the last counts; they are never added up."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The provider said that it failed, in the body of its answer."""

    message: str
    kind: str = ""
    status: int | None = None


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The answer is whole: its terminator came, or its dialect needs none."""


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """What no other part can say (a citation, an image): `kind` names it, `data` is its JSON."""

    kind: str
    data: Any = None
    choice: int = 0


Part = Began | Text | Refusal | Reasoning | ToolCall | Finished | Used | Failed | Ended | Other
