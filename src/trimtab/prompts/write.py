"""Writing a prompt: checked, hashed, stored as the next version."""

from __future__ import annotations

from typing import Any

from trimtab.dialects.llm import openai_chat
from trimtab.errors import InvalidRequest
from trimtab.ports import Clock, PromptStore
from trimtab.prompts.template import variables_of
from trimtab.records import Message, Prompt
from trimtab.records.prompt import prompt_digest


def write(
    prompts: PromptStore,
    clock: Clock,
    *,
    project: str,
    name: str,
    messages: tuple[Message, ...],
    parameters: dict[str, Any] | None = None,
    tools: tuple[dict[str, Any], ...] = (),
    output_schema: dict[str, Any] | None = None,
    labels: tuple[str, ...] = (),
) -> Prompt:
    """Store the next version of a prompt; the same content again is the same version.

    Raises:
        InvalidRequest: no messages, an unknown role, a parameter that is not a prompt's to set, a
            tool without a name, or a template that does not parse.
    """
    if not messages:
        raise InvalidRequest(
            "a prompt needs at least one message",
            where="messages",
            fix='send messages like {"role": "system", "content": "..."}',
        )
    for index, message in enumerate(messages):
        openai_chat.check_role(message.role, f"messages[{index}].role")
    parameters = parameters or {}
    openai_chat.check_parameters(parameters)
    for index, tool in enumerate(tools):
        _check_tool(tool, f"tools[{index}]")
    return prompts.add(
        Prompt(
            name=name,
            version=0,
            project=project,
            messages=messages,
            variables=variables_of(messages),
            parameters=parameters,
            tools=tools,
            output_schema=output_schema,
            labels=labels,
            digest=prompt_digest(messages, parameters, tools, output_schema),
            created_ns=clock.now_ns(),
        )
    )


def _check_tool(tool: dict[str, Any], where: str) -> None:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if tool.get("type") != "function" or not isinstance(name, str) or not name:
        raise InvalidRequest(
            "a tool of a prompt is a function with a name",
            where=where,
            fix='send {"type": "function", "function": {"name": "look_up", "parameters": {}}}',
        )
