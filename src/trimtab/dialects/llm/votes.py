"""Votes: how often one question is asked, and what of its answers is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

MOST_VOTES = 20
MEMBER = "trimtab"
"""The member of a request, and of a release's parameters, that is for Trimtab itself."""

VoteCount = Annotated[int, Meta(ge=1, le=MOST_VOTES)]


class Votes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`votes` answers are asked for; `votes_on` is the member of their JSON (`a.b`) that counts."""

    votes: VoteCount = 1
    votes_on: str | None = None


def votes_of(parameters: Mapping[str, Any]) -> Votes | None:
    """What the parameters of a prompt or a release say of votes; None where they say nothing.

    Raises:
        InvalidRequest: they say something else.

    >>> votes_of({"temperature": 1, "trimtab": {"votes": 3}}).votes
    3
    """
    said = parameters.get(MEMBER)
    if said is None:
        return None
    try:
        return msgspec.convert(said, Votes)
    except msgspec.ValidationError as error:
        text, path = jsonx.reason(error)
        raise InvalidRequest(
            f"the parameter 'trimtab' is wrong: {text}",
            where=f"parameters.trimtab{path.removeprefix('$')}",
            fix=f'send for example {{"votes": 5}}, with at most {MOST_VOTES}',
        ) from None
