"""The server is killed while it watches a canary; the next one goes on with all that was seen."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.processes import ServeProcess, serving
from tests.upstream import Answer, Request, chat_completion, error_json, upstream_in_thread

from trimtab.releases.moves import WATCHER

PATH = "/api/v1/releases"
WATCH: dict[str, Any] = {"figures": [{"figure": "error", "margin": 0.2}], "every_s": 1}


def answer(request: Request) -> Answer:
    """The new model fails when it is told to."""
    body = request.json
    if body["model"] == "new" and body["messages"][0]["content"] == "fail":
        return error_json(400, "the model is broken")
    return chat_completion(body)


def ask(server: ServeProcess, text: str, sessions: range) -> list[str]:
    body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": text}]})
    connection = http.client.HTTPConnection(urlsplit(server.client.url).netloc, timeout=30)
    found = []
    for number in sessions:
        connection.request(
            "POST", "/v1/chat/completions", body, {"x-trimtab-session": f"s{number}"}
        )
        response = connection.getresponse()
        response.read()
        found.append(response.headers["x-trimtab-release"])
    connection.close()
    return found


def canary(server: ServeProcess) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get(f"{PATH}/chat@2")
    return found


def error(server: ServeProcess) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get(f"{PATH}/chat@2/watch")["figures"][0]
    return found


@pytest.mark.timeout(300)
def test_a_killed_server_loses_nothing_of_what_is_known_of_a_canary(tmp_path: Path) -> None:
    with upstream_in_thread(handler=answer) as upstream:
        config = tmp_path / "trimtab.yaml"
        config.write_text(f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {upstream.base_url}
    models: [{{id: old}}, {{id: new}}]
""")
        with serving(tmp_path / "data", "--config", str(config)) as server:
            for model in ("far/old", "far/new"):
                server.client.post(PATH, {"route": "chat", "targets": [{"model": model}]})
            server.client.post(f"{PATH}/chat@1/promote", {})
            server.client.post(f"{PATH}/chat@2/canary", {"share": 0.5, "watch": WATCH})
            answered = ask(server, "work", range(40))
            before = error(server)
            assert before["canary"]["sessions"] == answered.count("chat@2")
            server.kill()
        with serving(tmp_path / "data", "--config", str(config)) as server:
            after = error(server)
            assert after["canary"] == before["canary"]
            assert after["main"] == before["main"]
            sessions = 40
            while canary(server)["state"] == "canary":
                assert sessions < 4_000, "it was not taken back"
                ask(server, "fail", range(sessions, sessions + 10))
                sessions += 10
            ended = canary(server)["approvals"][-1]
            assert (ended["action"], ended["principal"]) == ("end_canary", WATCHER)
            assert set(ask(server, "fail", range(20))) == {"chat@1"}
            time.sleep(1.2)
            assert [one["action"] for one in canary(server)["approvals"]].count("end_canary") == 1
