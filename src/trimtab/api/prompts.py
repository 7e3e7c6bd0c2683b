"""/api/v1/prompts: write a version, list and read them, and what is said of their names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Line, MessageInput, require_path_name
from trimtab.api.protected import require_movable
from trimtab.errors import InvalidRequest
from trimtab.prompts.bundle import bundled
from trimtab.prompts.write import Draft
from trimtab.records import Prompt, PromptBundle, PromptEntry, Shots, Variable
from trimtab.records.prompt import Syntax

T = TypeVar("T")

_BOOLEAN = ("true", "false")
_NARROWED = {
    "folder": "only prompts of this folder and those in it",
    "tag": "only prompts with this tag",
    "label": "only prompts with this label",
    "archived": "true: archived prompts as well",
}


class PromptInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next version of a prompt: messages with variables, in Jinja or mustache.

    `parameters` and `tools` are in the shape of OpenAI's chat completions. `output_schema` is a
    JSON schema, or the whole `response_format` of the type `json_schema`. `over` is the newest
    version there must be, 0 for none. `allow_secrets` stores what looks like a credential too.
    """

    name: str
    messages: tuple[MessageInput, ...]
    syntax: Syntax = "jinja"
    declared: tuple[Variable, ...] = ()
    shots: Shots | None = None
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    output_schema: dict[str, Any] | None = None
    labels: tuple[str, ...] = ()
    note: Line = ""
    over: int | None = None
    allow_secrets: bool = False

    @property
    def draft(self) -> Draft:
        return Draft(**{name: getattr(self, name) for name in Draft.__struct_fields__})


class EntryInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a prompt's name; what is left out stays."""

    folder: str | None = None
    tags: tuple[str, ...] | None = None
    description: str | None = None
    archived: bool | None = None


class LabelInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a label points from now on. `over` is the version it must point to now, 0 for none."""

    version: int
    over: int | None = None


async def add(request: Request) -> Response:
    given = request.json(PromptInput)
    require_path_name(given.name, where="name")
    require_movable(request, given.labels)
    prompt = await asyncio.to_thread(
        request.app.prompt_writer.write,
        request.project,
        given.draft,
        author=request.principal.id,
        over=given.over,
        allow_secrets=given.allow_secrets,
    )
    await request.app.refresh()
    return reply(prompt, status=201)


async def listed(request: Request) -> Response:
    prompts, project, label = request.app.metadata.prompts, request.project, _label(request)

    def found() -> list[Prompt]:
        wanted = {one.name: one.labels for one in _entries(request)}
        newest = [one for one in prompts.list(project) if one.name in wanted]
        if label is None:
            return newest
        return [
            one
            if one.version == wanted[one.name][label]
            else prompts.get(project, f"{one.name}@{wanted[one.name][label]}")
            for one in newest
        ]

    return reply(Page(data=await asyncio.to_thread(found)))


async def read(request: Request) -> Response:
    bundle = request.choice("bundle", _BOOLEAN) == "true"
    ref = wanted(request.path["ref"])
    if bundle:
        return reply(await asyncio.to_thread(bundle_of, request, ref))
    prompts = request.app.metadata.prompts
    return reply(await asyncio.to_thread(prompts.get, request.project, ref))


def bundle_of(request: Request, ref: str) -> PromptBundle:
    """A prompt of the request's project with all that it needs. Raises NotFound, InvalidRequest."""
    return completed(request, request.app.metadata.prompts.get(request.project, ref))


def completed(request: Request, prompt: Prompt) -> PromptBundle:
    """A version with the prompts that it takes in and its examples. Raises InvalidRequest."""
    metadata, project = request.app.metadata, request.project
    return bundled(
        prompt,
        lambda ref: metadata.prompts.get(project, ref),
        lambda ref: metadata.datasets.rows(project, ref),
    )


def wanted(ref: str) -> str:
    """A reference as the store reads it: the newest version is that of the bare name.

    >>> wanted("greeting@latest"), wanted("greeting@production")
    ('greeting', 'greeting@production')
    """
    return ref.removesuffix("@latest")


async def versions(request: Request) -> Response:
    prompts, name = request.app.metadata.prompts, request.path["name"]
    found = await asyncio.to_thread(prompts.versions, request.project, name)
    return reply(Page(data=list(found)))


# -- what is said of a name ----------------------------------------------------------------------


async def entries(request: Request) -> Response:
    return reply(Page(data=await asyncio.to_thread(_entries, request)))


def _entries(request: Request) -> list[PromptEntry]:
    asked, label = request.query, _label(request)
    archived = request.choice("archived", _BOOLEAN) == "true"
    folder = asked.get("folder")
    return [
        one
        for one in request.app.metadata.prompts.entries(request.project)
        if (archived or not one.archived)
        and (folder is None or _is_within(one.folder, folder))
        and ("tag" not in asked or asked["tag"] in one.tags)
        and (label is None or label in one.labels)
    ]


def _is_within(folder: str, outer: str) -> bool:
    outer = outer.strip("/")
    return folder == outer or not outer or folder.startswith(f"{outer}/")


def _label(request: Request) -> str | None:
    """The label that is asked for; every prompt has a newest version."""
    label = request.query.get("label")
    return None if label == "latest" else label


async def entry(request: Request) -> Response:
    prompts = request.app.metadata.prompts
    return reply(await asyncio.to_thread(prompts.entry, request.project, request.path["name"]))


async def describe(request: Request) -> Response:
    given = request.json(EntryInput)
    changes = msgspec.structs.asdict(given)
    prompts, name = request.app.metadata.prompts, request.path["name"]
    return await _changed(
        request,
        lambda: prompts.describe(request.project, name, by=request.principal.id, **changes),
    )


async def label(request: Request) -> Response:
    given = request.json(LabelInput)
    if given.version < 1:
        raise InvalidRequest("there is no such version", where="$.version", fix="send 1 or more")
    return await _pointed(request, given.version, given.over)


async def unlabel(request: Request) -> Response:
    over = request.whole_number("over", -1, low=0, high=2**31 - 1)
    return await _pointed(request, None, None if over < 0 else over)


async def _pointed(request: Request, version: int | None, over: int | None) -> Response:
    prompts, by = request.app.metadata.prompts, request.principal.id
    name, word = request.path["name"], request.path["label"]
    require_movable(request, (word,))
    return await _changed(
        request,
        lambda: prompts.label(request.project, name, word, version, by=by, over=over),
    )


async def _changed(request: Request, change: Callable[[], T]) -> Response:
    value = await asyncio.to_thread(change)
    await request.app.refresh()
    return reply(value)


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
        summary="List the newest version of each prompt, or the one that a label points to",
        gives=list[Prompt],
        query=_NARROWED,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompts/{ref}",
        permission="prompts:read",
        handler=read,
        summary="One prompt: name for the newest version, name@3 or name@production for another",
        gives=Prompt,
        query={"bundle": "true: with the prompts that it takes in, and its examples"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompts/{name}/versions",
        permission="prompts:read",
        handler=versions,
        summary="The versions of a prompt, newest first",
        gives=list[Prompt],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompt-entries",
        permission="prompts:read",
        handler=entries,
        summary="What is said of the names of prompts: folder, tags, labels, description",
        gives=list[PromptEntry],
        query=_NARROWED,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompts/{name}/entry",
        permission="prompts:read",
        handler=entry,
        summary="What is said of the name of a prompt",
        gives=PromptEntry,
    ),
    Endpoint(
        method="PATCH",
        path="/api/v1/prompts/{name}/entry",
        permission="prompts:write",
        handler=describe,
        summary="Change the folder, the tags or the description of a prompt, or archive it",
        takes=EntryInput,
        gives=PromptEntry,
    ),
    Endpoint(
        method="PUT",
        path="/api/v1/prompts/{name}/labels/{label}",
        permission="prompts:write",
        handler=label,
        summary="Point a label to a version; a protected one needs prompts:promote",
        takes=LabelInput,
        gives=PromptEntry,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/prompts/{name}/labels/{label}",
        permission="prompts:write",
        handler=unlabel,
        summary="Take a label away; a protected one needs prompts:promote",
        gives=PromptEntry,
        query={"over": "the version it must point to now"},
    ),
]
