"""Ask: one request as it came, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from trimtab.dialects.llm.dialect import Dialect, Envelope
from trimtab.dialects.llm.votes import VoteCount
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.ports import Template

_CREATES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what the record should say about it.

    `user` and `session` are the application's own; `key`, `key_user` and `team` are those of the
    virtual key. `trace_id` and `parent_id` are the span that the call is part of, where it is part
    of something larger. `headers` are the ones of the request that mean something to a provider,
    and `cache_control` is the one that means something to the cache. `live` False: somebody tries
    something out, so no shadow gets a copy. `retries` is the most attempts after the first that
    they want, None for as many as the route makes.
    """

    principal: str
    project: str
    user: str | None = None
    session: str | None = None
    environment: str | None = None
    run: str | None = None
    trace_id: str | None = None
    parent_id: str | None = None
    key: str | None = None
    key_user: str | None = None
    team: str | None = None
    models: tuple[str, ...] | None = None
    attributes: dict[str, Any] = {}
    headers: Mapping[str, str] = {}
    cache_control: str = ""
    live: bool = True
    retries: int | None = None

    @property
    def identity(self) -> dict[str, str]:
        """What spans say of whose key it was; the ledger reads it."""
        names = {"key": self.key, "key_user": self.key_user, "team": self.team}
        return {f"trimtab.{name}": value for name, value in names.items() if value}


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is passed on as it is, to any path of a provider's API."""

    method: str
    path: str
    content_type: str
    body: bytes


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the member `trimtab` of a request says; another member of it would say nothing.

    `reask` is how often a model may be asked again for an answer that matches its schema, and
    `cache` False goes around the cache. With `votes`, the question is asked so many times, and what
    most answers say is the answer; `votes_on` is the member of their JSON that counts.
    """

    variables: dict[str, Any] = {}
    model: str | None = None
    reask: Any = 0
    cache: bool | None = None
    votes: VoteCount = 1
    votes_on: str | None = None

    def __post_init__(self) -> None:
        if self.model is not None and not self.model.isprintable():
            raise ValueError("the name of the model has a control character in it")

    @classmethod
    def of(cls, member: Mapping[str, Any]) -> Told:
        """Raises InvalidRequest for a member nobody knows, or a value of a wrong type."""
        for name in member:
            if name not in cls.__struct_fields__:
                known = ", ".join(sorted(cls.__struct_fields__))
                near = get_close_matches(name[:100], cls.__struct_fields__, n=1)
                raise InvalidRequest(
                    f"'trimtab' has no member {name[:100]!r}",
                    where=f"trimtab.{name[:100]}",
                    fix=f"{f'did you mean {near[0]}? ' if near else ''}it has {known}",
                    allowed=sorted(cls.__struct_fields__),
                )
        try:
            return msgspec.convert(member, cls)
        except msgspec.ValidationError as error:
            text, path = jsonx.reason(error)
            raise InvalidRequest(
                f"'trimtab' is wrong: {text}",
                where=f"trimtab{path.removeprefix('$')}",
                fix='send for example {"variables": {"name": "Ada"}, "model": "provider/model"}',
            ) from None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the dialect it came in.

    `variables` are for the prompt of the route; `prompt_model` answers a prompt that was asked for
    by its name. `prompt` is one that is at hand, stored or not, and the envelope's model answers
    it. `passing` is there in the dialect `passthrough`.
    """

    dialect: Dialect
    envelope: Envelope
    caller: Caller
    variables: Mapping[str, Any] = {}
    prompt_model: str | None = None
    prompt: Template | None = None
    passing: Passing | None = None

    @classmethod
    def read(
        cls,
        dialect: Dialect,
        body: bytes,
        caller: Caller,
        *,
        variables: Mapping[str, Any],
        prompt_model: str | None,
    ) -> Ask:
        """A request from its bytes; what the body says in `trimtab` wins.

        Raises:
            InvalidRequest: it is none of its dialect.
        """
        envelope = dialect.envelope(body)
        if envelope.trimtab:
            told = Told.of(envelope.trimtab)
            variables = {**variables, **told.variables}
            prompt_model = told.model or prompt_model
        return cls(
            dialect=dialect,
            envelope=envelope,
            caller=caller,
            variables=variables,
            prompt_model=prompt_model,
        )

    def in_shadow(self) -> Ask:
        """The same, of which the answer goes to nobody.

        The project pays for it and not the caller, who did not ask for it.
        """
        caller = msgspec.structs.replace(
            self.caller,
            trace_id=None,
            parent_id=None,
            key=None,
            key_user=None,
            team=None,
            models=None,
            attributes={**self.caller.attributes, "trimtab.shadow": True},
        )
        return msgspec.structs.replace(self, caller=caller)

    @property
    def is_free(self) -> bool:
        """Whether no model does anything for it: it reads, deletes, or counts tokens."""
        if self.passing is not None:
            return self.passing.method.upper() in _CREATES_NOTHING
        return self.dialect.name == "anthropic.count_tokens"

    @property
    def unit(self) -> str | None:
        """Whom a choice stays the same for: the session, or else the user."""
        return self.caller.session or self.caller.user or self.envelope.user
