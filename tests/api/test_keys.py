"""Virtual keys over HTTP: issued, used at once, changed, and their budgets explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.client import Client
from trimtab.errors import Conflict, Forbidden, NotFound, Unauthenticated
from trimtab.governance.periods import periods
from trimtab.ports import Spend, SpendKey
from trimtab.stores.metadata.sql import SQLMetadata

PATH = "/api/v1/keys"
ADMIN = "tt-" + "s3cret" * 5
ACCESS = f"access: {{keys: [{{name: admin, key: {ADMIN}}}]}}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With a configured key, which the client sends."""
    with served(configured(tmp_path_factory.mktemp("keys") / "data", ACCESS)) as running:
        running.client = Client(running.url, key=ADMIN)
        yield running


def ask(server: Served, method: str, path: str, body: Any = None, key: str = ADMIN) -> Any:
    return server.ask(method, path, body, {"x-api-key": key})


def issue(server: Served, name: str, **terms: Any) -> tuple[dict[str, Any], Client]:
    """A key, and a client that sends it."""
    answer = server.client.post(PATH, {"name": name, **terms})
    return answer["key"], Client(server.url, key=answer["secret"])


def test_a_key_works_as_soon_as_it_was_issued_and_its_secret_is_told_once(server: Served) -> None:
    answer = server.client.post(PATH, {"name": "app", "user": "ann", "team": "till"})
    key = answer["key"]
    assert re.fullmatch(r"tt-[\w-]{43}", answer["secret"])
    assert answer["secret"].endswith(key["hint"])
    assert (key["created_by"], key["project"], key["disabled"]) == ("admin", "default", False)
    assert "digest" not in key
    assert Client(server.url, key=answer["secret"]).chat("trimtab/extract", "hello")
    for path in (PATH, f"{PATH}/app", f"{PATH}/{key['key_id']}"):
        shown = ask(server, "GET", path)
        assert answer["secret"].encode() not in shown.body
        assert b"digest" not in shown.body
    assert server.client.get(f"{PATH}/app") == server.client.get(f"{PATH}/{key['key_id']}") == key


def test_a_key_may_do_what_it_was_issued_for_and_no_more(server: Served) -> None:
    _, caller = issue(server, "caller")
    _, reader = issue(server, "reader", permissions=["keys:read"])
    for path in (PATH, "/api/v1/traces", "/api/v1/keys/caller/budget"):
        with pytest.raises(Forbidden, match="issued with the permission"):
            caller.get(path)
    assert [row["name"] for row in reader.get(PATH)["data"]][:2] == ["reader", "caller"]
    with pytest.raises(Forbidden, match="keys:write"):
        reader.post(PATH, {"name": "more"})


def test_a_key_that_may_issue_keys_issues_none_that_is_stronger(server: Served) -> None:
    _, issuer = issue(server, "issuer", permissions=["keys:*", "gateway:call"])
    issue(server, "strong", permissions=["*"])
    assert issuer.post(PATH, {"name": "equal"})["secret"]
    with pytest.raises(Forbidden, match="traces:read"):
        issuer.post(PATH, {"name": "more", "permissions": ["traces:read"]})
    with pytest.raises(Forbidden):
        issuer.post(f"{PATH}/strong/rotate")
    with pytest.raises(Forbidden, match="admin:write"):
        server.client.post(PATH, {"name": "operator", "permissions": ["admin:write"]})


def test_a_disabled_key_is_refused_at_once_and_accepted_again(server: Served) -> None:
    _, client = issue(server, "switched")
    assert server.client.patch(f"{PATH}/switched", {"disabled": True})["disabled"]
    with pytest.raises(Unauthenticated, match="'switched' is disabled"):
        client.chat("trimtab/extract", "hello")
    server.client.patch(f"{PATH}/switched", {"disabled": False})
    assert client.chat("trimtab/extract", "hello")


def test_a_key_ends_when_it_is_told_to(server: Served) -> None:
    key, client = issue(server, "brief", expires_ns=2**63 - 1)
    assert client.chat("trimtab/extract", "hello")
    changed = server.client.patch(f"{PATH}/brief", {"expires_ns": 1})
    assert changed == {**key, "expires_ns": 1}
    with pytest.raises(Unauthenticated, match="expired at 1970-01-01"):
        client.chat("trimtab/extract", "hello")
    assert server.client.patch(f"{PATH}/brief", {"expires_ns": None})["expires_ns"] is None
    assert client.chat("trimtab/extract", "hello")


def test_a_rotated_key_keeps_everything_but_its_secret(server: Served) -> None:
    key, former = issue(server, "turned", user="ann")
    answer = server.client.post(f"{PATH}/turned/rotate")
    assert {**answer["key"], "hint": ""} == {**key, "hint": ""}
    assert Client(server.url, key=answer["secret"]).chat("trimtab/extract", "hello")
    with pytest.raises(Unauthenticated, match="not known"):
        former.chat("trimtab/extract", "hello")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "name"),
        ({"name": ""}, "length"),
        ({"name": "a/b"}, "cannot be a name"),
        ({"name": "a@b"}, "'@'"),
        ({"name": "k", "permissions": []}, "length"),
        ({"name": "k", "permissions": ["everything"]}, "regex"),
        ({"name": "k", "permissions": ["trace:read"]}, "'trace:read' gives nothing"),
        ({"name": "k", "permissions": ["gateway:*", "gateway:fly"]}, "'gateway:fly'"),
        ({"name": "k", "models": []}, "length"),
        ({"name": "k", "user": ""}, "length"),
        ({"name": "k", "expires_ns": -1}, ">="),
        ({"name": "k", "expires_ns": 1}, "expired already"),
        ({"name": "k", "expires_ns": 2**64}, "<="),
        ({"name": "k", "secret": "mine"}, "secret"),
    ],
)
def test_terms_that_make_no_key_are_refused(
    server: Served, body: dict[str, Any], said: str
) -> None:
    assert said in problem(ask(server, "POST", PATH, body), 400)["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"null", {}, {"disabled": None}, {"disabled": "yes"}, {"name": "other"}]
)
def test_a_change_of_nothing_or_of_what_cannot_be_changed_is_refused(
    server: Served, body: Any
) -> None:
    server.client.get(PATH)
    problem(ask(server, "PATCH", f"{PATH}/app", body), 400)


def test_a_name_is_taken_once_and_an_unknown_one_is_not_found(server: Served) -> None:
    issue(server, "taken")
    with pytest.raises(Conflict, match="'taken' already"):
        server.client.post(PATH, {"name": "taken"})
    for method, path, body in (
        ("GET", f"{PATH}/nobody", None),
        ("PATCH", f"{PATH}/nobody", {"disabled": True}),
        ("POST", f"{PATH}/nobody/rotate", None),
        ("GET", f"{PATH}/nobody/budget", None),
    ):
        problem(ask(server, method, path, body), 404)


def test_a_change_by_another_process_is_followed(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data", ACCESS)) as server:
        admin = Client(server.url, key=ADMIN)
        answer = admin.post(PATH, {"name": "app"})
        client = Client(server.url, key=answer["secret"])
        assert client.chat("trimtab/extract", "hello")
        other = SQLMetadata.open(f"sqlite:///{tmp_path}/data/metadata.db")
        other.keys.disable("default", "app", disabled=True, by="another process")
        other.close()
        path = f"{PATH}/app/budget"
        assert next(one for one in admin.poll(path) if not one["usable"])
        for _ in admin.poll(path):
            try:
                client.chat("trimtab/extract", "hello")
            except Unauthenticated:
                break


# -- budgets -------------------------------------------------------------------------------------


def test_the_effective_budget_of_a_key_is_explained_in_one_call(server: Served) -> None:
    key, client = issue(server, "spender", user="eve", team="sales")
    for allowance in (
        {"kind": "team", "name": "sales", "monthly_usd": "200"},
        {"kind": "user", "name": "*", "daily_usd": 5, "soft": 0.5},
        {"kind": "key", "name": key["key_id"], "requests_per_minute": 60},
    ):
        server.client.put("/api/v1/allowances", allowance)
    when = periods(server.app.clock.now_ns())
    server.app.metadata.spend.add(
        "calls",
        1,
        {
            SpendKey("default", "team", "sales", when.month): Spend(3, 30, 3, 198 * 10**9, 1),
            SpendKey("default", "user", "eve", when.day): Spend(2, 20, 2, 2_600_000_000),
        },
    )
    found = server.client.get(f"{PATH}/spender/budget")
    for node, shown in zip(found["nodes"], client.get("/api/v1/budget")["nodes"], strict=True):
        assert {**shown, "live": None} == {**node, "live": None}
    assert (found["key_id"], found["usable"]) == (key["key_id"], True)
    own, user, team, project = found["nodes"]
    assert [limit["limit"] for limit in own["live"]] == ["requests_per_minute"]
    assert (own["live"][0]["capacity"], own["live"][0]["left"]) == ("60", "60")
    client.chat("trimtab/extract", "hello")
    after = server.client.get(f"{PATH}/spender/budget")["nodes"][0]["live"][0]
    assert (after["used"], after["left"]) == ("1", "59")
    assert own["allowance"]["requests_per_minute"] == 60
    assert (user["name"], user["allowance"]["name"]) == ("eve", "*")
    assert (user["day"]["remaining_usd"], user["day"]["status"]) == ("2.400000000", "soft")
    assert team["month"]["used"]["cost_usd"] == "198.000000000"
    assert (team["month"]["used"]["unpriced"], team["month"]["remaining_usd"]) == (
        1,
        "2.000000000",
    )
    assert project["allowance"] is None
    assert (found["binding"]["kind"], found["binding"]["period"]) == ("team", when.month)
    assert found["binding"]["resets_ns"] == when.month_ends_ns


def test_only_a_virtual_key_has_a_budget_of_its_own(server: Served) -> None:
    with pytest.raises(NotFound, match="no virtual key"):
        server.client.get("/api/v1/budget")


def test_what_was_spent_is_listed_by_period_and_kind(server: Served) -> None:
    given = {
        SpendKey("default", "team", "a", "2025-01"): Spend(1, 2, 3, 4 * 10**9, 5),
        SpendKey("default", "user", "b", "2025-01"): Spend(cost_nano_usd=5 * 10**9),
        SpendKey("default", "team", "a", "2025-01-31"): Spend(1),
        SpendKey("elsewhere", "team", "a", "2025-01"): Spend(1),
    }
    server.app.metadata.spend.add("listed", 1, given)
    rows = server.client.get("/api/v1/spend", {"period": "2025-01"})["data"]
    assert [(row["kind"], row["name"]) for row in rows] == [("user", "b"), ("team", "a")]
    assert rows[1] == {
        "kind": "team",
        "name": "a",
        "period": "2025-01",
        "requests": 1,
        "tokens_input": 2,
        "tokens_output": 3,
        "cost_usd": "4.000000000",
        "unpriced": 5,
    }
    narrowed = server.client.get("/api/v1/spend", {"period": "2025-01-31", "kind": "team"})
    assert [row["requests"] for row in narrowed["data"]] == [1]
    for query in ("period=2025", "period=x", "kind=teams"):
        problem(ask(server, "GET", f"/api/v1/spend?{query}"), 400)
