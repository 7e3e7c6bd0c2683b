"""Routes that two releases share, and users who say what they think of the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.api.conftest import BUNDLE
from tests.serving import Reply, Served

ROUTES = "/api/v1/routes"
SPLIT = [{"version": 1}, {"version": 2}]
BANDIT = {"score": "helpful", "every_s": 5}


def split(server: Served, route: str) -> None:
    """Two releases share a route evenly, and version 1 is live."""
    for version in (1, 2):
        bundle = BUNDLE | {"route": route, "parameters": {"abstain_below": version / 100}}
        server.client.post("/api/v1/releases", bundle)
    server.client.post(f"/api/v1/releases/{route}@1/promote", {})
    server.client.put(f"{ROUTES}/{route}", {"split": SPLIT})


def asked(server: Served, route: str, headers: dict[str, str]) -> Reply:
    body = {"model": route, "messages": [{"role": "user", "content": "Which port?"}]}
    return server.ask("POST", "/v1/chat/completions", body, headers)


def answered(server: Served, route: str, headers: Sequence[dict[str, str]]) -> list[str]:
    """The release that answered each of these requests."""
    return [asked(server, route, one).headers["x-trimtab-release"] for one in headers]


def said(server: Served, route: str, sessions: int) -> Counter[str]:
    """Users like what version 2 says, and nothing else; who answered how often."""
    found: Counter[str] = Counter()
    scores = []
    for number in range(sessions):
        reply = asked(server, route, {"x-trimtab-session": f"{route}-{number}"})
        release = reply.headers["x-trimtab-release"]
        found[release] += 1
        trace = reply.headers["x-trimtab-trace-id"]
        liked = release.endswith("@2")
        scores.append({"name": "helpful", "trace_id": trace, "passed": liked, "source": "user"})
    server.client.post("/api/v1/scores", scores)
    return found


def learnt(server: Served, route: str) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get(f"{ROUTES}/{route}/shares")
    return found
