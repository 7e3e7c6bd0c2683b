"""/api/v1/prompts: write a version, list the newest, read one."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import MessageInput, require_path_name
from trimtab.prompts.write import write
from trimtab.records import Prompt


class PromptInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next version of a prompt: messages with Jinja variables.

    `parameters` and `tools` are in the shape of OpenAI's chat completions. `output_schema` is a
    JSON schema, or the whole `response_format` of the type `json_schema`.
    """

    name: str
    messages: tuple[MessageInput, ...]
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()


async def add(request: Request) -> Response:
    given = request.json(PromptInput)
    require_path_name(given.name, where="name")
    prompt = await asyncio.to_thread(
        write,
        request.app.metadata.prompts,
        request.app.clock,
        project=request.project,
        name=given.name,
        messages=given.messages,
        parameters=given.parameters,
        tools=given.tools,
        output_schema=given.output_schema,
        labels=given.labels,
    )
    await request.app.refresh()
    return reply(prompt, status=201)


async def listed(request: Request) -> Response:
    prompts = request.app.metadata.prompts
    return reply(Page(data=await asyncio.to_thread(prompts.list, request.project)))


async def read(request: Request) -> Response:
    prompts = request.app.metadata.prompts
    return reply(await asyncio.to_thread(prompts.get, request.project, request.path["ref"]))


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/prompts",
        permission="prompts:write",
        handler=add,
        summary="Store the next version of a prompt",
        takes=PromptInput,
        gives=Prompt,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompts",
        permission="prompts:read",
        handler=listed,
        summary="List the newest version of each prompt",
        gives=list[Prompt],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompts/{ref}",
        permission="prompts:read",
        handler=read,
        summary="One prompt: name for the newest version, name@3 for a version",
        gives=Prompt,
    ),
]
