"""Allowances, approved models and routes over HTTP; what the file declares stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.errors import Conflict, InvalidRequest, NotFound, StoreError

ALLOWANCES, MODELS, ROUTES = "/api/v1/allowances", "/api/v1/approved-models", "/api/v1/routes"
DECLARED = """
gateway:
  routes:
    - {name: declared, aliases: [also], targets: [{model: trimtab/extract}]}
    - {name: theirs, project: other}
  allowances:
    - {kind: team, name: declared, monthly_usd: 200}
    - {kind: key, name: filed, monthly_usd: 20}
  approved_models:
    - {model: trimtab/*, suitable: quoting}
"""
TARGET = {"model": "trimtab/extract"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("gateway") / "data", DECLARED)) as running:
        yield running


def named(server: Served, path: str, **fields: Any) -> list[dict[str, Any]]:
    rows = server.client.get(path)["data"]
    return [row for row in rows if all(row[name] == value for name, value in fields.items())]


# -- allowances ----------------------------------------------------------------------------------


def test_an_allowance_is_set_replaced_and_deleted(server: Served) -> None:
    body = {"kind": "team", "name": "support", "monthly_usd": "200.50", "concurrency": 4}
    put = server.client.put(ALLOWANCES, body)
    assert (put["monthly_usd"], put["source"], put["project"]) == ("200.50", "api", "default")
    assert named(server, ALLOWANCES, name="support") == [put]
    server.client.put(ALLOWANCES, {"kind": "team", "name": "support", "daily_usd": 7})
    (row,) = named(server, ALLOWANCES, name="support")
    assert (row["daily_usd"], row["monthly_usd"], row["concurrency"]) == ("7", None, None)
    settings = server.app.settings
    allowance = settings.allowance("default", "team", "support")
    assert allowance is not None
    assert allowance.daily_usd == 7
    assert server.client.delete(ALLOWANCES, {"kind": "team", "name": "support"})
    assert server.app.settings.allowance("default", "team", "support") is None
    with pytest.raises(NotFound):
        server.client.delete(ALLOWANCES, {"kind": "team", "name": "support"})


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "team"},
        {"kind": "squad", "name": "a"},
        {"kind": "team", "name": ""},
        {"kind": "team", "name": "a", "daily_usd": -1},
        {"kind": "team", "name": "a", "daily_usd": "NaN"},
        {"kind": "team", "name": "a", "monthly_usd": "Infinity"},
        {"kind": "team", "name": "a", "soft": 0},
        {"kind": "team", "name": "a", "concurrency": 0},
        {"kind": "team", "name": "a", "models": [""]},
        {"kind": "team", "name": "a", "project": "other"},
        {"kind": "project", "name": "other"},
    ],
)
def test_an_allowance_that_makes_no_sense_is_refused(server: Served, body: Any) -> None:
    problem(server.ask("PUT", ALLOWANCES, body), 400)
    assert named(server, ALLOWANCES, name="a") == []


@pytest.mark.parametrize("query", ["", "?kind=team", "?name=a", "?kind=squad&name=a"])
def test_which_allowance_to_delete_must_be_said(server: Served, query: str) -> None:
    problem(server.ask("DELETE", ALLOWANCES + query), 400)


def test_the_allowance_of_a_key_is_set_and_deleted_by_its_name_or_its_id(server: Served) -> None:
    key_id = server.client.post("/api/v1/keys", {"name": "till"})["key"]["key_id"]
    for name in ("till", key_id):
        put = server.client.put(ALLOWANCES, {"kind": "key", "name": name, "concurrency": 2})
        assert put["name"] == key_id
        assert server.app.settings.allowance("default", "key", key_id) is not None
        server.client.delete(ALLOWANCES, {"kind": "key", "name": name})
        assert named(server, ALLOWANCES, name=key_id) == []
    refused = server.ask("PUT", ALLOWANCES, {"kind": "key", "name": "tilll", "concurrency": 2})
    assert "no key 'tilll'" in problem(refused, 400)["detail"]
    assert server.client.put(ALLOWANCES, {"kind": "key", "name": "*", "concurrency": 900})


def test_an_allowance_of_the_file_finds_its_key_by_name_and_says_when_there_is_none(
    server: Served,
) -> None:
    server.client.put(MODELS, {"model": "some/*"})  # the settings are read anew
    assert any("key 'filed'" in line for line in server.app.settings.left_out)
    key_id = server.client.post("/api/v1/keys", {"name": "filed"})["key"]["key_id"]
    assert server.app.settings.left_out == ()
    allowance = server.app.settings.allowance("default", "key", key_id)
    assert allowance is not None
    assert allowance.monthly_usd == 20
    for name in ("filed", key_id):
        problem(server.ask("PUT", ALLOWANCES, {"kind": "key", "name": name}), 409)
    server.client.delete(MODELS, {"model": "some/*"})


# -- approved models -----------------------------------------------------------------------------


def test_a_model_is_approved_and_withdrawn(server: Served) -> None:
    body = {"model": "openai/*", "suitable": "support", "expires": "2100-01-31"}
    put = server.client.put(MODELS, body)
    assert (put["approved_by"], put["source"]) == ("local", "api")
    assert put["approved_ns"] > 0
    assert named(server, MODELS, model="openai/*") == [put]
    assert {one.model for one in server.app.settings.approved_models["default"]} == {
        "openai/*",
        "trimtab/*",
    }
    server.client.delete(MODELS, {"model": "openai/*"})
    assert named(server, MODELS, model="openai/*") == []
    with pytest.raises(NotFound):
        server.client.delete(MODELS, {"model": "openai/*"})
    for bad in ({}, {"model": " "}, {"model": "a", "expires": "soon"}):
        problem(server.ask("PUT", MODELS, bad), 400)
    problem(server.ask("DELETE", MODELS), 400)


# -- routes --------------------------------------------------------------------------------------


def test_a_route_is_created_changed_and_deleted_with_its_revision(server: Served) -> None:
    body = {"targets": [TARGET], "fallbacks": ["declared", "also"], "retries": {"attempts": 5}}
    created = server.ask("PUT", f"{ROUTES}/chat", body)
    assert created.status == 201
    assert created.json["revision"] == 1
    assert created.json["retries"] == {"attempts": 5, "base_s": 0.25, "max_s": 8.0}
    assert server.client.get(f"{ROUTES}/chat") == created.json
    assert server.app.settings.routes["default", "chat"].retries.attempts == 5
    changed = server.client.put(f"{ROUTES}/chat", {"revision": 1, "sticky": True})
    assert (changed["revision"], changed["targets"], changed["sticky"]) == (2, [], True)
    with pytest.raises(Conflict, match="revision 2"):
        server.client.put(f"{ROUTES}/chat", {"revision": 1})
    with pytest.raises(Conflict, match="revision 2"):
        server.client.delete(f"{ROUTES}/chat", {"revision": 1})
    assert server.client.delete(f"{ROUTES}/chat", {"revision": 2}) == {"deleted": "chat"}
    assert ("default", "chat") not in server.app.settings.routes
    with pytest.raises(NotFound):
        server.client.get(f"{ROUTES}/chat")


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("new", {"targets": [{"model": "openai/none"}]}, "no model"),
        ("new", {"shadows": [{"model": "openai/none"}]}, "no model"),
        ("new", {"fallbacks": ["nowhere"]}, "no model"),
        ("new", {"fallbacks": ["new"]}, "itself"),
        ("new", {"cache": {"similarity": 0.9}}, "needs an embedding model"),
        ("new", {"aliases": ["a/b"]}, "without / and @"),
        ("new", {"targets": [TARGET | {"weight": 0}]}, "above 0"),
        ("new", {"targets": [TARGET | {"weight": -1}]}, ">="),
        ("new", {"retries": {"attempts": 99}}, "<="),
        ("new", {"retries": {"atempts": 2}}, "atempts"),
        ("new", {"canary": 0.05}, "canary"),
        ("new", {"name": "other"}, "name"),
        ("a@b", {}, "without / and @"),
        ("%20", {}, "1 to 200"),
        ("..", {}, "cannot be a name"),
    ],
)
def test_a_route_that_could_not_answer_is_refused(
    server: Served, name: str, body: Any, said: str
) -> None:
    reply = server.ask("PUT", f"{ROUTES}/{name}", body)
    assert said in problem(reply, 400)["detail"]


def test_a_route_that_another_falls_back_to_stays(server: Served) -> None:
    server.client.put(f"{ROUTES}/spare", {"targets": [TARGET], "aliases": ["reserve"]})
    for fallback in ("spare", "reserve"):
        server.client.put(f"{ROUTES}/first", {"targets": [TARGET], "fallbacks": [fallback]})
        with pytest.raises(Conflict, match="'spare' is a fallback of first"):
            server.client.delete(f"{ROUTES}/spare")
    server.client.delete(f"{ROUTES}/first")
    server.client.delete(f"{ROUTES}/spare")


def test_a_route_that_cannot_answer_yet_is_stored_with_a_warning(server: Served) -> None:
    (warning,) = server.client.put(f"{ROUTES}/bare", {})["warnings"]
    assert "it has no targets and no live release" in warning
    assert server.client.put(f"{ROUTES}/bare", {"targets": [TARGET]})["warnings"] == []


def test_a_name_or_alias_leads_to_one_route(server: Served) -> None:
    server.client.put(f"{ROUTES}/one", {"aliases": ["uno"]})
    for name, body in (("two", {"aliases": ["one"]}), ("uno", {})):
        with pytest.raises(Conflict, match="'one' already"):
            server.client.put(f"{ROUTES}/{name}", body)
    assert server.client.put(f"{ROUTES}/one", {"aliases": ["eins"]})["revision"] == 2
    assert server.client.put(f"{ROUTES}/uno", {})["revision"] == 1


def test_a_change_that_could_not_be_taken_over_is_tried_again(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = server.app.metadata.releases
    whole = releases.list

    def away(*narrowed: str) -> Any:
        if not narrowed:  # as a snapshot reads them
            raise StoreError("the metadata database is away")
        return whole(*narrowed)

    with monkeypatch.context() as patch:
        patch.setattr(releases, "list", away)
        problem(server.ask("PUT", f"{ROUTES}/late", {"targets": [TARGET]}), 503)
    for _ in server.client.poll(f"{ROUTES}/late"):
        try:
            assert server.client.chat("late", "hello")
        except NotFound:
            continue
        break


FIELDS = (
    *("kind", "name", "model", "targets", "weight", "aliases", "retries", "daily_usd", "expires"),
    *("cache", "split", "version", "revision", "soft", "models"),
)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=10,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from([ALLOWANCES, MODELS, f"{ROUTES}/fuzzed"]), BODIES)
def test_whatever_is_put_there_is_an_answer_below_500(server: Served, path: str, body: Any) -> None:
    reply = server.ask("PUT", path, body)
    assert reply.status in (200, 201, 400, 409), reply.body


# -- the file ------------------------------------------------------------------------------------


def test_what_the_file_declares_is_shown_with_its_source_and_cannot_be_changed(
    server: Served,
) -> None:
    (route,) = named(server, ROUTES, name="declared")
    assert (route["source"], route["revision"]) == ("file", None)
    assert server.client.get(f"{ROUTES}/declared") == route
    assert named(server, ROUTES, name="theirs") == [], "of another project"
    assert named(server, ALLOWANCES, name="declared")[0]["source"] == "file"
    assert named(server, MODELS, model="trimtab/*")[0]["source"] == "file"
    for method, path, body in (
        ("PUT", f"{ROUTES}/declared", {}),
        ("PUT", f"{ROUTES}/also", {}),
        ("PUT", f"{ROUTES}/new", {"aliases": ["declared"]}),
        ("DELETE", f"{ROUTES}/declared", None),
        ("PUT", ALLOWANCES, {"kind": "team", "name": "declared"}),
        ("DELETE", f"{ALLOWANCES}?kind=team&name=declared", None),
        ("PUT", MODELS, {"model": "trimtab/*"}),
        ("DELETE", f"{MODELS}?model=trimtab/*", None),
    ):
        found = problem(server.ask(method, path, body), 409)
        assert "configuration file" in found["detail"], path
    with pytest.raises(InvalidRequest):
        server.client.put(f"{ROUTES}/theirs", {"targets": [{"model": "nobody/none"}]})


def test_an_entry_that_the_file_takes_over_gives_way_and_comes_back(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        server.client.put(f"{ROUTES}/declared", {"sticky": True})
        server.client.put(f"{ROUTES}/other", {"aliases": ["also"]})
        server.client.put(ALLOWANCES, {"kind": "team", "name": "declared", "monthly_usd": 1})
    with served(configured(tmp_path / "data", DECLARED)) as server:
        (other,) = named(server, ROUTES, source="api")
        assert (other["name"], other["in_use"]) == ("other", False), "the file has its alias"
        assert server.client.get(f"{ROUTES}/declared")["in_use"]
        assert set(server.app.settings.routes) == {("default", "declared"), ("other", "theirs")}
        assert not server.app.settings.routes["default", "declared"].sticky
        assert len(server.app.settings.left_out) == 3, "and a key that there is not"
        assert named(server, ALLOWANCES, name="declared")[0]["monthly_usd"] == "200"
    with served(configured(tmp_path / "data")) as server:
        assert server.client.get(f"{ROUTES}/declared")["sticky"] is True
