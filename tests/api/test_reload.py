"""POST /api/v1/config/reload: the file read again by a server that answers, all or nothing."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.api.problems import problem
from tests.serving import Served, served
from tests.upstream import (
    LAST_CHUNK,
    STREAM_HEAD,
    Answer,
    Request,
    Upstream,
    chat_completion,
    chat_events,
    chunked,
    error_json,
    respond,
    upstream_in_thread,
)
from tests.waiting import until

from trimtab.config import Loaded, load

RELOAD = "/api/v1/config/reload"
WORLDS = {"a": Decimal(1), "b": Decimal(1000)}  # dollars per million tokens of input


class File:
    """The configuration file of a server that a test changes."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "trimtab.yaml"
        self.environment: dict[str, str] = {}

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def __call__(self) -> Loaded:
        overrides = {"data": str(self.path.parent / "data"), "port": 0}
        return load(
            self.path, env=self.environment, cwd=self.path.parent.parent, overrides=overrides
        )


@contextmanager
def running(directory: Path, text: str) -> Iterator[tuple[Served, File]]:
    file = File(directory)
    file.write(text)
    with served(file().config, file) as server:
        yield server, file


def chat(server: Served, model: str, **headers: str) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": "one two three"}]}
    return server.ask("POST", "/v1/chat/completions", body, headers)


def far(upstream: Upstream, key: str = "key", models: str = "{id: m}") -> str:
    return (
        f"  - {{name: far, kind: openai_compatible, base_url: {upstream.base_url}, api_key: {key},"
        f" models: [{models}]}}\n"
    )


# -- what is taken -----------------------------------------------------------------------------


def test_routes_providers_keys_and_limits_are_those_of_the_file_from_the_next_request_on(
    tmp_path: Path,
) -> None:
    with (
        upstream_in_thread(key="old-key") as old,
        upstream_in_thread(key="new-key") as new,
        running(tmp_path, f"providers:\n{far(old, 'old-key')}") as (server, file),
    ):
        assert chat(server, "far/m").status == 200
        assert chat(server, "chat").status == 404
        file.write(
            "limits: {body_bytes: 2000, requests_per_minute: 3}\n"
            f"providers:\n{far(new, 'new-key')}"
            "gateway:\n  routes:\n    - {name: chat, targets: [{model: far/m}]}\n"
        )
        done = server.client.post(RELOAD)
        assert done["changed"] == [
            "gateway.routes",
            "limits.body_bytes",
            "limits.requests_per_minute",
            "providers",
        ]
        assert (done["needs_restart"], done["warnings"]) == ([], [])
        assert done["path"] == str(file.path)
        assert chat(server, "chat").status == 200
        assert [one.headers["authorization"] for one in new.requests] == ["Bearer new-key"]
        assert len(old.requests) == 1
        large = {"model": "chat", "messages": [{"role": "user", "content": "x" * 2000}]}
        assert server.ask("POST", "/v1/chat/completions", large).status == 413
        assert [chat(server, "chat").status for _ in range(3)] == [200, 200, 429]
        again = server.client.post(RELOAD)
        assert (again["changed"], again["needs_restart"]) == ([], [])


def test_what_needs_a_restart_is_named_each_time_and_stays(tmp_path: Path) -> None:
    text = "limits: {drain_s: 5}\n"
    with running(tmp_path, text) as (server, file):
        before = server.app.config
        file.write(
            "workers: 3\nhost: localhost\ntls: {certificate: a.pem, key: b.pem}\n"
            "metadata_url: postgresql://u:hidden-word@h/d\n"
            "limits: {drain_s: 6, spool_bytes: 5000}\nscoring: {sample: 0.5}\n"
        )
        for changed in (["limits.drain_s"], []):
            done = server.client.post(RELOAD)
            assert done["changed"] == changed
            assert done["needs_restart"] == [
                *("host", "limits.spool_bytes", "metadata_url", "scoring.sample", "tls"),
                "workers",
            ]
            assert "hidden-word" not in json.dumps(done)
        now = server.app.config
        assert (now.workers, now.host, now.tls, now.metadata_url) == (1, before.host, None, None)
        assert (now.limits.spool_bytes, now.limits.drain_s) == (before.limits.spool_bytes, 6)


def test_the_keys_of_the_file_are_those_that_are_let_in(tmp_path: Path) -> None:
    def keys(*names: str) -> str:
        listed = [
            f"{{name: {n}, key: secret-{n}, permissions: ['*', 'admin:write']}}" for n in names
        ]
        return f"access: {{keys: [{', '.join(listed)}]}}\n"

    def reload(name: str) -> int:
        headers = {"authorization": f"Bearer secret-{name}"}
        return server.ask("POST", RELOAD, b"", headers).status

    with running(tmp_path, keys("one")) as (server, file):
        assert server.ask("POST", RELOAD, b"").status == 401
        file.write(keys("two"))
        assert reload("one") == 200
        assert (reload("one"), reload("two")) == (401, 200)


def test_reloading_concerns_all_projects_and_needs_the_permission_for_that(tmp_path: Path) -> None:
    with running(tmp_path, "access: {keys: [{name: one, key: secret-one}]}\n") as (server, _):
        reply = server.ask("POST", RELOAD, b"", {"authorization": "Bearer secret-one"})
        assert problem(reply, 403)["permission"] == "admin:write"


def test_a_virtual_key_and_a_route_of_the_api_survive_a_reload(tmp_path: Path) -> None:
    with running(tmp_path, "") as (server, file):
        issued = server.client.post("/api/v1/keys", {"name": "app"})
        server.client.put("/api/v1/routes/kept", {"targets": [{"model": "trimtab/extract"}]})
        file.write("limits: {concurrency: 7}\n")
        server.client.post(RELOAD)
        bearer = {"authorization": f"Bearer {issued['secret']}"}
        assert chat(server, "kept", **bearer).status == 200
        assert server.app.gateway.limits.concurrency == 7


def test_a_variable_of_the_environment_is_read_again(tmp_path: Path) -> None:
    with running(tmp_path, "") as (server, file):
        file.environment["TRIMTAB_LIMITS__CONCURRENCY"] = "9"
        assert server.client.post(RELOAD)["changed"] == ["limits.concurrency"]


def test_cached_answers_of_a_provider_that_changed_are_forgotten(tmp_path: Path) -> None:
    routes = "gateway:\n  routes: [{name: kept, targets: [{model: far/m}], cache: {ttl_s: 60}}]\n"
    with (
        upstream_in_thread() as one,
        upstream_in_thread() as other,
        running(tmp_path, f"providers:\n{far(one)}{routes}") as (server, file),
    ):

        def verdicts() -> list[str]:
            return [chat(server, "kept").headers["x-trimtab-cache"] for _ in range(2)]

        assert verdicts() == ["miss", "hit"]
        file.write(f"limits: {{concurrency: 9}}\nproviders:\n{far(one)}{routes}")
        server.client.post(RELOAD)
        assert verdicts() == ["hit", "hit"]
        file.write(f"providers:\n{far(other)}{routes}")
        server.client.post(RELOAD)
        assert verdicts() == ["miss", "hit"]
        assert len(other.requests) == 1


def test_the_connections_of_a_provider_that_did_not_change_are_kept(tmp_path: Path) -> None:
    with (
        upstream_in_thread() as upstream,
        running(tmp_path, f"providers:\n{far(upstream)}") as (server, file),
    ):
        for concurrency in (5, 6, 7):
            assert chat(server, "far/m").status == 200
            file.write(f"limits: {{concurrency: {concurrency}}}\nproviders:\n{far(upstream)}")
            server.client.post(RELOAD)
        assert chat(server, "far/m").status == 200
        assert upstream.accepted == 1


# -- what is wrong -----------------------------------------------------------------------------

GOOD = (
    "providers:\n"
    "  - {name: far, kind: openai_compatible, base_url: 'http://127.0.0.1:9/v1',"
    " api_key: sk-very-secret, models: [{id: m}]}\n"
    "gateway:\n  routes:\n    - {name: chat, targets: [{model: trimtab/extract}]}\n"
)
BAD = {
    "a misspelt key": (GOOD.replace("routes:", "rootes:"), "routes"),
    "a bad value": (f"limits: {{concurrency: many}}\n{GOOD}", "limits.concurrency"),
    "no YAML": (f"{GOOD}  - [", "trimtab.yaml"),
    "a model nobody has": (GOOD.replace("trimtab/extract", "far/n"), "gateway.routes[0]"),
    "a secret with a line break": (
        GOOD.replace("sk-very-secret", '"sk-very-secret\\n"'),
        "api_key",
    ),
    "a variable that is not set": (GOOD.replace("sk-very-secret", "'${NOT_SET}'"), "NOT_SET"),
    "a name twice": (GOOD.replace("{name: chat", "{name: chat, aliases: [chat]"), "alias"),
    "a region for none": (GOOD.replace("openai_compatible", "bedrock"), "far"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_with_a_mistake_changes_nothing_and_says_what_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    text, said = BAD[name]
    with running(tmp_path, GOOD) as (server, file):
        config, snapshot = server.app.config, server.app.gateway.snapshot
        file.write(text)
        with caplog.at_level(logging.INFO):
            found = problem(server.ask("POST", RELOAD, b""), 400)
        assert said in json.dumps(found)
        assert "nothing has changed" in caplog.text
        assert "very-secret" not in json.dumps(found) + caplog.text
        assert server.app.config is config
        assert server.app.gateway.snapshot is snapshot
        assert chat(server, "chat").status == 200
        file.write(GOOD)
        assert server.client.post(RELOAD)["changed"] == []


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path, GOOD) as (server, file):
        file.path.unlink()
        assert "cannot be read" in problem(server.ask("POST", RELOAD, b""), 400)["detail"]
        assert chat(server, "chat").status == 200


def test_the_mistake_is_told_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path, GOOD) as (server, file):
        file.write(f"{GOOD}limits:\n  concurency: 5\n")
        found = problem(server.ask("POST", RELOAD, b""), 400)
        assert found["where"].startswith(str(file.path.relative_to(tmp_path.parent)))
        assert (found["line"], found["key"]) == (7, "limits.concurency")
        assert "concurrency" in found["fix"]


def test_a_server_without_a_file_says_so(tmp_path: Path) -> None:
    file = File(tmp_path)
    file.write("")
    with served(file().config) as server:
        assert "read again" in problem(server.ask("POST", RELOAD, b""), 409)["detail"]
        problem(server.ask("POST", RELOAD, {"path": "x"}), 400)


def test_secrets_are_neither_answered_nor_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(tmp_path, GOOD) as (server, file):
        file.write(
            GOOD.replace("sk-very-secret", "sk-other-secret")
            + "valkey_url: redis://u:hidden-word@127.0.0.1/0\n"
            + "access: {keys: [{name: one, key: key-secret-one}]}\n"
        )
        with caplog.at_level(logging.DEBUG):
            reply = server.ask("POST", RELOAD, b"")
        assert reply.status == 200
        assert reply.json["changed"] == ["access.keys", "providers"]
        assert reply.json["needs_restart"] == ["valkey_url"]
        written = reply.body.decode() + caplog.text
        assert "configuration reloaded by local" in caplog.text
        for secret in ("very-secret", "other-secret", "hidden-word", "key-secret-one"):
            assert secret not in written


# -- requests in flight ------------------------------------------------------------------------


def test_a_stream_ends_on_the_provider_that_it_began_with_which_is_closed_then(
    tmp_path: Path,
) -> None:
    go_on = threading.Event()

    async def wait(_: Any) -> None:
        await asyncio.to_thread(go_on.wait, 20)

    with (
        upstream_in_thread() as old,
        upstream_in_thread() as new,
        running(tmp_path, f"providers:\n{far(old)}") as (server, file),
    ):
        body = {"model": "far/m", "stream": True, "messages": [{"role": "user", "content": "a b"}]}
        first, *rest = chunked(*chat_events(body))
        old.play([STREAM_HEAD, first, rest[0], wait, *rest[1:], LAST_CHUNK])
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        with closing(connection):
            connection.request("POST", "/v1/chat/completions", json.dumps(body))
            response = connection.getresponse()
            begun = response.read1()
            file.write(f"providers:\n{far(new)}")
            server.client.post(RELOAD)
            assert chat(server, "far/m").status == 200
            assert len(new.requests) == 1
            assert old.open == 1
            go_on.set()
            text = (begun + response.read()).decode()
        assert text.endswith("data: [DONE]\n\n")
        assert "error" not in text
        until(lambda: old.open == 0)
        assert new.open == 1


def world(name: str) -> Callable[[Request], Answer]:
    """A provider that answers its own models with its own key; the first of them is down."""

    def answer(request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer key-{name}":
            return error_json(401, f"{name}: another's key")
        model = request.json["model"]
        if model == f"{name}-up":
            return chat_completion(request.json)
        if model == f"{name}-down":
            return respond(503, b'{"error": {"message": "down"}}')
        return error_json(404, f"{name}: another's model {model}")

    return answer


def world_file(name: str, upstream: Upstream, extra: int) -> str:
    models = ", ".join(
        f"{{id: {name}-{how}, price: {{input: {WORLDS[name]}, output: 0}}}}"
        for how in ("down", "up")
    )
    return (
        f"limits: {{concurrency: {200 + extra}}}\n"
        f"providers:\n{far(upstream, f'key-{name}', models)}"
        "gateway:\n"
        "  defaults: {breaker: {failures: 1000}}\n"
        "  routes:\n"
        f"    - name: chat\n"
        f"      targets: [{{model: far/{name}-down}}]\n"
        f"      fallbacks: [far/{name}-up]\n"
        "      retries: {attempts: 3, base_s: 0.02, max_s: 0.05}\n"
    )


def test_no_request_fails_in_fifty_reloads_and_none_is_of_two_configurations(
    tmp_path: Path,
) -> None:
    answered: list[tuple[int, str, str]] = []
    stop = threading.Event()

    def ask(url: str) -> None:
        body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "a b c"}]})
        with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
            while not stop.is_set():
                connection.request("POST", "/v1/chat/completions", body)
                response = connection.getresponse()
                text = response.read().decode()
                model = response.headers.get("x-trimtab-model") or text
                answered.append((response.status, model, response.headers["x-trimtab-trace-id"]))

    with (
        upstream_in_thread(handler=world("a")) as a,
        upstream_in_thread(handler=world("b")) as b,
        running(tmp_path, world_file("a", a, 0)) as (server, file),
        ThreadPoolExecutor(6) as pool,
    ):
        asking = [pool.submit(ask, server.url) for _ in range(6)]
        try:
            for number in range(1, 51):
                file.write(world_file(*(("b", b) if number % 2 else ("a", a)), number))
                assert "providers" in server.client.post(RELOAD)["changed"]
                seen = len(answered)
                until(lambda seen=seen: len(answered) >= seen + 6)
        finally:
            stop.set()
        for one in asking:
            one.result()
        assert {status for status, _, _ in answered} == {200}, Counter(answered).most_common(3)
        found = Counter(model for _, model, _ in answered)
        assert set(found) == {"far/a-up", "far/b-up"}
        assert min(found.values()) > 50
        until(lambda: b.open == 0)
        by_trace = {trace: model for _, model, trace in answered}
        rows = server.client.spans("kind:llm", limit=500)
        assert len(rows) >= 300
        for row in rows:
            name = by_trace[row["trace_id"]].removeprefix("far/")[0]
            tried = [one["target"] for one in row["attributes"]["trimtab.attempts"]]
            assert {target[:5] for target in tried} == {f"far/{name}"}
            cost = WORLDS[name] * row["usage"]["input"] / 1_000_000
            assert Decimal(row["cost_usd"]) == cost
