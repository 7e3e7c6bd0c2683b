"""/api/v1/keys: virtual keys, whose secret is told once."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier, require_path_name
from trimtab.errors import InvalidRequest
from trimtab.governance.keys import Issued, KeyTerms
from trimtab.records import VirtualKey

Permission = Annotated[str, Meta(pattern=r"^(\*|[a-z_]+:(\*|[a-z_]+))$(?!\n)")]
UnixNs = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class KeyInput(KeyTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key is issued for. `models` are patterns such as `openai/*`, or names of routes."""

    name: Identifier
    user: Identifier | None = None
    team: Identifier | None = None
    permissions: Annotated[tuple[Permission, ...], Meta(min_length=1)] = ("gateway:call",)
    models: Annotated[tuple[Identifier, ...], Meta(min_length=1)] | None = None
    expires_ns: UnixNs | None = None


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; `expires_ns` null lets the key live for ever."""

    disabled: bool | UnsetType = UNSET
    expires_ns: UnixNs | UnsetType | None = UNSET


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is to be chosen."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secret, of which `hint` is the last four characters."""

    key_id: str
    name: str
    project: str
    hint: str
    user: str | None
    team: str | None
    permissions: tuple[str, ...]
    models: tuple[str, ...] | None
    expires_ns: int | None
    disabled: bool
    created_ns: int
    created_by: str


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secret, which is not shown again."""

    key: KeyView
    secret: str


async def issue(request: Request) -> Response:
    given = request.json(KeyInput)
    require_path_name(given.name, where="name")
    terms = msgspec.convert(given, KeyTerms, from_attributes=True)
    issued = await asyncio.to_thread(request.app.keys.issue, terms, by=request.principal)
    await request.app.refresh()
    return reply(_shown(issued), status=201)


async def listed(request: Request) -> Response:
    keys = await asyncio.to_thread(request.app.metadata.keys.list, request.project)
    return reply(Page(data=[_view(key) for key in keys]))


async def read(request: Request) -> Response:
    keys = request.app.metadata.keys
    return reply(_view(await asyncio.to_thread(keys.get, request.project, request.path["ref"])))


async def change(request: Request) -> Response:
    given = request.json(KeyChange)
    if given.disabled is UNSET and given.expires_ns is UNSET:
        raise InvalidRequest(
            "nothing is to be changed", where="$", fix="send disabled, expires_ns, or both"
        )
    key = await asyncio.to_thread(_changed, request, given)
    await request.app.refresh()
    return reply(_view(key))


async def rotate(request: Request) -> Response:
    if request.body.strip():
        request.json(Rotation)
    issued = await asyncio.to_thread(
        request.app.keys.rotate, request.path["ref"], by=request.principal
    )
    await request.app.refresh()
    return reply(_shown(issued))


def _changed(request: Request, given: KeyChange) -> VirtualKey:
    keys, ref, by = request.app.keys, request.path["ref"], request.principal
    key = request.app.metadata.keys.get(request.project, ref)
    if given.expires_ns is not UNSET:
        key = keys.expire(ref, expires_ns=given.expires_ns, by=by)
    if given.disabled is not UNSET:
        key = keys.disable(ref, disabled=given.disabled, by=by)
    return key


def _view(key: VirtualKey) -> KeyView:
    return msgspec.convert(key, KeyView, from_attributes=True)


def _shown(issued: Issued) -> IssuedKey:
    return IssuedKey(key=_view(issued.key), secret=issued.secret)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/keys",
        permission="keys:write",
        handler=issue,
        summary="Issue a virtual key; the answer is the only one that tells its secret",
        takes=KeyInput,
        gives=IssuedKey,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/keys",
        permission="keys:read",
        handler=listed,
        summary="List virtual keys, newest first",
        gives=list[KeyView],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/keys/{ref}",
        permission="keys:read",
        handler=read,
        summary="One virtual key, by id or name",
        gives=KeyView,
    ),
    Endpoint(
        method="PATCH",
        path="/api/v1/keys/{ref}",
        permission="keys:write",
        handler=change,
        summary="Disable a key or enable it again, or set when it ends",
        takes=KeyChange,
        gives=KeyView,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/keys/{ref}/rotate",
        permission="keys:write",
        handler=rotate,
        summary="Give a key a new secret; the old one is refused at once",
        takes=Rotation,
        gives=IssuedKey,
    ),
]
