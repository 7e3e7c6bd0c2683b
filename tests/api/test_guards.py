"""Guards over HTTP: signals, scans, policies and modes, what was done, and what people decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.guards.presets import PRESETS
from trimtab.signals.catalogue import NAMES

GUARDS = "/api/v1/guards"
POLICIES = f"{GUARDS}/policies"
DECLARED = """
gateway:
  routes:
    - {name: watched, targets: [{model: trimtab/extract}], guards: {policy: filed}}
    - {name: plain, targets: [{model: trimtab/extract}]}
guards:
  policies:
    - name: filed
      mode: enforce
      rules:
        - {signal: bans, settings: {terms: [banned]}, action: block}
        - {signal: bans, name: ask, settings: {terms: [unsure]}, action: review}
        - {signal: bans, name: later, settings: {terms: [later]}, action: redact, mode: shadow}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("guards") / "data", DECLARED)) as running:
        yield running


def put(server: Served, name: str, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = server.client.put(f"{POLICIES}/{name}", body)
    return found


def view(server: Served, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get(f"{POLICIES}/{name}")
    return found


# -- signals -------------------------------------------------------------------------------------


def test_every_signal_is_listed_with_what_it_needs(server: Served) -> None:
    rows = {row["name"]: row for row in server.client.get(f"{GUARDS}/signals")["data"]}
    assert set(rows) == set(NAMES)
    assert all(row["version"] and row["summary"] for row in rows.values())
    assert rows["leak"]["needs"] == ["system"]
    assert rows["bans"]["setting"] == "terms"
    assert rows["length"]["threshold"] is None
    assert {name for name, row in rows.items() if row["learned"]} <= {
        name for name, row in rows.items() if row["has_card"]
    }


def test_a_learned_signal_comes_with_its_scorecard(server: Served) -> None:
    page = server.client.get(f"{GUARDS}/signals/toxicity")
    assert page["card"]["threshold"]["fpr_1"] == page["info"]["threshold"]
    assert server.client.get(f"{GUARDS}/signals/length")["card"] is None
    with pytest.raises(NotFound, match="no signal"):
        server.client.get(f"{GUARDS}/signals/luck")


def test_a_text_is_scanned_with_settings(server: Served) -> None:
    said = {"text": "Acme is better", "signals": ["length"]}
    found = server.client.post(
        f"{GUARDS}/scan", {**said, "settings": {"bans": {"terms": ["acme"]}}}
    )
    assert found["scores"] == {"length": 14.0, "bans": 1.0}
    for settings in ({"bans": {"hue": 5}}, {"injection": {"attacks": "x"}}, {"luck": {}}):
        with pytest.raises(InvalidRequest) as caught:
            server.client.post(f"{GUARDS}/scan", {**said, "settings": settings})
        assert caught.value.where == "settings"


def test_a_text_is_scanned_and_nothing_of_it_is_kept(server: Served) -> None:
    body = {"text": "mail ann@example.org", "signals": ["pii", "leak"]}
    found = server.client.post(f"{GUARDS}/scan", body)
    (place,) = found["findings"]
    assert (place["kind"], place["start"], place["end"]) == ("email_address", 5, 20)
    assert found["scores"]["leak"] is None
    assert "prompt" in found["reasons"]["leak"]
    asked = problem(server.ask("POST", f"{GUARDS}/scan", {"text": "", "signals": ["pi"]}), 400)
    assert "pii" in asked["fix"]


def test_a_context_is_what_a_text_is_judged_against(server: Served) -> None:
    passage = "The widget server listens on port 7711 by default."
    body = {"text": passage, "context": [passage], "signals": ["groundedness"]}
    assert server.client.post(f"{GUARDS}/scan", body)["scores"]["groundedness"] > 0.9


# -- policies ------------------------------------------------------------------------------------


def test_presets_and_the_default_are_there_from_the_start(server: Served) -> None:
    rows = {row["name"]: row for row in server.client.get(POLICIES)["data"]}
    assert set(PRESETS) | {"default", "filed"} <= set(rows)
    assert (rows["default"]["source"], rows["default"]["in_mode"]) == ("preset", "shadow")
    assert rows["default"]["routes"] == ["plain"]
    assert (rows["filed"]["source"], rows["filed"]["routes"]) == ("file", ["watched"])
    assert [rule["signal"] for rule in rows["internal"]["in_force"]][:2] == ["unicode", "secrets"]


def test_a_policy_is_put_over_another_changed_and_deleted(server: Served) -> None:
    rule = {"signal": "pii", "on": ["input"], "action": "block", "threshold": 0.9}
    first = put(server, "mine", {"extends": "internal", "rules": [rule], "revision": 0})
    assert (first["revision"], first["source"], first["in_mode"]) == (1, "api", "shadow")
    assert len(first["rules"]) == 1
    (pii,) = [one for one in first["in_force"] if one["signal"] == "pii"]
    assert (pii["action"], len(first["in_force"])) == ("block", len(PRESETS["internal"].rules))
    with pytest.raises(Conflict, match="revision 1"):
        put(server, "mine", {"revision": 0})
    second = put(server, "mine", {"extends": "internal", "mode": "flag", "revision": 1})
    assert (second["revision"], second["in_mode"]) == (2, "flag")
    assert second["version"] != first["version"]
    history = server.client.get(f"{POLICIES}/mine/revisions")["data"]
    assert [one["revision"] for one in history] == [2, 1]
    put(server, "over", {"extends": "mine"})
    with pytest.raises(Conflict, match="policy over"):
        server.client.delete(f"{POLICIES}/mine")
    for name in ("over", "mine"):
        server.client.delete(f"{POLICIES}/{name}")
    with pytest.raises(NotFound):
        view(server, "mine")


def test_a_mode_is_set_of_one_policy_and_its_rules_stay(server: Served) -> None:
    put(server, "moded", {"extends": "internal"})
    found = server.client.put(f"{POLICIES}/moded/mode", {"mode": "enforce", "revision": 1})
    assert (found["mode"], found["revision"], found["extends"]) == ("enforce", 2, "internal")
    default = server.client.put(f"{POLICIES}/default/mode", {"mode": "flag"})
    assert (default["source"], default["in_mode"], default["extends"]) == (
        "api",
        "flag",
        "internal",
    )
    server.client.delete(f"{POLICIES}/default")
    assert view(server, "default")["in_mode"] == "shadow"


@pytest.mark.parametrize(
    ("name", "body", "kind", "said"),
    [
        ("filed", {}, Conflict, "configuration file"),
        ("a", {"extends": "nowhere"}, InvalidRequest, "nowhere"),
        ("a", {"rules": [{"signal": "pi"}]}, InvalidRequest, "pi"),
        ("a", {"rules": [{"scorer": "nothing"}]}, InvalidRequest, "nothing"),
        ("a", {"rules": [{"signal": "pii", "scorer": "cost"}]}, InvalidRequest, "not both"),
        ("a", {"rules": [{"signal": "pii", "settings": {"hue": 1}}]}, InvalidRequest, "setting"),
        ("a", {"rules": [{"signal": "pii", "hue": 1}]}, InvalidRequest, "hue"),
        ("a", {"rules": [{"signal": "pii", "threshold": 2}]}, InvalidRequest, "threshold"),
        ("a", {"rules": [{"signal": "pii"}, {"signal": "pii"}]}, InvalidRequest, "two rules"),
        ("a", {"extends": "a"}, InvalidRequest, "itself"),
        ("a@b", {}, InvalidRequest, "name"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(
    server: Served, name: str, body: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        put(server, name, body)


def test_policies_do_not_extend_each_other_in_a_circle(server: Served) -> None:
    put(server, "first", {})
    put(server, "second", {"extends": "first"})
    with pytest.raises(InvalidRequest, match="extend itself"):
        put(server, "first", {"extends": "second"})


@pytest.mark.parametrize(("name", "kind"), [("internal", InvalidRequest), ("nobody", NotFound)])
def test_a_mode_of_what_is_not_ones_own_is_refused(
    server: Served, name: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        server.client.put(f"{POLICIES}/{name}/mode", {"mode": "enforce"})


def test_what_the_file_says_of_the_default_the_api_does_not_change(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("filed") / "data"
    with served(configured(data, "guards: {mode: flag}\n")) as running:
        assert view(running, "default")["source"] == "file"
        assert view(running, "default")["in_mode"] == "flag"
        with pytest.raises(Conflict, match="configuration file"):
            put(running, "default", {})


# -- what guards did -----------------------------------------------------------------------------


def ask(server: Served, text: str, model: str = "watched", **headers: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    said = {f"x-trimtab-{name}": value for name, value in headers.items()}
    return server.ask("POST", "/v1/chat/completions", body, said).status


@pytest.fixture(scope="module")
def used(server: Served) -> Served:
    statuses = [ask(server, f"a {word} word") for word in ("fine", "banned", "unsure", "later")]
    assert statuses == [200, 400, 200, 200]
    return server


def test_a_report_says_what_was_done_and_what_would_have_been(used: Served) -> None:
    found = used.client.get(f"{GUARDS}/report")["rules"]
    rows = {row["rule"]: row for row in found if row["modes"] and row["rule"] in RULES}
    assert set(rows) == RULES
    assert rows["bans"]["did"] == {"block": 1}
    assert rows["ask"]["did"] == {"flag": 1}
    assert (rows["later"]["did"], rows["later"]["would"]) == ({}, {"redact": 1})
    assert rows["later"]["modes"] == ["shadow"]
    for row in rows.values():
        fired = sum(row["did"].values()) + sum(row["would"].values())
        assert row["checked"] == row["passed"] + fired
        assert (row["errors"], row["complete"]) == (0, True)
        assert row["p50_ms"] <= row["p99_ms"]
        assert len(row["examples"]) == fired == 1
    assert "banned" not in json.dumps(found)


RULES = {"bans", "ask", "later"}


def test_events_are_the_calls_that_guards_saw_something_in(used: Served) -> None:
    rows = used.client.get(f"{GUARDS}/events")["data"]
    found = {row["rule"]: row for row in rows if row["rule"] in RULES}
    assert {rule: row["action"] for rule, row in found.items()} == {
        "bans": "block",
        "ask": "flag",
        "later": "pass",
    }
    assert found["later"]["would"] == "redact"
    (place,) = found["later"]["findings"]
    assert (place["kind"], place["end"] - place["start"]) == ("banned", len("later"))
    (only,) = used.client.get(f"{GUARDS}/events", {"rule": "bans"})["data"]
    assert only == found["bans"]
    seen = used.client.get(f"{GUARDS}/events", {"filter": "status:error", "rule": "ask"})["data"]
    assert seen == []
    assert "unsure" not in json.dumps(rows)


def test_people_decide_what_a_rule_was_not_sure_of(used: Served) -> None:
    (asked,) = used.client.get(f"{GUARDS}/reviews")["data"]
    assert (asked["rule"], asked["decision"]) == ("ask", "pending")
    decision = {name: asked[name] for name in ("rule", "trace_id", "span_id")}
    answer = {**decision, "decision": "dismissed", "reason": "a harmless word"}
    score = used.client.post(f"{GUARDS}/reviews", answer)
    assert (score["name"], score["source"], score["label"]) == (
        "guard.ask.review",
        "human",
        "dismissed",
    )
    assert used.client.get(f"{GUARDS}/reviews")["data"] == []
    (done,) = used.client.get(f"{GUARDS}/reviews", {"decision": "dismissed"})["data"]
    assert done["reason"] == "a harmless word"
    used.client.post(f"{GUARDS}/reviews", {**decision, "decision": "pending"})
    assert used.client.get(f"{GUARDS}/reviews")["data"] == [asked], "it was taken back"
    used.client.post(f"{GUARDS}/reviews", {**decision, "decision": "upheld"})
    (again,) = used.client.get(f"{GUARDS}/reviews", {"decision": "all"})["data"]
    assert (again["decision"], again["reason"]) == ("upheld", None)
    with pytest.raises(NotFound, match="no review"):
        used.client.post(f"{GUARDS}/reviews", {**answer, "rule": "bans"})


def test_a_threshold_is_found_on_recorded_calls(used: Served) -> None:
    asked = {"signal": "pii", "fpr": 0.25, "filter": "route:watched"}
    found = used.client.post(f"{GUARDS}/calibrate", asked)
    assert found["signal"] == "pii"
    assert found["texts"] >= 3
    assert found["false_positives"]["value"] <= 0.25
    assert found["enough"] is False
    for wrong in ({"signal": "length"}, {"signal": "pi"}, {"signal": "leak", "on": "output"}):
        with pytest.raises(InvalidRequest):
            used.client.post(f"{GUARDS}/calibrate", {**asked, **wrong, "filter": "user:none"})


def test_what_a_run_asks_is_no_traffic(used: Served) -> None:
    asked = {"signal": "pii", "fpr": 0.25, "filter": "route:watched"}
    texts = used.client.post(f"{GUARDS}/calibrate", asked)["texts"]
    before = used.client.get(f"{GUARDS}/report")["rules"]
    assert ask(used, "an unsure attack", run="attacks") == 200
    assert used.client.post(f"{GUARDS}/calibrate", asked)["texts"] == texts
    after = used.client.get(f"{GUARDS}/report")["rules"]
    assert {row["rule"]: row["checked"] for row in after if row["stage"] == "input"} == {
        row["rule"]: row["checked"] for row in before if row["stage"] == "input"
    }
    rows = used.client.get(f"{GUARDS}/events", {"rule": "ask"})["data"]
    assert len(rows) >= 2, "that a rule fired on it is still an event"


@pytest.mark.parametrize("since", ["", "7", "d", "-1h", "x" * 300])
def test_a_period_that_is_none_is_refused(server: Served, since: str) -> None:
    for path in ("report", "events", "reviews"):
        problem(server.ask("GET", f"{GUARDS}/{path}?since={since}"), 400)
