"""A question that is asked several times, over HTTP: what most answers say is the answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripted import Scripted, World, scripted
from tests.serving import Reply, Served
from tests.upstream import Answer, error_json

from trimtab.dialects.llm.ballots import count, normal, said_by
from trimtab.dialects.llm.parts import Part, Refusal, Text, ToolCall

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
prices:
  - {{model: one, price: {{input: 1, output: 1}}}}
"""


class Model(Scripted):
    """Answers in turn what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.says: Iterator[str | Answer] = itertools.repeat("yes")

    def said(self, body: dict[str, Any]) -> str | Answer:
        return next(self.says)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with scripted(tmp_path_factory.mktemp("votes") / "data", PROVIDER) as world:
        yield world


@pytest.fixture
def model(world: World) -> Model:
    model = Model()
    world.upstream.handler = model
    return model


@pytest.fixture
def server(world: World) -> Served:
    return world.server


def ask(
    server: Served, model: str = "far/one", path: str = "chat/completions", **fields: Any
) -> Reply:
    body = {"model": model, "messages": [{"role": "user", "content": "Is it?"}], **fields}
    return server.ask("POST", f"/v1/{path}", body, {"content-type": "application/json"})


def text(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    return str(reply.json["choices"][0]["message"]["content"])


def spans(server: Served, reply: Reply) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.trace(reply.headers["x-trimtab-trace-id"])["spans"]
    return found


def test_the_answer_of_most_is_the_answer_and_every_vote_is_a_call_of_its_trace(
    server: Served, model: Model
) -> None:
    model.says = iter(["no", "Yes.", "yes", "**yes**", "maybe"])
    reply = ask(server, trimtab={"votes": 5})
    assert normal(text(reply)) == "yes"
    assert reply.headers["x-trimtab-votes"] == "3/5"
    assert "x-trimtab-votes-tied" not in reply.headers
    assert len(model.asked) == 5
    assert not any("trimtab" in body for body in model.asked)
    found = spans(server, reply)
    [above] = [span for span in found if span["parent_id"] is None]
    votes = [span for span in found if span["kind"] == "llm"]
    assert len(votes) == 5
    assert {span["parent_id"] for span in votes} == {above["span_id"]}
    assert sorted(span["attributes"]["trimtab.vote"] for span in votes) == [1, 2, 3, 4, 5]
    assert all(float(span["cost_usd"]) > 0 for span in votes)
    assert above["cost_usd"] is None
    assert above["attributes"]["trimtab.votes.agreed"] == 3
    assert above["attributes"]["trimtab.votes.others"] == [1, 1]


def test_a_tie_is_told_and_goes_to_the_answer_that_was_asked_for_first(
    server: Served, model: Model
) -> None:
    model.says = iter(["a", "b", "c", "c"])
    reply = ask(server, trimtab={"votes": 4})
    assert (text(reply), reply.headers["x-trimtab-votes"]) == ("c", "2/4")
    model.says = itertools.cycle(["a", "b"])
    reply = ask(server, trimtab={"votes": 4})
    assert reply.headers["x-trimtab-votes"] == "2/4"
    assert reply.headers["x-trimtab-votes-tied"] == "2"


def test_json_is_compared_as_a_value_or_by_one_member(server: Served, model: Model) -> None:
    model.says = iter(['{"b": 1, "a": "x"}', '{"a":"x","b":1.0}', '{"a": "y", "b": 1}'])
    assert ask(server, trimtab={"votes": 3}).headers["x-trimtab-votes"] == "2/3"
    answers = [
        json.dumps({"why": why, "answer": {"n": n}})
        for why, n in [("one", 7), ("two", 8), ("three", 8), ("four", 7), ("five", 8)]
    ]
    model.says = iter(answers)
    reply = ask(server, trimtab={"votes": 5, "votes_on": "answer.n"})
    assert json.loads(text(reply))["answer"] == {"n": 8}
    assert reply.headers["x-trimtab-votes"] == "3/5"


def test_a_stream_gets_the_whole_answer_as_events(server: Served, model: Model) -> None:
    model.says = iter(["no", "yes", "yes"])
    reply = ask(server, stream=True, trimtab={"votes": 3})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["x-trimtab-votes"] == "2/3"
    events = [line[6:] for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    told = [json.loads(event)["choices"][0]["delta"].get("content") for event in events[:-1]]
    assert "".join(filter(None, told)) == "yes"
    assert not any(body.get("stream") for body in model.asked)


def test_other_dialects_are_voted_on_as_well(server: Served, model: Model) -> None:
    model.says = iter(["no", "yes", "yes"])
    reply = ask(server, path="messages", max_tokens=10, trimtab={"votes": 3})
    assert reply.status == 200, reply.body
    assert reply.json["content"][0]["text"] == "yes"
    assert reply.headers["x-trimtab-votes"] == "2/3"


def test_calls_that_fail_have_no_vote(server: Served, model: Model) -> None:
    broken = error_json(400, "no")
    model.says = iter([broken, "yes", broken, "no", "yes"])
    reply = ask(server, trimtab={"votes": 5})
    assert (text(reply), reply.headers["x-trimtab-votes"]) == ("yes", "2/5")
    model.says = itertools.repeat(broken)
    reply = ask(server, trimtab={"votes": 3})
    assert (reply.status, reply.headers["x-trimtab-votes"]) == (400, "0/3")


def test_a_seed_is_another_one_for_each_vote(server: Served, model: Model) -> None:
    ask(server, seed=7, trimtab={"votes": 3})
    assert sorted(body["seed"] for body in model.asked) == [7, 8, 9]


def test_a_release_votes_whatever_its_caller_says(server: Served, model: Model) -> None:
    bundle = {
        "route": "voted",
        "targets": [{"model": "far/one"}],
        "parameters": {"temperature": 0.7, "trimtab": {"votes": 3}},
    }
    server.client.post("/api/v1/releases", bundle)
    server.client.post("/api/v1/releases/voted@1/promote", {})
    model.says = iter(["a", "b", "b"])
    reply = ask(server, "voted", trimtab={"votes": 1})
    assert (text(reply), reply.headers["x-trimtab-votes"]) == ("b", "2/3")
    assert reply.headers["x-trimtab-release"] == "voted@1"
    assert all(body["temperature"] == 0.7 and "trimtab" not in body for body in model.asked)
    wrong = {**bundle, "parameters": {"trimtab": {"votes": 300}}}
    refused = server.ask("POST", "/api/v1/releases", wrong, {"content-type": "application/json"})
    assert refused.status == 400
    assert "trimtab" in refused.body.decode()


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"trimtab": {"votes": 0}}, "trimtab"),
    ({"trimtab": {"votes": 21}}, "trimtab"),
    ({"trimtab": {"votes": "many"}}, "trimtab"),
    ({"trimtab": {"votes": 3}, "n": 2}, "trimtab.votes"),
]


@pytest.mark.parametrize(("fields", "where"), MISTAKES)
def test_what_cannot_be_voted_on_is_refused(
    server: Served, model: Model, fields: dict[str, Any], where: str
) -> None:
    reply = ask(server, **fields)
    assert reply.status == 400
    assert reply.json["error"]["param"].startswith(where)
    assert model.asked == []


def test_limits_count_every_vote_and_none_is_asked_where_one_is_too_many(
    server: Served, model: Model
) -> None:
    issued = server.client.post("/api/v1/keys", {"name": "voter"})
    allowance = {"kind": "key", "name": issued["key"]["key_id"], "requests_per_minute": 4}
    server.ask("PUT", "/api/v1/allowances", allowance, {"content-type": "application/json"})
    headers = {"content-type": "application/json", "authorization": f"Bearer {issued['secret']}"}
    body: dict[str, Any] = {"model": "far/one", "messages": [{"role": "user", "content": "?"}]}
    refused = server.ask("POST", "/v1/chat/completions", {**body, "trimtab": {"votes": 5}}, headers)
    assert refused.status == 429
    assert model.asked == []
    for votes, status in [(3, 200), (2, 429), (1, 200), (1, 429)]:
        reply = server.ask(
            "POST", "/v1/chat/completions", {**body, "trimtab": {"votes": votes}}, headers
        )
        assert reply.status == status, (votes, reply.body)
    assert len(model.asked) == 4


# -- what says the same ----------------------------------------------------------------------------

ALIKE: list[tuple[list[Part], list[Part]]] = [
    ([Text("Paris")], [Text(" par"), Text("is.\n")]),
    ([Text("42")], [Text("+42.00")]),
    ([Text("```json\n[1, 2]\n```")], [Text("[1,2]")]),
    ([Text("Straße")], [Text("STRASSE")]),
    (
        [ToolCall(index=0, id="a", name="f", arguments='{"x": 1}')],
        [ToolCall(index=0, id="b", name="f", arguments='{"x"'), ToolCall(index=0, arguments=":1}")],
    ),
    ([Refusal("I cannot")], [Refusal("I will not")]),
]
APART: list[tuple[list[Part], list[Part]]] = [
    ([Text("Paris")], [Text("Lyon")]),
    ([Text("42")], [Text("4.2")]),
    ([Text("-42")], [Text("42")]),
    ([Text("[1, 2]")], [Text("[2, 1]")]),
    ([Text("!")], [Text("?")]),
    ([Text("f")], [ToolCall(index=0, name="f", arguments="{}")]),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_answers_that_say_the_same_are_one(one: list[Part], other: list[Part]) -> None:
    assert said_by(one) == said_by(other) is not None


@pytest.mark.parametrize(("one", "other"), APART)
def test_answers_that_say_something_else_are_two(one: list[Part], other: list[Part]) -> None:
    assert said_by(one) != said_by(other)


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcd")), max_size=12))
def test_a_count_is_the_largest_group_and_the_earliest_of_equals(said: list[str | None]) -> None:
    ballot = count(said, asked=12)
    groups: dict[str, list[int]] = {}
    for index, one in enumerate(said):
        if one is not None:
            groups.setdefault(one, []).append(index)
    if not groups:
        assert ballot is None
        return
    assert ballot is not None
    most = max(map(len, groups.values()))
    best = min((found for found in groups.values() if len(found) == most), key=lambda one: one[0])
    assert list(ballot.agreed) == best
    assert ballot.first == best[0]
    assert ballot.tied == (sum(len(found) == most for found in groups.values()) > 1)
    assert ballot.answered == len(ballot.agreed) + sum(ballot.others)


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(said: str) -> None:
    assert normal(normal(said)) == normal(said)
