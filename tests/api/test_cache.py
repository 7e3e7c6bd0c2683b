"""The answer cache over HTTP: its headers, emptying it, and what is scraped of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.api.problems import problem
from tests.api.test_prometheus import scraped
from tests.serving import Reply, Served, configured, served

from trimtab.cli.shell import root

ROUTES = """
gateway:
  routes:
    - {name: kept, targets: [{model: trimtab/extract}], cache: {ttl_s: 60}}
    - {name: also, targets: [{model: trimtab/extract}], cache: {ttl_s: 60}}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with served(configured(tmp_path / "data", ROUTES)) as running:
        yield running


def asked(server: Served, text: str = "Which port?", **settings: Any) -> Reply:
    body = {"model": settings.pop("model", "kept"), "messages": [{"role": "user", "content": text}]}
    reply = server.ask("POST", "/v1/chat/completions", body | settings.pop("body", {}), settings)
    assert reply.status == 200
    return reply


def verdict(reply: Reply) -> str | None:
    return reply.headers.get("x-trimtab-cache")


def test_the_second_of_two_equal_requests_is_a_hit(server: Served) -> None:
    first, second = asked(server), asked(server)
    assert (verdict(first), verdict(second)) == ("miss", "hit")
    assert first.body == second.body
    assert first.headers["x-trimtab-trace-id"] != second.headers["x-trimtab-trace-id"]
    bob = asked(server, **{"x-trimtab-user": "bob"})
    assert verdict(bob) == "miss"


def test_a_similar_request_is_found_without_any_provider(tmp_path: Path) -> None:
    text = """
gateway:
  cache_embedder: static
  routes:
    - name: kept
      targets: [{model: trimtab/extract}]
      cache: {ttl_s: 60, similarity: 0.8}
"""
    with served(configured(tmp_path / "data", text)) as server:
        first = asked(server, "Which port does the widget server listen on?")
        close = asked(server, "On which port does the widget server listen?")
        far = asked(server, "How is the colour of a gadget chosen?")
    assert [verdict(reply) for reply in (first, close, far)] == ["miss", "semantic", "miss"]
    assert close.body == first.body


def test_a_request_says_by_a_header_that_it_goes_around_the_cache(server: Served) -> None:
    asked(server)
    assert verdict(asked(server, **{"cache-control": "no-store"})) is None
    assert verdict(asked(server, **{"cache-control": "no-cache"})) == "miss"
    assert verdict(asked(server, body={"trimtab": {"cache": False}})) is None
    assert verdict(asked(server)) == "hit"


def test_the_cache_is_emptied_of_a_route_or_of_all(server: Served) -> None:
    for model in ("kept", "also"):
        asked(server, model=model)
    assert server.client.delete("/api/v1/cache", {"route": "kept"}) == {"cleared": 1}
    assert verdict(asked(server, model="also")) == "hit"
    assert verdict(asked(server)) == "miss"
    done = CliRunner().invoke(root, ["cache", "clear", "--url", server.url])
    assert (done.exit_code, done.output) == (0, "forgot 2 answers\n")
    assert verdict(asked(server)) == "miss"


def test_an_erasure_leaves_no_answer_behind(server: Served) -> None:
    asked(server, **{"x-trimtab-user": "ann"})
    server.client.erase(users=["ann"], dry_run=True)
    assert verdict(asked(server, **{"x-trimtab-user": "ann"})) == "hit"
    server.client.erase(users=["ann"])
    assert verdict(asked(server, **{"x-trimtab-user": "ann"})) == "miss"


def test_emptying_needs_the_permission_to_write_routes(tmp_path: Path) -> None:
    keys = ROUTES + (
        "access:\n  keys:\n    - {name: reader, key: reader-0123456789, permissions:"
        ' ["routes:read", "gateway:call"]}\n'
    )
    with served(configured(tmp_path / "data", keys)) as running:
        credential = {"authorization": "Bearer reader-0123456789"}
        reply = running.ask("DELETE", "/api/v1/cache", headers=credential)
        problem(reply, 403)


def test_hits_and_misses_are_scraped(server: Served) -> None:
    for _ in range(3):
        asked(server)
    found = scraped(server)
    model = "trimtab/extract"
    assert found["trimtab_gateway_cache_hits_total", model] == 2
    assert found["trimtab_gateway_cache_misses_total", model] == 1
    assert found["trimtab_cache_answers", ""] == 1
    assert found["trimtab_cache_bytes", ""] > 500
