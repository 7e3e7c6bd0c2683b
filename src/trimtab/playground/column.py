"""Column: one thing that is asked in the playground: words, a model, parameters, variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.errors import InvalidRequest
from trimtab.records import Message, Variable
from trimtab.records.prompt import Syntax

MOST_COLUMNS = 16

Name = Annotated[str, Meta(max_length=200)]


class Turn(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message, of a draft or of the conversation."""


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Messages with variables that are no version of a prompt yet."""

    messages: Annotated[tuple[Turn, ...], Meta(min_length=1)]
    syntax: Syntax = "jinja"
    declared: tuple[Variable, ...] = ()


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one column asks.

    The words are a stored `prompt` (`name`, `name@3`, `name@label`) or a `draft`, filled with
    `variables`, and then the conversation of `messages`, as it stands. `model` is a route, a
    release or `provider/model`; of a route only its models are used where the column has words of
    its own. `parameters`, `tools` and `output_schema` win over those of the prompt. `cache`: the
    answer may be one that the route's cache has.
    """

    id: Name = ""
    model: Annotated[str, Meta(min_length=1, max_length=500)]
    prompt: Name | None = None
    draft: Words | None = None
    messages: tuple[Turn, ...] = ()
    variables: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] | None = None
    output_schema: dict[str, Any] | None = None
    cache: bool = False

    @property
    def has_prompt(self) -> bool:
        return self.prompt is not None or self.draft is not None


def numbered(columns: Sequence[Column], *, over_rows: bool = False) -> list[Column]:
    """The columns, each with an id: its own, or its place from 1 on.

    Args:
        over_rows: the rows of a dataset bring the words of those that have none.
    Raises:
        InvalidRequest: there are none or too many, two have one id, one has words of two kinds, or
            a conversation beside rows.
    """
    if not 0 < len(columns) <= MOST_COLUMNS:
        raise InvalidRequest(
            f"{len(columns)} columns; it takes 1 to {MOST_COLUMNS}",
            where="columns",
            fix="send fewer, or a second stream" if columns else "send at least one column",
        )
    found = [
        one if one.id else msgspec.structs.replace(one, id=str(place))
        for place, one in enumerate(columns, 1)
    ]
    known: set[str] = set()
    for place, column in enumerate(found):
        where = f"columns[{place}]"
        if column.id in known or "/" in column.id or not column.id.isprintable():
            raise InvalidRequest(
                f"the id {column.id[:50]!r} is there twice, or cannot be one",
                where=f"{where}.id",
                fix='give each column an id of its own without "/", or none any',
            )
        known.add(column.id)
        if over_rows and column.messages:
            raise InvalidRequest(
                "a column over a dataset is asked each row, and this one brings its own question",
                where=f"{where}.messages",
                fix='send "prompt" or "draft", or a model alone',
            )
        if not over_rows or column.has_prompt:
            require_words(column, where)
    return found


def require_words(column: Column, where: str) -> None:
    """Raises InvalidRequest where a column has nothing to say, or a prompt and a draft."""
    if column.prompt is not None and column.draft is not None:
        raise InvalidRequest(
            "a column has a prompt or a draft, not both", where=f"{where}.draft", fix="send one"
        )
    if not (column.has_prompt or column.messages):
        raise InvalidRequest(
            "a column without words",
            where=where,
            fix='send "prompt", "draft", or "messages"',
        )
