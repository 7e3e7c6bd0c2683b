"""Creating: content becomes a candidate, with everything it names pinned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from trimtab.dialects.llm import openai_chat
from trimtab.errors import InvalidRequest
from trimtab.kit import ids
from trimtab.ports import PromptStore
from trimtab.records import ModelTarget, Release, Retrieval
from trimtab.records.release import release_digest
from trimtab.releases.moves import Moves

Policy = Callable[[str, str], str]
"""The policy of guards of a project and a name, as `name@version`. Raises InvalidRequest."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a release: everything that can change an answer."""

    route: str
    targets: tuple[ModelTarget, ...]
    prompt: str | None = None
    parameters: dict[str, Any] = {}
    guard_policy: str | None = None
    retrieval: Retrieval | None = None
    note: str = ""


class Creating:
    """Makes releases of bundles."""

    def __init__(self, moves: Moves, prompts: PromptStore, policy: Policy) -> None:
        self._moves = moves
        self._prompts = prompts
        self._policy = policy

    def create(self, project: str, bundle: Bundle, *, author: str | None) -> Release:
        """See `Lifecycle.create`."""
        _check(bundle)
        prompt = self._prompts.get(project, bundle.prompt) if bundle.prompt else None
        policy = self._pinned(project, bundle.guard_policy) if bundle.guard_policy else None
        now_ns = self._moves.clock.now_ns()
        return self._moves.releases.add(
            Release(
                release_id=ids.uuid7(now_ns),
                route=bundle.route,
                version=0,
                project=project,
                prompt=prompt.ref if prompt else None,
                targets=bundle.targets,
                parameters=bundle.parameters,
                guard_policy=policy,
                retrieval=bundle.retrieval,
                state="candidate",
                author=author,
                digest=release_digest(
                    prompt.digest if prompt else None,
                    bundle.targets,
                    bundle.parameters,
                    policy,
                    bundle.retrieval,
                ),
                note=bundle.note,
                created_ns=now_ns,
            )
        )

    def _pinned(self, project: str, given: str) -> str:
        """A policy at the version that it has; the one that is given must be it."""
        name, _, version = given.partition("@")
        found = self._policy(project, name)
        if version and found != given:
            raise InvalidRequest(
                f"the policy {name[:100]!r} is not what {given[:120]!r} was: it is {found} now",
                where="guard_policy",
                fix=f"send {name[:100]!r} for the policy as it is",
            )
        return found


def _check(bundle: Bundle) -> None:
    if not bundle.targets:
        raise InvalidRequest(
            "a release needs a model that answers",
            where="targets",
            fix='name one, like {"model": "trimtab/extract"}',
        )
    openai_chat.check_parameters(bundle.parameters)
