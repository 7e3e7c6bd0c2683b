"""Deploying: releases made ready to answer, as far as what they name is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from trimtab.errors import NotFound, TrimtabError
from trimtab.gateway.snapshot import Deployment, Snapshot
from trimtab.ports import PromptStore
from trimtab.prompts.shelf import Shelf
from trimtab.records import Release, RouteGuards
from trimtab.retrieval.corpora import Corpora


class Deploying:
    """Makes deployments of releases.

    Args:
        corpora: what releases find passages in.
        models: looks up the models that releases name.
        shelf: the prompts in memory; others are read from `prompts`.
    """

    def __init__(
        self, corpora: Corpora, models: Snapshot, *, shelf: Shelf, prompts: PromptStore
    ) -> None:
        self._corpora = corpora
        self._models = models
        self._shelf = shelf
        self._prompts = prompts

    def all(
        self, releases: Iterable[Release], broken: Callable[[str], None]
    ) -> Iterator[Deployment]:
        """Those that can answer; one broken release must not take the others down with it.

        Args:
            broken: is told of each that cannot, and why.
        """
        for release in releases:
            try:
                yield self.one(release)
            except TrimtabError as error:
                broken(f"release {release.ref} cannot answer: {error}")

    def one(self, release: Release) -> Deployment:
        """A release with those of its models that there are.

        Raises:
            NotFound: none of its models is there, or something else that it names is not.
        """
        template, parameters = None, release.parameters
        if release.prompt is not None:
            template = self._shelf.find(release.project, release.prompt) or self._shelf.compile(
                self._prompts.get(release.project, release.prompt)
            )
            parameters = {**template.prompt.parameters, **parameters}
        found = {target.model: self._models.target(target.model) for target in release.targets}
        missing = tuple(model for model, target in found.items() if target is None)
        if len(missing) == len(found):
            raise NotFound(
                f"no model {', '.join(map(repr, missing))}", where=f"release {release.ref}"
            )
        retrieval = release.retrieval
        return Deployment(
            release=release,
            parameters=parameters,
            template=template,
            retriever=self._corpora.retriever(retrieval) if retrieval else None,
            targets=tuple(target for target in found.values() if target is not None),
            missing=missing,
            guards=release_guards(release),
        )


def release_guards(release: Release) -> RouteGuards | None:
    """The policy that guards the calls of a release, as it is now; None where it names none."""
    if release.guard_policy is None:
        return None
    return RouteGuards(policy=release.guard_policy.partition("@")[0])
