"""/api/v1/prompts, looked at: what can be said against one, what changed, what it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.llm import caller_of
from trimtab.api.prompts import PromptInput, bundle_of, completed, wanted
from trimtab.errors import NotFound
from trimtab.prompts.difference import Difference, differ
from trimtab.prompts.lint import Finding, lint
from trimtab.prompts.preview import Preview, preview
from trimtab.records import ModelCard, Prompt


class PreviewInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values for the variables of a prompt. `models` are those to estimate the cost of; without
    them, all that the caller may ask for."""

    variables: dict[str, Any] = {}
    models: tuple[str, ...] = ()


class DraftInput(PreviewInput, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same for a prompt that is not stored."""

    prompt: PromptInput


async def checked(request: Request) -> Response:
    models, ref = _models(request), wanted(request.path["ref"])
    return reply(Page(data=await asyncio.to_thread(lambda: lint(bundle_of(request, ref), models))))


async def draft_checked(request: Request) -> Response:
    given = request.json(DraftInput)
    models = _models(request, given.models)
    found = await asyncio.to_thread(
        lambda: lint(completed(request, _unstored(request, given.prompt)), models)
    )
    return reply(Page(data=found))


async def previewed(request: Request) -> Response:
    given = request.json(PreviewInput)
    models, ref = _models(request, given.models), wanted(request.path["ref"])
    return reply(
        await asyncio.to_thread(lambda: preview(bundle_of(request, ref), given.variables, models))
    )


async def draft_previewed(request: Request) -> Response:
    given = request.json(DraftInput)
    models = _models(request, given.models)
    return reply(
        await asyncio.to_thread(
            lambda: preview(
                completed(request, _unstored(request, given.prompt)), given.variables, models
            )
        )
    )


async def differing(request: Request) -> Response:
    ref, against = wanted(request.path["ref"]), request.query.get("against")
    return reply(await asyncio.to_thread(_difference, request, ref, against))


def _difference(request: Request, ref: str, against: str | None) -> Difference:
    prompts, project = request.app.metadata.prompts, request.project
    after = prompts.get(project, ref)
    if against is None:
        if after.version == 1:
            raise NotFound(
                f"{after.ref} is the first version",
                where="query parameter against",
                fix="name the version to compare with",
            )
        against = f"{after.name}@{after.version - 1}"
    return differ(prompts.get(project, wanted(against)), after)


def _unstored(request: Request, given: PromptInput) -> Prompt:
    return request.app.prompt_writer.checked(
        request.project, given.draft, author=request.principal.id
    )


def _models(request: Request, named: Sequence[str] = ()) -> list[ModelCard]:
    """The cards of models, of those that the caller may ask for. Raises NotFound."""
    gateway = request.app.gateway
    allowed, cards = set(gateway.names(caller_of(request))), gateway.snapshot.cards
    unknown = [name for name in named if name not in cards or name not in allowed]
    if unknown:
        raise NotFound(
            f"no model {unknown[0][:200]!r}", where="models", fix="GET /v1/models lists them"
        )
    return [cards[name] for name in named or sorted(set(cards) & allowed)]


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/prompts/{ref}/lint",
        permission="prompts:read",
        handler=checked,
        summary="What should be mended in a prompt",
        gives=list[Finding],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/prompts/{ref}/diff",
        permission="prompts:read",
        handler=differing,
        summary="What changed since another version",
        gives=Difference,
        query={"against": "the version to compare with (default the one before)"},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/prompts/{ref}/preview",
        permission="prompts:read",
        handler=previewed,
        summary="A prompt with values filled in, its tokens, and what it would cost",
        takes=PreviewInput,
        gives=Preview,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/prompt-drafts/lint",
        permission="prompts:read",
        handler=draft_checked,
        summary="What should be mended in a prompt that is not stored",
        takes=DraftInput,
        gives=list[Finding],
    ),
    Endpoint(
        method="POST",
        path="/api/v1/prompt-drafts/preview",
        permission="prompts:read",
        handler=draft_previewed,
        summary="The same for a prompt that is not stored",
        takes=DraftInput,
        gives=Preview,
    ),
]
