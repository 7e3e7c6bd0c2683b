"""Promotions back and forth under load: who answered each request, and how late the last old one.

The two releases differ in everything that reaches a model: its name, the prompt and a parameter.
The provider says back what reached it, so an answer that mixes two releases shows.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.crew import Crew
from tests.processes import serving
from tests.upstream import Answer, Request, chat_completion, respond, upstream_in_thread
from tests.waiting import until

from trimtab.client import Client

ROUTE = "switched"
_PER_CONNECTION = 8  # another process may accept the next
_BODY = json.dumps({"model": ROUTE, "messages": [{"role": "user", "content": "Who are you?"}]})


class Asked(NamedTuple):
    """A request: when it began and was answered (s), and what said who answered it."""

    began_s: float
    ended_s: float
    status: int
    release: str | None
    said: str


class Moved(NamedTuple):
    """A promotion: when it was asked for, when that was answered, and to which release."""

    asked_s: float
    told_s: float
    release: str


class Switches(NamedTuple):
    asked: list[Asked]
    moved: list[Moved]

    @property
    def failed(self) -> list[Asked]:
        return [one for one in self.asked if one.status != 200]

    @property
    def mixed(self) -> list[Asked]:
        """Answers that are not wholly of the release that their header names."""
        return [
            one
            for one in self.asked
            if one.status == 200 and one.said != wholly(str(one.release).partition("@")[2])
        ]

    def lateness_s(self, since: str) -> list[float]:
        """For each promotion, how long after it the last request began that got the release before.

        Args:
            since: `asked` counts from when it was asked for, `told` from when it was answered;
                where no request was late, it is 0.
        """
        found = []
        for move, after in zip(self.moved, [*self.moved[1:], None], strict=True):
            start_s = move.asked_s if since == "asked" else move.told_s
            late = [
                one.began_s - start_s
                for one in self.asked
                if one.began_s > start_s
                and (after is None or one.began_s < after.asked_s)
                and one.release not in (None, move.release)
            ]
            found.append(max(late, default=0.0))
        return found


def wholly(version: str) -> str:
    """What the provider says back of a request that is of one release alone."""
    return f"model-{version} prompt-{version} seed-{version}"


def _echo(request: Request) -> Answer:
    body = request.json
    messages = body.get("messages", [])
    if not messages:
        return respond(400, b"{}")
    said = f"{body['model']} {messages[0]['content']} seed-{body.get('seed')}"
    return chat_completion({**body, "messages": [{"role": "user", "content": said}]})


def measured(
    directory: Path, *, workers: int, promotions: int, elsewhere: bool = False
) -> Switches:
    """Promote back and forth while requests go on.

    Args:
        elsewhere: the requests go to another server than the promotions, over the same metadata.
    """
    with ExitStack() as stack:
        upstream = stack.enter_context(upstream_in_thread(handler=_echo))
        servers = []
        for number in range(2 if elsewhere else 1):
            home = directory / f"server-{number}"
            home.mkdir()
            (home / "trimtab.yaml").write_text(_configuration(directory, upstream.base_url))
            running = stack.enter_context(serving(home / "data", "--workers", str(workers)))
            Crew(running, home / "data", workers).wait()
            servers.append(running.client)
        _set_up(servers[0])
        until(lambda: ROUTE in {one["id"] for one in servers[-1].get("/v1/models")["data"]})
        callers = stack.enter_context(_calling(servers[-1].url))
        moved = []
        for number in range(promotions):
            callers.more(30)
            moved.append(_promote(servers[0], f"{ROUTE}@{2 - number % 2}"))
            callers.all_from(moved[-1].release)
    return Switches(callers.asked, moved)


def _configuration(directory: Path, base_url: str) -> str:
    return (
        f"metadata_url: sqlite:///{directory}/metadata.db\n"
        "limits: {drain_s: 5}\n"
        "providers:\n"
        f"  - {{name: up, kind: openai_compatible, base_url: '{base_url}',"
        " models: [{id: model-1}, {id: model-2}]}\n"
    )


def _set_up(client: Client) -> None:
    for version in (1, 2):
        message = {"role": "system", "content": f"prompt-{version}"}
        prompt = client.post("/api/v1/prompts", {"name": ROUTE, "messages": [message]})
        bundle: dict[str, Any] = {
            "route": ROUTE,
            "prompt": f"{ROUTE}@{prompt['version']}",
            "targets": [{"model": f"up/model-{version}"}],
            "parameters": {"seed": version},
        }
        client.post("/api/v1/releases", bundle)
    _promote(client, f"{ROUTE}@1")


def _promote(client: Client, ref: str) -> Moved:
    asked_s = time.monotonic()
    body = {"force": True, "reason": "back and forth"}
    client.post(f"/api/v1/releases/{ref}/promote", body)
    return Moved(asked_s, time.monotonic(), ref)


class _Callers:
    def __init__(self, url: str) -> None:
        self.asked: list[Asked] = []
        self.stop = threading.Event()
        self._netloc = urlsplit(url).netloc

    def more(self, count: int) -> None:
        """Wait until so many further requests were answered."""
        enough = len(self.asked) + count
        until(lambda: len(self.asked) >= enough)

    def all_from(self, release: str) -> None:
        """Wait until one release has answered a good many requests in a row."""
        until(lambda: {one.release for one in self.asked[-30:]} == {release})

    def run(self) -> None:
        while not self.stop.is_set():
            connection = http.client.HTTPConnection(self._netloc, timeout=60)
            with contextlib.closing(connection):
                for _ in range(_PER_CONNECTION):
                    self.asked.append(self._one(connection))
                    if self.stop.is_set():
                        return

    def _one(self, connection: http.client.HTTPConnection) -> Asked:
        began_s = time.monotonic()
        try:
            connection.request("POST", "/v1/chat/completions", _BODY)
            response = connection.getresponse()
            body = response.read()
        except OSError as error:
            return Asked(began_s, time.monotonic(), 0, None, str(error))
        release = response.headers["x-trimtab-release"]
        said = body.decode()
        if response.status == 200:
            said = json.loads(body)["choices"][0]["message"]["content"]
            said = said.removeprefix("You said: ")
        return Asked(began_s, time.monotonic(), response.status, release, said)


@contextlib.contextmanager
def _calling(url: str, count: int = 4) -> Iterator[_Callers]:
    callers = _Callers(url)
    threads: Sequence[threading.Thread] = [
        threading.Thread(target=callers.run) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        callers.stop.set()
        for thread in threads:
            thread.join(60)
