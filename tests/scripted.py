"""Somebody else's model, which says what a test tells it, behind a server of ours on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.serving import Served, configured, served
from tests.upstream import Answer, Request, Upstream, chat_completion, respond, upstream_in_thread


class Scripted:
    """Answers chat completions; a test's own model says in `said` with what.

    `asked` are the bodies of the requests, in the order they came.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def said(self, body: dict[str, Any]) -> str | Answer:
        """The text of the answer, or an answer of another shape."""
        return "yes"

    def shape(self, completion: dict[str, Any]) -> None:
        """Change the completion before it is sent."""

    def __call__(self, request: Request) -> Answer:
        body = request.json
        self.asked.append(body)
        said = self.said(body)
        if not isinstance(said, str):
            return said
        whole = chat_completion(body)
        assert isinstance(whole[0], bytes)
        completion = json.loads(whole[0].partition(b"\r\n\r\n")[2])
        completion["choices"][0]["message"]["content"] = said
        self.shape(completion)
        return respond(200, json.dumps(completion).encode())


class World(NamedTuple):
    """A server, and the provider its models are at."""

    server: Served
    upstream: Upstream


@contextmanager
def scripted(data: Path, configuration: str, model: Scripted | None = None) -> Iterator[World]:
    """A server with a scripted provider; `{url}` in the configuration is where that listens."""
    with upstream_in_thread() as upstream:
        upstream.handler = model
        with served(configured(data, configuration.format(url=upstream.base_url))) as server:
            yield World(server, upstream)
