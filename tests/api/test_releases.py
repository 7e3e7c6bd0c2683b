"""Releases over HTTP: made, promoted on evidence, refused with reasons, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import BUNDLE
from tests.api.problems import problem
from tests.serving import Served

from trimtab.errors import Conflict, InvalidRequest, NotFound

PATH = "/api/v1/releases"
ASK = "Which port does the widget server listen on?"
ROWS = [{"example_id": str(n), "input": f"{ASK} Case {n}.", "expected": "7711"} for n in range(12)]
RULES = [{"metric": "answer_correct", "margin": 0.0, "must_improve": True}]


def bundle(**changes: Any) -> dict[str, Any]:
    return BUNDLE | changes


def create(server: Served, **changes: Any) -> dict[str, Any]:
    created: dict[str, Any] = server.client.post(PATH, bundle(**changes))
    return created


def promote(server: Served, release: dict[str, Any], **promotion: Any) -> dict[str, Any]:
    path = f"{PATH}/{release['release_id']}/promote"
    promoted: dict[str, Any] = server.client.post(path, promotion)
    return promoted


def run(server: Served, release: dict[str, Any], dataset: str = "rows") -> dict[str, Any]:
    request = {"release": release["release_id"], "dataset": dataset, "scorers": ["answer_correct"]}
    *_, finished = server.client.watch(server.client.post("/api/v1/runs", request)["run_id"])
    assert finished["status"] == "done"
    return finished


def compare(server: Served, new: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    path = f"/api/v1/runs/{new['run_id']}/comparison"
    body = {"baseline": base["run_id"], "rules": RULES, "store": True}
    judged: dict[str, Any] = server.client.post(path, body)
    return judged


def states(server: Served, route: str) -> dict[int, str]:
    rows = server.client.get(PATH, {"route": route})["data"]
    return {row["version"]: row["state"] for row in rows}


# -- making one --------------------------------------------------------------------------------


def test_a_release_is_a_candidate_that_gets_no_traffic_by_itself(widgets: Served) -> None:
    release = create(widgets, route="waiting", note="first try")
    assert (release["state"], release["version"], release["prompt"]) == (
        "candidate",
        1,
        "widgets@1",
    )
    assert release["parameters"] == BUNDLE["parameters"]
    with pytest.raises(NotFound):
        widgets.client.chat("waiting", ASK)
    pinned = widgets.client.chat("waiting@1", ASK)
    assert pinned["release"] == "waiting@1"
    shown = release | {"warnings": []}
    assert widgets.client.get(f"{PATH}/waiting@1") == shown
    assert widgets.client.get(f"{PATH}/{release['release_id']}") == shown


def test_the_same_content_twice_is_a_conflict_that_names_the_first(widgets: Served) -> None:
    create(widgets, route="same")
    with pytest.raises(Conflict, match="same@1 has the same content"):
        create(widgets, route="same", note="only the note differs")
    assert create(widgets, route="same", parameters={})["version"] == 2


@pytest.mark.parametrize(
    ("changes", "status", "where"),
    [
        ({"targets": []}, 400, "$.targets"),
        ({"targets": [{}]}, 400, "$.targets[0]"),
        ({"targets": [{"model": "nobody/x"}]}, 400, "targets"),
        ({"targets": [{"model": "trimtab/extract", "weight": 0}]}, 400, "$.targets[0].weight"),
        ({"targets": [{"model": "trimtab/extract", "wieght": 1}]}, 400, "$.targets[0]"),
        ({"route": 7}, 400, "$.route"),
        ({"route": "trimtab/extract"}, 400, "route"),
        ({"route": "."}, 400, "route"),
        ({"parameters": {"model": "x"}}, 400, "parameters.model"),
        ({"parameters": {"messages": []}}, 400, "parameters.messages"),
        ({"parameters": {"stream": True}}, 400, "parameters.stream"),
        ({"guard_policy": "strict"}, 400, "guard_policy"),
        ({"retrieval": {"corpus": "nowhere"}}, 404, "retrieval.corpus"),
        ({"retrieval": {"corpus": "widgets", "stemmer": "klingon"}}, 400, "retrieval.stemmer"),
        ({"retrieval": {"corpus": "widgets", "k": 0}}, 400, "$.retrieval.k"),
        ({"retrieval": {"corpus": "widgets", "b": 1.5}}, 400, "$.retrieval.b"),
        ({"retrieval": {"corpus": "widgets", "chunk_words": 0}}, 400, "$.retrieval.chunk_words"),
        ({"retrieval": {"corpus": "widgets", "chunk_word": 50}}, 400, "$.retrieval"),
        ({"prompt": None}, 400, "prompt"),
        ({"prompt": "no such prompt"}, 404, None),
        ({"prompt": "widgets@9"}, 404, None),
        ({"nte": "x"}, 400, "$"),
        ({"note": "x" * 2001}, 400, "$.note"),
    ],
)
def test_a_release_that_could_not_answer_is_refused_when_it_is_made(
    widgets: Served, changes: dict[str, Any], status: int, where: str | None
) -> None:
    reply = widgets.ask("POST", PATH, bundle(**{"route": "refused", **changes}))
    problem(reply, status, where=where)
    assert widgets.client.get(PATH, {"route": "refused"})["data"] == []


def test_a_prompt_that_asks_for_what_a_release_does_not_have_is_refused(widgets: Served) -> None:
    for name, content in [("fails", "{{ passages }} {{ 1 / 0 }}"), ("places none", "Hi.")]:
        message = {"role": "system", "content": content}
        widgets.client.post("/api/v1/prompts", {"name": name, "messages": [message]})
        with pytest.raises(InvalidRequest) as caught:
            create(widgets, route="refused", prompt=name)
        assert caught.value.where


def test_a_prompt_may_ask_for_what_requests_bring(widgets: Served) -> None:
    message = {"role": "system", "content": "{{ passages }} For {{ customer }}."}
    widgets.client.post("/api/v1/prompts", {"name": "needs more", "messages": [message]})
    assert create(widgets, route="asking", prompt="needs more")["prompt"] == "needs more@1"
    widgets.client.post(f"{PATH}/asking@1/promote")
    body = {"model": "asking", "messages": [{"role": "user", "content": ASK}]}
    refused = widgets.ask("POST", "/v1/chat/completions", body)
    assert (refused.status, refused.json["error"]["param"]) == (400, "prompt needs more@1")
    assert "lacks variables: customer;" in refused.json["error"]["message"]
    body["trimtab"] = {"variables": {"customer": "Ada"}}
    assert widgets.ask("POST", "/v1/chat/completions", body).status == 200


@pytest.mark.parametrize("ref", ["nobody", "nobody@1", "widgets@99", "%00", "x" * 5000])
def test_an_unknown_release_is_not_found_on_every_route(widgets: Served, ref: str) -> None:
    problem(widgets.ask("GET", f"{PATH}/{ref}"), 404)
    problem(widgets.ask("POST", f"{PATH}/{ref}/promote", b""), 404)
    problem(widgets.ask("POST", f"{PATH}/{ref}/rollback", {"reason": "x"}), 404)


# -- its life ----------------------------------------------------------------------------------


def test_the_first_release_of_a_route_needs_no_evidence_and_no_body(widgets: Served) -> None:
    create(widgets, route="first")
    reply = widgets.ask("POST", f"{PATH}/first@1/promote", b"")
    assert (reply.status, reply.json["state"]) == (200, "live")
    assert widgets.client.chat("first", ASK)["release"] == "first@1"
    (approval,) = reply.json["approvals"]
    assert (approval["principal"], approval["action"]) == ("local", "promote")


def test_each_missing_piece_of_evidence_is_a_conflict_that_says_what_to_do(
    widgets: Served,
) -> None:
    widgets.client.post("/api/v1/datasets", {"name": "rows", "examples": ROWS})
    live = create(widgets, route="judged", parameters={"abstain_below": 1.0})
    promote(widgets, live)
    better = create(widgets, route="judged")
    path = f"{PATH}/judged@2/promote"

    def refusal(**promotion: Any) -> str:
        found = problem(widgets.ask("POST", path, promotion), 409)
        assert states(widgets, "judged") == {1: "live", 2: "candidate"}
        return f"{found['detail']}; {found.get('fix', '')}"

    assert "trimtab eval --release judged@2 --dataset DATASET --baseline judged@1" in refusal()
    of_live, of_better = run(widgets, live), run(widgets, better)
    assert "judged judged@1, not judged@2" in refusal(run=of_live["run_id"])
    assert "not compared with a baseline" in refusal(run=of_better["run_id"])
    compare(widgets, of_better, run(widgets, better))
    assert "the gate says" in refusal(run=of_better["run_id"])
    mute = create(widgets, route="other", parameters={"abstain_below": 1.0, "max_sentences": 1})
    elsewhere = run(widgets, mute)
    compare(widgets, of_better, elsewhere)
    assert "was not compared with judged@1" in refusal(run=of_better["run_id"])
    assert problem(widgets.ask("POST", path, {"run": "no such run"}), 404)

    verdict = compare(widgets, of_better, of_live)["verdict"]
    assert (verdict["outcome"], verdict["baseline_run"]) == ("pass", of_live["run_id"])
    promoted = promote(widgets, better, run=of_better["run_id"])
    assert promoted["approvals"][-1]["run"] == of_better["run_id"]
    assert states(widgets, "judged") == {1: "retired", 2: "live"}
    assert widgets.client.chat("judged", ASK)["release"] == "judged@2"


def test_a_worse_release_fails_and_stays_a_candidate(widgets: Served) -> None:
    widgets.client.post("/api/v1/datasets", {"name": "rows", "examples": ROWS})
    live, worse = create(widgets, route="worse"), create(widgets, route="worse", parameters={})
    promote(widgets, live)
    worse = create(widgets, route="worse", parameters={"abstain_below": 1.0})
    judged = compare(widgets, run(widgets, worse), run(widgets, live))
    assert judged["verdict"]["outcome"] == "fail"
    with pytest.raises(Conflict, match="the gate says fail for worse@3"):
        promote(widgets, worse, run=judged["run_id"])


def test_force_needs_a_reason_and_leaves_it_on_record(widgets: Served) -> None:
    promote(widgets, create(widgets, route="forced"))
    second = create(widgets, route="forced", parameters={})
    for reason in (None, "", "  "):
        with pytest.raises(InvalidRequest, match="needs a reason"):
            promote(widgets, second, force=True, reason=reason)
    forced = promote(widgets, second, force=True, reason="hotfix")
    assert forced["approvals"][-1]["reason"] == "hotfix"
    with pytest.raises(Conflict, match="live already"):
        promote(widgets, second)


def test_a_rollback_brings_back_the_release_before_at_once(widgets: Served) -> None:
    for n in range(3):
        release = create(widgets, route="back", parameters={"abstain_below": n / 100})
        promote(widgets, release, force=True, reason="next")
    back = f"{PATH}/back@3/rollback"
    problem(widgets.ask("POST", back, b""), 400, where="$")
    problem(widgets.ask("POST", back, {}), 400, where="$")
    problem(widgets.ask("POST", back, {"reason": " "}), 400, where="reason")
    restored = widgets.client.post(back, {"reason": "wrong links"})
    assert restored["version"] == 2
    assert restored["approvals"][-1]["action"] == "roll_back"
    assert restored["approvals"][-1]["reason"] == "wrong links"
    assert states(widgets, "back") == {1: "retired", 2: "live", 3: "retired"}
    assert widgets.client.chat("back", ASK)["release"] == "back@2"


def test_only_a_live_release_with_one_before_it_can_be_taken_back(widgets: Served) -> None:
    first = create(widgets, route="lonely")
    path = f"{PATH}/lonely@1/rollback"
    assert (
        "candidate, not live" in problem(widgets.ask("POST", path, {"reason": "x"}), 409)["detail"]
    )
    promote(widgets, first)
    found = problem(widgets.ask("POST", path, {"reason": "x"}), 409)
    assert "no earlier release" in found["detail"]
    assert "lonely" in found["fix"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], "$"),
        ({"runn": "x"}, "$"),
        ({"force": "yes"}, "$.force"),
        ({"run": 7}, "$.run"),
        ({"reason": "x" * 2001}, "$.reason"),
    ],
)
def test_a_promotion_of_the_wrong_shape_is_refused(widgets: Served, body: Any, where: str) -> None:
    problem(widgets.ask("POST", f"{PATH}/widgets@1/promote", body), 400, where=where)
