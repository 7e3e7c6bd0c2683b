"""From a declaration to the release of a server that has its content: found there, or stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import ConfigError, Conflict, NotFound
from trimtab.prompts import prompt_files
from trimtab.prompts.write import Draft
from trimtab.records import ModelTarget, Release, Retrieval
from trimtab.records.release import release_digest
from trimtab.shipping.declared import Declared

_ENDED_CANARY = "end_canary"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What is to answer: a bundle for the server, and its digest.

    The digest is None where nobody knows it before the server has stored it: of a prompt that is
    not there yet, and of a policy of guards, which the server pins.
    """

    bundle: Mapping[str, Any]
    digest: str | None


def content_of(found: Declared, client: Client, *, store: bool) -> Content:
    """The content that a file declares.

    Args:
        store: whether a prompt that is a file may become a version; the same content again is the
            same version.
    Raises:
        ConfigError, InvalidRequest: the file of the prompt is not one.
        NotFound: the prompt is not there.
    """
    said = found.declaration
    prompt = _prompt(found, client, store=store)
    targets = tuple(_target(one) for one in said.targets)
    retrieval = None
    if said.retrieval is not None:
        retrieval = msgspec.convert(msgspec.to_builtins(said.retrieval), Retrieval)
    policy = said.guard_policy
    ref = None if prompt is None else f"{prompt['name']}@{prompt['version']}"
    known = (prompt is None or prompt["digest"]) and (policy is None or "@" in policy)
    return Content(
        bundle={
            "route": said.route,
            "targets": msgspec.to_builtins(targets),
            "prompt": ref,
            "parameters": said.parameters,
            "guard_policy": policy,
            "retrieval": msgspec.to_builtins(retrieval),
            "note": said.note,
        },
        digest=release_digest(
            None if prompt is None else prompt["digest"],
            targets,
            said.parameters,
            policy,
            retrieval,
        )
        if known
        else None,
    )


def stored(content: Content, releases: Sequence[Release], client: Client) -> Release:
    """The release with a content: one that is not retired, else a new candidate."""
    here = same(content, releases) if content.digest is not None else None
    if here is not None:
        return here
    try:
        return msgspec.convert(client.post("/api/v1/releases", dict(content.bundle)), Release)
    except Conflict as error:
        twin = error.fields.get("release_id")
        if not isinstance(twin, str):
            raise
        return read(twin, client)


def same(content: Content, releases: Sequence[Release]) -> Release | None:
    """The newest release of a content that is not retired."""
    return next((one for one in releases if one.state != "retired" and _is(one, content)), None)


def _is(release: Release, content: Content) -> bool:
    """Whether a release has a content, as far as that can be told from outside."""
    if content.digest is not None:
        return release.digest == content.digest
    said = msgspec.to_builtins(release)
    policy = (release.guard_policy or "").partition("@")[0] or None
    return all(
        value == (policy if name == "guard_policy" else said[name])
        for name, value in content.bundle.items()
        if name not in ("route", "note")
    )


def read(ref: str, client: Client) -> Release:
    """A release as it is now. Raises NotFound."""
    return msgspec.convert(client.get(api_path("releases", ref)), Release)


def releases_of(route: str, client: Client) -> list[Release]:
    """The releases of a route, newest first."""
    found = client.get("/api/v1/releases", {"route": route})["data"]
    return sorted(msgspec.convert(found, list[Release]), key=lambda one: one.version, reverse=True)


def answering(releases: Sequence[Release], environment: str | None) -> Release | None:
    """What answers the calls of an environment, or of all that name none."""
    placed = (one for one in releases if environment is not None and environment in one.live_in)
    live = (one for one in releases if one.state == "live")
    return next(placed, None) or next(live, None)


def taken_back(digest: str, releases: Sequence[Release]) -> str | None:
    """Why a content was taken back when it was shipped last; None where it was not."""
    moves = [(release, approval) for release in releases for approval in release.approvals]
    mine, why = False, None
    for release, approval in sorted(moves, key=lambda move: move[1].time_ns):
        if release.digest == digest:
            if approval.action == "promote":
                mine, why = approval.environment is None, None
            elif approval.action == "canary":
                why = None
            elif approval.action == "roll_back":
                mine, why = True, None
            elif approval.action == _ENDED_CANARY:
                why = f"its canary was ended by {approval.principal}" + _because(approval.reason)
        elif mine and approval.environment is None:
            if approval.action == "roll_back":
                mine, why = False, f"{approval.principal} took it back{_because(approval.reason)}"
            elif approval.action == "promote":
                mine = False
    return why


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _target(said: Any) -> ModelTarget:
    if isinstance(said, str):
        return ModelTarget(model=said)
    return ModelTarget(model=said.model, weight=said.weight)


# -- the prompt ------------------------------------------------------------------------------------


def _prompt(found: Declared, client: Client, *, store: bool) -> Mapping[str, Any] | None:
    said = found.declaration.prompt
    if said is None:
        return None
    if not said.endswith(prompt_files.SUFFIX):
        prompt: Mapping[str, Any] = client.get(api_path("prompts", said))
        return prompt
    path = found.folder / said
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the file of the prompt cannot be read: {error}",
            where=f"{found.path}, prompt",
            fix="correct its name; it is looked for beside the file of the release",
        ) from None
    draft = prompt_files.read(text, str(path)).draft
    if store:
        written: Mapping[str, Any] = client.post("/api/v1/prompts", _wire(draft))
        return written
    return _newest(draft, client)


def _wire(draft: Draft) -> dict[str, Any]:
    """A draft without its labels, which say what is in use: shipping it is not using it yet."""
    wire: dict[str, Any] = msgspec.to_builtins(draft)
    return {**wire, "labels": []}


def _newest(draft: Draft, client: Client) -> Mapping[str, Any]:
    """The version that has the content of a draft; one without a digest where none has it."""
    try:
        newest: Mapping[str, Any] = client.get(api_path("prompts", draft.name))
    except NotFound:
        return {"name": draft.name, "version": 1, "digest": None}
    said = {
        name: value
        for name, value in msgspec.to_builtins(draft).items()
        if name not in ("name", "labels", "note")
    }
    if all(newest.get(name) == value for name, value in said.items()):
        return newest
    return {"name": draft.name, "version": newest["version"] + 1, "digest": None}
