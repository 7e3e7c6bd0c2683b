"""What stands behind a name that models are asked by, learnt from the server once.

A route answers to a name, and what it asks may change: its targets, its fallbacks, the release
that is live, the canary beside it. Digests and kept replies hold to what they resolve to now.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.kit.hashing import digest

_SETTINGS = ("name", "project", "targets", "choose", "split")
_ANSWERING = ("live", "canary")


class Behind:
    """The names of a server, resolved as they are now.

    Args:
        client: of the server; None where there is none, which then cannot be asked either.
    """

    def __init__(self, client: Client | None) -> None:
        self._client = client
        self._routes: Sequence[Mapping[str, Any]] | None = None
        self._releases: Sequence[Mapping[str, Any]] = ()
        self._fault: str | None = None
        self._unknown = uuid.uuid4().hex
        self._around: dict[str, dict[str, Any]] = {}

    def learn(self) -> None:
        """Ask the server, once; what cannot be learnt is remembered as that. Blocks."""
        if self._routes is not None or self._fault is not None:
            return
        if self._client is None:
            self._fault = "no server is named"
            return
        try:
            releases = self._client.get("/api/v1/releases")["data"]
            self._routes = self._client.get("/api/v1/routes")["data"]
            self._releases = releases
        except TrimtabError as error:
            self._fault = error.what

    def of(self, name: str) -> str:
        """What tells apart what a name resolved to at other times; "" for a model's own name.

        Where it cannot be learnt, it is another in every evaluation; `is_known` tells.
        """
        self.learn()
        if not self.is_known(name):
            return self._unknown
        found = self._resolved(name, frozenset())
        return "" if found == name else digest(found)

    def look_around(self, names: Sequence[str]) -> None:
        """Ask the server for what `around` tells. Blocks."""
        if self._client is None:
            return
        for name in dict.fromkeys(names):
            try:
                found = self._client.get("/api/v1/behind", {"name": name})
            except TrimtabError:
                continue  # A server that cannot tell is taken to have nothing there.
            told = {"guards": found.get("guards"), "corpora": found.get("corpora")}
            self._around[name] = {key: value for key, value in told.items() if value}

    def around(self, name: str) -> dict[str, Any]:
        """The guards and the documents that answers to a name depend on; empty without any."""
        return self._around.get(name, {})

    def is_known(self, name: str) -> bool:
        """Whether it can be told what is behind a name; `provider/model` says it by itself."""
        self.learn()
        return self._routes is not None or "/" in name

    def note(self, names: Sequence[str]) -> str | None:
        """A sentence about those of some names that nothing is known of; None without any."""
        unknown = [name for name in dict.fromkeys(names) if not self.is_known(name)]
        if not unknown:
            return None
        return (
            f"replies of {', '.join(unknown)} are not kept, and this run is not found again by"
            f" --changed or --resume: nobody can tell what is behind the name: {self._fault}"
        )

    def _resolved(self, name: str, above: frozenset[str]) -> Any:
        """A name itself where it is a model's; else all that may answer."""
        route = self._route(name)
        own, at, version = name.rpartition("@")
        wanted = route["name"] if route is not None else own if at else name
        split = [one["version"] for one in route["split"]] if route is not None else []
        releases = [
            [one["version"], one["digest"], one["state"] == "canary" and one["share"], *_where(one)]
            for one in self._releases
            if one["route"] == wanted
            and (
                str(one["version"]) == version
                if at and route is None
                else one["state"] in _ANSWERING or one["version"] in split or one.get("live_in")
            )
        ]
        if (route is None and not releases) or name in above:
            return name
        if route is None:
            return [wanted, releases]
        inner = above | {name}
        settings = {each: route[each] for each in _SETTINGS}
        fallbacks = [self._resolved(each, inner) for each in route["fallbacks"]]
        return [settings, fallbacks, sorted(releases)]

    def _route(self, name: str) -> Mapping[str, Any] | None:
        in_use = [one for one in self._routes or () if one["in_use"]]
        return next((one for one in in_use if name in (one["name"], *one["aliases"])), None)


def _where(release: Mapping[str, Any]) -> list[Any]:
    """Where a release answers beside everywhere, if it does: nothing of one that does not."""
    return [place for place in (release.get("live_in"), release.get("segment")) if place]
