"""Releases in environments, by people who may do different things, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.client import Client
from trimtab.errors import Conflict, Forbidden, InvalidRequest

PATH = "/api/v1/releases"
ASK = "Which port does the widget server listen on?"
SETTINGS = """
access:
  keys:
    - {name: zoe, key: secret-zoe-0123456789, permissions: ["*"]}
    - {name: ann, key: secret-ann-0123456789, permissions: ["releases:*", "audit:read"]}
    - {name: bob, key: secret-bob-0123456789, permissions: ["releases:approve", "releases:read"]}
    - {name: app, key: secret-app-0123456789, permissions: ["gateway:call"]}
providers:
  - {name: far, kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: none,
     models: [{id: o3}, {id: gpt-4o}]}
releases:
  approvals: 1
  environments:
    - {name: staging, gate: false}
    - {name: eu, approvals: 1}
    - {name: production, approvals: 1}
guards:
  policies:
    - {name: no-ports, rules: [{signal: bans, settings: {terms: [widget]}, action: block}],
       mode: enforce}
    - {name: lax, rules: [], mode: off}
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    config = configured(tmp_path_factory.mktemp("environments") / "data", SETTINGS)
    with served(config) as running:
        yield running


def who(here: Served, name: str) -> Client:
    return Client(here.url, key=f"secret-{name}-0123456789")


def create(here: Served, route: str, **bundle: Any) -> str:
    made = {"route": route, "targets": [{"model": "trimtab/extract"}], **bundle}
    with who(here, "zoe") as zoe:
        release = zoe.post(PATH, made)
    assert release["author"] == "zoe"
    return f"{route}@{release['version']}"


def move(here: Served, by: str, ref: str, verb: str, **body: Any) -> dict[str, Any]:
    with who(here, by) as client:
        moved: dict[str, Any] = client.post(f"{PATH}/{ref}/{verb}", body)
    return moved


def live(here: Served, ref: str) -> None:
    move(here, "bob", ref, "approve", reason="read it")
    move(here, "ann", ref, "promote", force=True, reason="for the test")


def answered(here: Served, route: str, **headers: str) -> str | None:
    body = {"model": route, "messages": [{"role": "user", "content": ASK}]}
    sent = {f"x-trimtab-{name}": value for name, value in headers.items()}
    key = {"authorization": "Bearer secret-app-0123456789"}
    reply = here.ask("POST", "/v1/chat/completions", body, key | sent)
    if reply.status != 200:
        return f"{reply.status} {reply.json['error']['code']}"
    return reply.headers.get("x-trimtab-release")


def test_an_environment_has_its_own_release_until_it_is_taken_back(here: Served) -> None:
    first, second = (create(here, "placed", parameters={"seed": n}) for n in (1, 2))
    live(here, first)
    placed = move(here, "ann", second, "promote", environment="staging", reason="a look")
    assert (placed["state"], placed["live_in"]) == ("candidate", ["staging"])
    assert answered(here, "placed", environment="staging") == second
    assert {answered(here, "placed"), answered(here, "placed", environment="eu")} == {first}
    back = move(here, "ann", second, "rollback", environment="staging", reason="worse")
    assert back["live_in"] == []
    assert answered(here, "placed", environment="staging") == first
    move(here, "ann", second, "promote", environment="staging", reason="again")
    move(here, "ann", second, "withdraw", environment="staging")
    assert answered(here, "placed", environment="staging") == first
    with pytest.raises(Conflict, match="does not answer in 'staging'"):
        move(here, "ann", second, "withdraw", environment="staging")


def test_an_environment_nobody_spoke_of_is_under_the_rules_of_what_is_live(here: Served) -> None:
    ref = create(here, "unspoken")
    with pytest.raises(Conflict, match="needs 1 approval to answer in 'production'"):
        move(here, "ann", ref, "promote", environment="production", force=True, reason="now")
    move(here, "bob", ref, "approve", reason="read it", environment="production")
    move(here, "ann", ref, "promote", environment="production")
    assert answered(here, "unspoken", environment="production") == ref
    assert answered(here, "unspoken") == "404 not_found"


def test_a_second_person_approves_and_nobody_else_counts(here: Served) -> None:
    ref = create(here, "approved")
    with pytest.raises(Conflict, match="needs 1 approval to go live"):
        move(here, "ann", ref, "promote")
    with pytest.raises(Conflict, match="made by zoe"):
        move(here, "zoe", ref, "approve", reason="mine is fine")
    with pytest.raises(Forbidden):
        move(here, "bob", ref, "promote")
    move(here, "ann", ref, "approve", reason="I promote it myself")
    with pytest.raises(Conflict, match="it has none"):
        move(here, "ann", ref, "promote")
    move(here, "bob", ref, "approve", reason="read it")
    with who(here, "bob") as bob:
        status = bob.get("/api/v1/routes/approved/status")
        assert status["waiting"]["approved"]["by"] == ["ann", "bob"]
        assert status["next"] == f"trimtab releases promote {ref}"
    assert move(here, "ann", ref, "promote")["state"] == "live"


def test_two_keys_of_one_user_are_one_person(here: Served) -> None:
    ref = create(here, "keyed")
    with who(here, "zoe") as zoe:
        terms = {"name": "zoe-laptop", "user": "zoe", "permissions": ["releases:*"]}
        secret = zoe.post("/api/v1/keys", terms)["secret"]
    with Client(here.url, key=secret) as laptop, pytest.raises(Conflict, match="made by zoe-lap"):
        laptop.post(f"{PATH}/{ref}/approve", {"reason": "somebody else's, surely"})


def test_a_canary_has_only_its_segment(here: Served) -> None:
    first, second = (create(here, "segmented", parameters={"seed": n}) for n in (1, 2))
    live(here, first)
    segment = {"users": ["ada"], "environments": ["eu"]}
    begun = move(here, "ann", second, "canary", share=1, segment=segment)
    assert begun["segment"]["users"] == ["ada"]
    assert answered(here, "segmented", user="ada", environment="eu") == second
    for headers in ({"user": "ada"}, {"user": "bob", "environment": "eu"}, {}):
        assert answered(here, "segmented", **headers) == first
    state = who(here, "zoe").get("/api/v1/gateway/routes/segmented")
    assert state["canary"]["segment"]["environments"] == ["eu"]


class TestGuardPolicies:
    def test_calls_of_a_release_pass_its_own_policy(self, here: Served) -> None:
        first = create(here, "guarded", parameters={"seed": 1})
        second = create(here, "guarded", guard_policy="no-ports")
        live(here, first)
        move(here, "ann", second, "promote", environment="staging")
        assert answered(here, "guarded") == first
        assert answered(here, "guarded", environment="staging") == "400 content_filter"
        with who(here, "zoe") as zoe:
            policy = zoe.get(f"{PATH}/{second}")["guard_policy"]
            assert policy.startswith("no-ports@")
            diff = zoe.get(f"{PATH}/{second}/diff", {"base": first})
        assert {one["field"] for one in diff["changes"]} == {"guard_policy", "parameters.seed"}

    def test_a_policy_that_is_not_there_is_refused(self, here: Served) -> None:
        with pytest.raises(InvalidRequest, match="no policy of guards 'nobody'") as caught:
            create(here, "guarded", guard_policy="nobody")
        assert caught.value.where == "guard_policy"

    def test_a_policy_that_changes_is_said_and_guards_as_it_is(self, here: Served) -> None:
        path = "/api/v1/guards/policies/changing"
        rule = {"signal": "bans", "settings": {"terms": ["nothing"]}, "action": "block"}
        with who(here, "zoe") as zoe:
            zoe.put(path, {"mode": "enforce", "rules": [rule]})
            ref = create(here, "changed", guard_policy="changing")
            live(here, ref)
            assert answered(here, "changed") == ref
            assert zoe.get(f"{PATH}/{ref}")["warnings"] == []
            rule["settings"] = {"terms": ["widget"]}
            zoe.put(path, {"mode": "enforce", "rules": [rule]})
            assert answered(here, "changed") == "400 content_filter"
            (warning,) = zoe.get(f"{PATH}/{ref}")["warnings"]
            assert warning.startswith(f"{ref} was made with changing@")
            with pytest.raises(Conflict, match="is used by"):
                zoe.delete(path)


@pytest.mark.parametrize(
    ("name", "value"), [("max_sentences", -1), ("abstain_below", 2), ("n", 3), ("stop", [1])]
)
def test_a_parameter_that_no_model_takes_is_refused(here: Served, name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match="trimtab/extract refuses it") as caught:
        create(here, "parameters", parameters={"seed": 1, name: value})
    assert caught.value.where == f"parameters.{name}"


def test_a_parameter_that_some_models_do_not_take_is_said(here: Served) -> None:
    cold = {"parameters": {"temperature": 0}}
    with pytest.raises(InvalidRequest, match=r"no model of this release takes .*: far/o3 refuses"):
        create(here, "cold", targets=[{"model": "far/o3"}], **cold)
    ref = create(here, "cold", targets=[{"model": "far/o3"}, {"model": "far/gpt-4o"}], **cold)
    with who(here, "zoe") as zoe:
        (warning,) = zoe.get(f"{PATH}/{ref}")["warnings"]
    assert warning.startswith("far/o3 does not take 'temperature'")


def test_every_change_is_in_the_audit_which_is_read_by_pages(here: Served) -> None:
    ref = create(here, "audited")
    live(here, ref)
    with who(here, "ann") as ann:
        page = ann.get("/api/v1/audit", {"object": "audited"})
        found = [(one["action"], one["principal"], one["object"]) for one in page["data"]]
        assert found == [
            ("release.promote", "ann", ref),
            ("release.approve", "bob", ref),
            ("release.add", "zoe", ref),
        ]
        assert page["next"] is None
        query: dict[str, Any] = {"object": "audited", "limit": 1}
        pages = []
        while True:
            page = ann.get("/api/v1/audit", query)
            pages += page["data"]
            if page["next"] is None:
                break
            query["before"] = page["next"]
        assert [one["action"] for one in pages] == [one[0] for one in found]
        of_kind = ann.get("/api/v1/audit", {"action": "release.approve", "object": ref})
        assert [one["principal"] for one in of_kind["data"]] == ["bob"]
        past = ann.get("/api/v1/routes/audited/history")["data"]
        assert [one["action"] for one in past] == ["promote", "approve", "add"]
    key = {"authorization": "Bearer secret-bob-0123456789"}
    problem(here.ask("GET", "/api/v1/audit", headers=key), 403)


def test_a_prompt_carries_who_wrote_it_into_the_audit(here: Served) -> None:
    with who(here, "zoe") as zoe:
        zoe.post(
            "/api/v1/prompts", {"name": "said", "messages": [{"role": "user", "content": "x"}]}
        )
        (entry, *_) = zoe.get("/api/v1/audit", {"object": "said@1"})["data"]
    assert (entry["action"], entry["principal"]) == ("prompt.add", "zoe")
    assert entry["time_ns"] <= time.time_ns()
