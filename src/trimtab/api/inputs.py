"""What bodies of the API share: records read strictly, and names that fit into a path.

A record ignores fields it does not know, so that old data can be read; a request must not, because
a field that is misspelt and ignored changes what is stored.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from trimtab.errors import InvalidRequest
from trimtab.records import Example, Message, ModelTarget, Record, Retrieval, Target

R = TypeVar("R", bound=Record)
Identifier = Annotated[str, Meta(min_length=1, max_length=200)]
Line = Annotated[str, Meta(max_length=2_000)]

_NOT_IN_PATHS = frozenset({".", ".."})


class MessageInput(Message, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message of a prompt."""


class ExampleInput(Example, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a dataset; its `example_id` is unique among them."""

    example_id: Identifier


class TargetInput(Target, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a score judges."""


class ModelTargetInput(ModelTarget, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of a release."""

    weight: Annotated[float, Meta(gt=0)] = 1.0


class RetrievalInput(Retrieval, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a release finds passages."""


class NoInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose."""


def as_record(given: msgspec.Struct, kind: type[R], **more: Any) -> R:
    """A record made of a body, and of the fields that are not the caller's to say."""
    return msgspec.convert({**msgspec.to_builtins(given), **more}, kind)


def require_path_name(name: str, *, where: str) -> None:
    """Raises InvalidRequest when a name could not be asked for again in the path of a URL.

    >>> require_path_name("docs/a", where="name")
    Traceback (most recent call last):
    trimtab.errors.InvalidRequest: 'docs/a' cannot be a name (at name); choose one without "/"
    """
    if "/" in name or name in _NOT_IN_PATHS:
        raise InvalidRequest(
            f"{name[:50]!r} cannot be a name", where=where, fix='choose one without "/"'
        )
