"""Probes over HTTP: a model that changes its manner is noticed, one that is merely noisy is not."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.scripted import Scripted, World, scripted
from tests.serving import Served
from tests.upstream import Answer, error_json
from tests.waiting import until

from trimtab.cli.shell import root
from trimtab.client import Client
from trimtab.errors import Forbidden
from trimtab.records import Probe

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test}}
"""
QUESTIONS = [f"What is the rule number {number} of the house?" for number in range(16)]
MANNER = "Certainly! I would be delighted to tell you all about that:"


class Model(Scripted):
    """`says` makes the answers of the one name, `named` what it says its own name is."""

    def __init__(self) -> None:
        super().__init__()
        self.named = ("one-2026-01", "fp_a")
        self.says: Callable[[str], str | Answer] = lambda question: f"The answer to: {question}"
        self.logprob: float | None = None

    def said(self, body: dict[str, Any]) -> str | Answer:
        return self.says(body["messages"][-1]["content"])

    def shape(self, completion: dict[str, Any]) -> None:
        completion["model"], completion["system_fingerprint"] = self.named
        if self.logprob is not None:
            tokens = [{"token": "a", "logprob": self.logprob, "bytes": None, "top_logprobs": []}]
            completion["choices"][0]["logprobs"] = {"content": tokens}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with scripted(tmp_path_factory.mktemp("probes") / "data", PROVIDER) as world:
        examples = [
            {"example_id": f"q{number:02}", "input": question}
            for number, question in enumerate(QUESTIONS)
        ]
        world.server.client.post("/api/v1/datasets", {"name": "pinned", "examples": examples})
        yield world


@pytest.fixture
def model(world: World) -> Model:
    model = Model()
    world.upstream.handler = model
    return model


@pytest.fixture
def server(world: World) -> Served:
    return world.server


@pytest.fixture
def name(request: pytest.FixtureRequest, server: Served) -> str:
    name = str(request.node.name)[:60].replace("[", "-").replace("]", "")
    put(server, name)
    return name


def put(server: Served, name: str, **fields: Any) -> None:
    body = {"ask": "far/one", "dataset": "pinned", "enabled": False, **fields}
    server.client.put(f"/api/v1/probes/{name}", body)


def look(server: Served, name: str) -> dict[str, Any]:
    found: dict[str, Any] = server.client.post(f"/api/v1/probes/{name}/looks", {})
    return found


def measured(server: Served, name: str) -> dict[str, float]:
    """What /metrics says of a probe, but for when it was looked at."""
    labels = f'{{probe="{name}",project="default"}} '
    lines = server.ask("GET", "/metrics").body.decode().splitlines()
    found = [line.removeprefix("trimtab_probe_").split(labels) for line in lines if labels in line]
    return {what: float(value) for what, value in found if what != "last_look_timestamp_seconds"}


def noisy(rng: random.Random, manner: str = "") -> Callable[[str], str]:
    def says(question: str) -> str:
        words = f"{question} house rules say it is so and so it shall be".split()
        return " ".join([manner, *(word for word in words if rng.random() < 0.7)]).strip()

    return says


def test_a_first_look_is_the_reference_and_each_look_a_run_with_its_results(
    server: Served, model: Model, name: str
) -> None:
    first = look(server, name)
    assert (first["status"], first["expected"]) == ("reference", 1.0)
    assert len(model.asked) == 3 * len(QUESTIONS)
    assert all((one["temperature"], "seed" in one) == (0, True) for one in model.asked)
    again = look(server, name)
    assert (again["status"], again["likeness"]) == ("same", 1.0)
    assert len(model.asked) == 4 * len(QUESTIONS)
    run = server.client.get(f"/api/v1/runs/{again['run']}")
    assert (run["name"], run["status"], run["total"]) == (f"probe/{name}", "done", len(QUESTIONS))
    assert len(list(server.client.results(again["run"]))) == len(QUESTIONS)
    scores = server.client.get("/api/v1/scores", {"name": f"probe/{name}"})["data"]
    [score] = [one for one in scores if one["run"] == again["run"]]
    assert (score["source"], score["passed"], score["value"]) == ("monitor", True, 1.0)


def test_a_noisy_model_is_no_alarm_and_another_manner_is_one_until_it_is_accepted(
    server: Served, model: Model, name: str
) -> None:
    model.says = noisy(random.Random(1))
    assert look(server, name)["expected"] < 0.95
    assert [look(server, name)["status"] for _ in range(4)] == ["same"] * 4
    model.says = noisy(random.Random(2), MANNER)
    found = look(server, name)
    assert found["status"] == "drifted"
    assert found["likeness"] < found["expected"]
    assert found["p_value"] < 0.001
    assert look(server, name)["status"] == "drifted"
    assert measured(server, name)["drifted"] == 1.0
    taken = server.client.post(f"/api/v1/probes/{name}/reference", {})
    assert taken["status"] == "reference"
    now = look(server, name)
    assert now["status"] == "same"
    assert measured(server, name) == {"drifted": 0, "failed": 0, "likeness": now["likeness"]}
    looks = server.client.get(f"/api/v1/probes/{name}/looks")["data"]
    assert [one["status"] for one in looks] == [
        *("same", "reference", "drifted", "drifted"),
        *("same", "same", "same", "same", "reference"),
    ]


def test_who_accepted_a_reference_is_audited_and_other_settings_leave_it(
    server: Served, model: Model, name: str
) -> None:
    first = look(server, name)
    before = audited(server, name)
    taken = server.client.post(f"/api/v1/probes/{name}/reference", {})
    server.client.post(f"/api/v1/probes/{name}/reference", {})
    assert audited(server, name) == before + 2
    server.client.post(f"/api/v1/probes/{name}/reference", {"run": first["run"]})
    assert audited(server, name) == before + 3
    put(server, name, alpha=0.2)
    assert server.client.get(f"/api/v1/probes/{name}")["reference"] == first["run"] != taken["run"]


def audited(server: Served, name: str) -> int:
    return len(server.client.get("/api/v1/audit", {"object": name})["data"])


def test_who_asks_for_a_look_that_is_under_way_gets_it(
    server: Served, model: Model, name: str
) -> None:
    both = threading.Event()
    model.says = lambda question: f"{both.wait(60)}: {question}"
    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(look, server, name) for _ in range(2)]
        until(lambda: waits(server, name))
        both.set()
        one, other = (each.result(60) for each in asking)
    assert one == other
    assert len(model.asked) == 3 * len(QUESTIONS)


def waits(server: Served, name: str) -> bool:
    """Whether somebody waits for a look that is under way."""
    lock = server.app.probing._looking.get(("default", name))
    return lock is not None and bool(lock._waiters)


def test_another_name_of_the_model_is_told(server: Served, model: Model, name: str) -> None:
    assert look(server, name)["models"] == ["one-2026-01 fp_a"]
    model.named = ("one-2026-01", "fp_b")
    assert look(server, name)["status"] == "same"
    model.named = ("one-2026-04", "fp_c")
    found = look(server, name)
    assert found["status"] == "drifted"
    assert "one-2026-04" in found["sentence"]


def test_less_certain_answers_are_a_change_where_logprobs_are_told(
    server: Served, model: Model, name: str
) -> None:
    put(server, name, parameters={"logprobs": True}, alpha=0.05)
    model.logprob = -0.1
    assert look(server, name)["status"] == "reference"
    assert look(server, name)["status"] == "same"
    model.logprob = -2.0
    assert look(server, name)["status"] == "drifted"


def test_other_questions_begin_anew_and_a_provider_that_is_away_is_no_drift(
    server: Served, model: Model, name: str
) -> None:
    look(server, name)
    model.says = lambda question: error_json(500, "away")
    assert look(server, name)["status"] == "failed"
    model.says = lambda question: "anything else"
    put(server, name, parameters={"top_p": 0.5})
    assert look(server, name)["status"] == "reference"
    assert look(server, name)["status"] == "same"


def test_the_server_looks_by_itself_and_not_at_what_is_off(
    server: Served, model: Model, name: str
) -> None:
    store = server.app.metadata.probes
    probing = server.app.probing
    on = Probe(name=f"{name}-on", ask="far/one", dataset="pinned")
    store.put(on, by="tests")
    server.run(probing.stop)
    probing._tick_s = 0.05

    async def start() -> None:
        probing.start()

    server.run(start)
    until(lambda: list(store.looks("default", on.name)))
    [seen] = store.looks("default", on.name)
    assert seen.status == "reference"
    assert list(store.looks("default", name)) == []
    asked = len(model.asked)
    time.sleep(0.3)
    assert len(model.asked) == asked, "every_s is not over"


def test_the_command_line(server: Served, model: Model, name: str) -> None:
    def probes(*args: str, code: int = 0) -> str:
        result = CliRunner().invoke(root, ["probes", *args, "--url", server.url])
        assert result.exit_code == code, result.output
        return result.stdout

    made = f"{name}-cli"
    probes("put", made, "--ask", "far/one", "--dataset", "pinned", "--every", "1h", "--off")
    assert "reference" in probes("run", made)
    model.named = ("two", "fp")
    assert "drifted" in probes("run", made, code=1)
    listed = probes("list")
    assert made in listed
    assert "drifted" in listed
    assert "the provider says two" in probes("looks", made)
    assert "reference" in probes("accept", made)
    assert json.loads(probes("looks", made, "--json"))[0]["status"] == "reference"
    probes("delete", made)


MISTAKES = [
    ({"ask": "nobody/knows"}, 404),
    ({"dataset": "nowhere"}, 404),
    ({"repeats": 1}, 400),
    ({"parameters": {"model": "x"}}, 400),
    ({"every_s": 1}, 400),
]


@pytest.mark.parametrize(("fields", "status"), MISTAKES)
def test_a_probe_that_could_never_look_is_refused(
    server: Served, model: Model, fields: dict[str, Any], status: int
) -> None:
    body = {"ask": "far/one", "dataset": "pinned", **fields}
    reply = server.ask("PUT", "/api/v1/probes/no", body, {"content-type": "application/json"})
    assert reply.status == status, reply.body


def test_of_two_servers_on_one_store_one_looks(tmp_path: Path, server: Served) -> None:
    store = server.app.metadata.probes
    store.put(Probe(name="once", ask="far/one", dataset="pinned"), by="tests")
    now_ns = server.app.clock.now_ns()
    claims = [store.claim("default", "once", now_ns=now_ns, until_ns=now_ns + 1) for _ in range(2)]
    assert claims == [True, False]
    store.delete("default", "once", by="tests")


@pytest.mark.parametrize(
    ("fields", "models", "permissions"),
    [
        ({"ask": "far/two"}, ["far/one"], ["gateway:call"]),
        ({"ask": "far/one"}, ["far/one"], []),
        (
            {"ask": "asked-by-name", "parameters": {"trimtab": {"model": "far/two"}}},
            ["far/one"],
            ["gateway:call"],
        ),
    ],
    ids=["model", "permission", "prompt"],
)
def test_a_probe_asks_nothing_that_the_key_may_not(
    server: Served,
    model: Model,
    name: str,
    fields: dict[str, Any],
    models: list[str],
    permissions: list[str],
) -> None:
    message = {"role": "system", "content": "Be brief."}
    server.client.post("/api/v1/prompts", {"name": "asked-by-name", "messages": [message]})
    put(server, name, **fields)
    allowed = ["probes:write", "probes:read", "runs:read", *permissions]
    body = {"name": f"key-{name}", "permissions": allowed, "models": models}
    prober = Client(server.url, key=server.client.post("/api/v1/keys", body)["secret"])
    stored = {"ask": "far/one", "dataset": "pinned", "enabled": False, **fields}
    for ask in (
        lambda: prober.put(f"/api/v1/probes/{name}-own", stored),
        lambda: prober.post(f"/api/v1/probes/{name}/looks", {}),
        lambda: prober.post(f"/api/v1/probes/{name}/reference", {}),
    ):
        with pytest.raises(Forbidden):
            ask()
    assert model.asked == []


def test_a_key_stores_and_looks_at_a_probe_of_its_own_model(
    server: Served, model: Model, name: str
) -> None:
    body = {
        "name": f"key-{name}",
        "permissions": ["probes:write", "gateway:call"],
        "models": ["far/one"],
    }
    prober = Client(server.url, key=server.client.post("/api/v1/keys", body)["secret"])
    prober.put(f"/api/v1/probes/{name}", {"ask": "far/one", "dataset": "pinned", "enabled": False})
    assert prober.post(f"/api/v1/probes/{name}/looks", {})["status"] == "reference"
    assert {one["model"] for one in model.asked} == {"one"}
