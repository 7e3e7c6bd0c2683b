"""Saved views over HTTP: shared in a project, replaced by name, and deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served

PATH = "/api/v1/views"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("views") / "data")) as running:
        yield running


def test_a_view_is_saved_replaced_listed_and_deleted(server: Served) -> None:
    client = server.client
    for state in ({}, {"filter": "status:error"}):
        client.put(PATH, {"page": "traces", "name": "errors/today", "state": state})
    (found,) = client.get(PATH, {"page": "traces"})["data"]
    assert (found["name"], found["state"]) == ("errors/today", {"filter": "status:error"})
    assert (found["saved_by"], found["saved_ns"] > 0) == ("local", True)
    assert client.get(PATH, {"page": "sessions"})["data"] == []
    (entry,) = client.get("/api/v1/audit", {"action": "view.put", "limit": "1"})["data"]
    assert entry["object"] == "errors/today"
    assert client.delete(PATH, {"page": "traces", "name": "errors/today"}) == {
        "deleted": "errors/today"
    }
    assert client.get(PATH)["data"] == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"page": "traces", "name": ""}, "name"),
        ({"page": "../traces", "name": "a"}, "page"),
        ({"page": "traces", "name": "a", "state": {"filter": "x" * 9_000}}, "state"),
        ({"page": "traces", "name": "a", "by": "me"}, ""),
    ],
)
def test_what_is_no_view_is_refused(server: Served, body: dict[str, object], where: str) -> None:
    reply = problem(server.ask("PUT", PATH, body), 400)
    assert where in reply["where"]


def test_deleting_names_the_view(server: Served) -> None:
    problem(server.ask("DELETE", f"{PATH}?page=traces"), 400)
    problem(server.ask("DELETE", f"{PATH}?page=traces&name=none"), 404)
