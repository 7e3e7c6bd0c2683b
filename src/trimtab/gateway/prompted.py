"""A request made here of a prompt that is at hand, and not read from a body that came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm import DIALECTS
from trimtab.gateway.ask import Ask, Caller
from trimtab.kit import jsonx
from trimtab.ports import Template

_PLACE = [{"role": "user", "content": ""}]


def prompted(
    template: Template,
    caller: Caller,
    *,
    model: str,
    fields: Mapping[str, Any],
    variables: Mapping[str, Any],
    messages: Sequence[Any] = (),
) -> Ask:
    """A chat completion that a prompt opens; unlike one that comes, it may have nothing to add.

    Args:
        model: a route or `provider/model`; of a route only its models are used.
        fields: further fields of the request; the prompt's own parameters win.
        messages: the conversation that follows the prompt.
    Raises:
        InvalidRequest: the request is no chat completion.
    """
    dialect = DIALECTS["openai.chat"]
    body = {**fields, "model": model, "messages": list(messages) or _PLACE}
    envelope = dialect.envelope(jsonx.encode(body))
    if not messages:
        raw = {**envelope.fields, "messages": msgspec.Raw(b"[]")}
        envelope = msgspec.structs.replace(envelope, fields=raw)
    return Ask(
        dialect=dialect, envelope=envelope, caller=caller, variables=variables, prompt=template
    )


class Edited:
    """A prompt with other settings beside its words; implements `ports.Template`."""

    def __init__(
        self,
        template: Template,
        *,
        parameters: Mapping[str, Any],
        tools: Sequence[dict[str, Any]] | None = None,
        output_schema: dict[str, Any] | None = None,
    ) -> None:
        own = template.prompt
        self._template = template
        self.prompt = msgspec.structs.replace(
            own,
            parameters={**own.parameters, **parameters},
            tools=own.tools if tools is None else tuple(tools),
            output_schema=own.output_schema if output_schema is None else output_schema,
        )
        self.render = template.render
