"""Prompts in an application: there at once, also when the server is away, slow or stuck."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.processes import serving
from tests.sdk.openai_fake import openai_api
from tests.sdk.programs import Programs
from tests.serving import Served, configured, served
from tests.upstream import upstream_in_thread
from tests.waiting import until

import trimtab
from trimtab.errors import InvalidRequest, NotFound, StoreError
from trimtab.sdk.prompts import AppPrompt, Content, PromptCache

PATH = "/api/v1/prompts"


def write(client: trimtab.Client, name: str, text: str, **fields: Any) -> None:
    message = {"role": "system", "content": text}
    client.post(PATH, {"name": name, "messages": [message], **fields})


def text(prompt: AppPrompt, **variables: Any) -> str:
    return "\n".join(message["content"] for message in prompt.render(**variables))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("cached") / "data")) as running:
        yield running


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


# -- what it gives ---------------------------------------------------------------------------------


def test_a_prompt_is_rendered_here_with_all_that_it_takes_in(server: Served) -> None:
    write(server.client, "style", "Be {{ tone }}.")
    shots = {"examples": [{"variables": {"question": "1+1?"}, "answer": "2"}]}
    write(
        server.client,
        "helper",
        '{% include "style" %} Help.',
        shots=shots,
        parameters={"temperature": 0.5},
        labels=["production"],
    )
    found = trimtab.prompt("helper", label="production", url=server.url)
    assert (found.name, found.version, found.ref) == ("helper", 1, "helper@1")
    assert (found.is_fallback, found.labels) == (False, ("production",))
    assert found.parameters == {"temperature": 0.5}
    assert found.render(tone="kind", question="2+2?") == [
        {"role": "system", "content": "Be kind. Help."},
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
    ]
    with pytest.raises(InvalidRequest, match="lacks variables: tone"):
        found.render(question="x")
    assert trimtab.prompt("helper", label="production", url=server.url) is found


def test_a_change_arrives_in_the_background(server: Served) -> None:
    write(server.client, "changing", "One.")
    assert text(trimtab.prompt("changing", url=server.url, ttl_s=0.05)) == "One."
    write(server.client, "changing", "Two.")
    until(lambda: text(trimtab.prompt("changing", url=server.url, ttl_s=0.05)) == "Two.")


def test_a_prompt_that_is_not_there_is_said_so_unless_there_is_a_fallback(server: Served) -> None:
    for _ in range(2):
        with pytest.raises(NotFound, match="absent"):
            trimtab.prompt("absent", url=server.url)
    found = trimtab.prompt("absent", url=server.url, fallback="Own.", wait_s=1)
    assert (text(found), found.is_fallback, found.version, found.ref) == ("Own.", True, None, None)


FILE = "---\nvariables: {a: {default: b}}\nparameters: {seed: 1}\n---\n## user\n{{ a }}\n"


@pytest.mark.parametrize(
    ("fallback", "rendered"),
    [
        ("Be {{ a }}.", [{"role": "system", "content": "Be x."}]),
        ([{"role": "user", "content": "{{ a }}"}], [{"role": "user", "content": "x"}]),
        (
            {"messages": [{"role": "user", "content": "{{a}}"}], "syntax": "mustache"},
            [{"role": "user", "content": "x"}],
        ),
        (Path("own.prompt.md"), [{"role": "user", "content": "x"}]),
    ],
    ids=["text", "messages", "object", "file"],
)
def test_a_fallback_needs_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fallback: Any, rendered: list[dict[str, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.prompt.md").write_text(FILE)
    url = f"http://127.0.0.1:{free_port()}"
    found = trimtab.prompt("own", fallback=fallback, url=url)
    assert found.render(a="x") == rendered
    assert found.is_fallback


def test_a_fallback_that_is_no_prompt_is_refused(server: Served) -> None:
    for wrong in ("{{ unclosed", {"messages": 3}, [3]):
        with pytest.raises(InvalidRequest):
            trimtab.prompt("never", fallback=wrong, url=server.url)


# -- the server misbehaves -------------------------------------------------------------------------


def test_with_the_server_killed_the_last_prompt_stays_and_with_it_back_the_next_until(
    tmp_path: Path,
) -> None:
    port = str(free_port())
    with serving(tmp_path / "data", "--port", port) as running:
        url = running.client.url
        write(running.client, "kept", "One.")
        assert text(trimtab.prompt("kept", url=url, ttl_s=0.05)) == "One."
        running.kill()
        began = time.monotonic()
        for _ in range(20):
            found = trimtab.prompt("kept", url=url, ttl_s=0.05)
            assert (text(found), found.is_fallback) == ("One.", False)
            threading.Event().wait(0.02)
        assert time.monotonic() - began < 20, "they waited for the server"
    with serving(tmp_path / "data", "--port", port) as running:
        write(running.client, "kept", "Two.")
        until(lambda: text(trimtab.prompt("kept", url=url, ttl_s=0.05)) == "Two.")


def test_a_server_that_is_stuck_delays_nothing_but_the_very_first_fetch(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        url = running.client.url
        write(running.client, "stuck", "One.")
        write(running.client, "late", "One.")
        assert text(trimtab.prompt("stuck", url=url, ttl_s=0.01)) == "One."
        os.kill(running.process.pid, signal.SIGSTOP)
        try:
            threading.Event().wait(0.05)
            began = time.monotonic()
            for _ in range(100):
                assert text(trimtab.prompt("stuck", url=url, ttl_s=0.01)) == "One."
            assert trimtab.prompt("late", url=url, fallback="Own.").is_fallback
            assert time.monotonic() - began < 20, "they waited for the server"
            with pytest.raises(StoreError, match=r"did not come within 0\.1 s"):
                trimtab.prompt("late", url=url, wait_s=0.1)
        finally:
            os.kill(running.process.pid, signal.SIGCONT)
        until(lambda: not trimtab.prompt("late", url=url, fallback="Own.").is_fallback)


# -- the cache alone -------------------------------------------------------------------------------


class Compiled:
    def __init__(self, said: str) -> None:
        self._said = said

    def render(self, variables: Any) -> list[dict[str, Any]]:
        return [{"role": "system", "content": self._said}]


def content(name: str, version: int | None, said: str) -> Content:
    return Content(name, version, {}, [], None, (), Compiled(said))


class Registry:
    """Answers fetches when it is let, counts them, and fails on request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answers = threading.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.version = 1
        self.now = 0.0
        self._lock = threading.Lock()
        self.cache = PromptCache(
            self.fetch, lambda name, given: content(name, None, given), lambda: self.now
        )

    def fetch(self, ref: str) -> Content:
        with self._lock:
            self.asked.append(ref)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.answers.wait(60)
        with self._lock:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return content(ref, self.version, f"version {self.version}")

    def settled(self) -> None:
        until(lambda: all(one.fetching_since is None for one in self.cache._kept.values()))


def test_many_threads_make_one_fetch() -> None:
    registry = Registry()
    registry.answers.clear()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(text(registry.cache.get("p", wait_s=60))))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    until(lambda: registry.at_once == 1)
    registry.answers.set()
    for thread in threads:
        thread.join(60)
    assert (found, registry.asked) == (["version 1"] * 30, ["p"])


def test_what_is_stale_is_given_at_once_and_fetched_once() -> None:
    registry = Registry()
    assert text(registry.cache.get("p", ttl_s=60)) == "version 1"
    registry.version, registry.now = 2, 59.0
    assert text(registry.cache.get("p", ttl_s=60)) == "version 1"
    assert len(registry.asked) == 1
    registry.now = 61.0
    registry.answers.clear()
    for _ in range(50):
        assert text(registry.cache.get("p", ttl_s=60)) == "version 1"
    registry.answers.set()
    registry.settled()
    assert text(registry.cache.get("p", ttl_s=60)) == "version 2"
    assert (len(registry.asked), registry.most_at_once) == (2, 1)


def test_a_first_fetch_that_hangs_is_waited_for_once() -> None:
    registry = Registry()
    registry.answers.clear()
    with pytest.raises(StoreError, match="did not come within 0 s"):
        registry.cache.get("p", wait_s=0)
    registry.now = 5.0
    began = time.monotonic()
    for _ in range(10):
        with pytest.raises(StoreError, match="did not come within 2 s"):
            registry.cache.get("p")
    assert time.monotonic() - began < 10, "they waited for what had been waited for"
    assert registry.asked == ["p"]
    registry.answers.set()
    until(lambda: text(registry.cache.get("p", wait_s=1)) == "version 1")


def test_failures_are_tried_again_ever_less_often_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = Registry()
    registry.cache.get("p", ttl_s=1)
    registry.error = ValueError("broken")
    for _ in range(1000):
        registry.now += 1.0
        assert text(registry.cache.get("p", ttl_s=1)) == "version 1"
        registry.settled()
    assert 30 < len(registry.asked) < 60
    assert [record.message for record in caplog.records] == [
        "the prompt p could not be fetched: ValueError: broken"
    ]
    registry.error, registry.version = None, 2
    registry.now += 60
    registry.cache.get("p", ttl_s=1)
    registry.settled()
    assert text(registry.cache.get("p", ttl_s=1)) == "version 2"


def test_a_fetch_that_hangs_for_ever_does_not_stop_the_next_nor_overrule_it() -> None:
    registry = Registry()
    registry.cache.get("p", ttl_s=1)
    registry.answers.clear()
    registry.now = 10.0
    registry.cache.get("p", ttl_s=1)
    until(lambda: registry.at_once == 1)
    registry.now, registry.version = 50.0, 2
    hung, registry.answers = registry.answers, threading.Event()
    registry.answers.set()
    registry.cache.get("p", ttl_s=1)
    until(lambda: text(registry.cache.get("p", ttl_s=100)) == "version 2")
    registry.version = 1
    hung.set()
    until(lambda: registry.at_once == 0)
    assert text(registry.cache.get("p", ttl_s=100)) == "version 2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes divide here")
def test_a_process_that_divides_while_a_fetch_is_on_goes_on_in_both() -> None:
    registry = Registry()
    registry.cache.get("p", ttl_s=1)
    registry.answers.clear()
    registry.now, registry.version = 10.0, 2
    registry.cache.get("p", ttl_s=1)
    until(lambda: registry.at_once == 1)
    with registry.cache._lock:
        child = os.fork()
        if child == 0:  # Nothing of pytest may run here.
            registry.answers = threading.Event()
            registry.answers.set()
            registry._lock = threading.Lock()
            registry.cache.get("p", ttl_s=1)
            given_up = time.monotonic() + 60
            while text(registry.cache.get("p", ttl_s=1)) != "version 2":
                if time.monotonic() > given_up:
                    os._exit(1)
            os._exit(0)
    registry.answers.set()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


# -- links -----------------------------------------------------------------------------------------

APP = """
import openai
client = openai.OpenAI(base_url=os.environ["OPENAI"], api_key="k")

def ask(messages):
    client.chat.completions.create(model="m", messages=messages)

first = trimtab.prompt("linked")
assert not first.is_fallback

@trimtab.trace
def answer(q):
    ask([{"role": "user", "content": "before"}])
    messages = first.render(q=q)
    with trimtab.span("look", kind="tool"):
        pass
    ask(messages)
    ask(trimtab.prompt("other", fallback="Own.", wait_s=0).render())

answer("x")
ask([{"role": "user", "content": "another trace"}])
ask(first.render(q="y"))
assert trimtab.flush()
"""


def test_the_calls_after_a_rendering_say_which_version_they_were_asked_with(
    server: Served, tmp_path: Path
) -> None:
    write(server.client, "linked", "Old {{ q }}.")
    write(server.client, "linked", "Help {{ q }}.")
    programs = Programs(server.url, tmp_path)
    with upstream_in_thread(handler=openai_api) as openai:
        done = programs.run(APP, OPENAI=openai.base_url)
    assert done.returncode == 0, done.stderr
    spans = [
        span
        for trace in server.client.traces()
        for span in server.client.trace(trace["trace_id"])["spans"]
    ]
    asked = {
        span["input"][0]["content"]: span["prompt"] for span in spans if span["name"] == "chat m"
    }
    assert asked == {
        "before": None,
        "Help x.": "linked@2",
        "Own.": None,
        "another trace": None,
        "Help y.": "linked@2",
    }
    others = {span["name"]: span["prompt"] for span in spans if span["name"] != "chat m"}
    assert others == {"answer": None, "look": None}
    found = server.client.spans("prompt:linked@2")
    assert len(found) == 2
