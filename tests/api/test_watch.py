"""A canary over HTTP that is watched: taken back once it is proved worse, and left otherwise."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served
from tests.upstream import (
    Answer,
    Request,
    Upstream,
    chat_completion,
    error_json,
    upstream_in_thread,
)
from tests.waiting import until

from trimtab.errors import Conflict
from trimtab.releases.moves import WATCHER

PATH = "/api/v1/releases"
WATCH: dict[str, Any] = {"figures": [{"figure": "error"}, {"figure": "blocked"}], "every_s": 1}


class Models:
    """Answers as two models; `fails` decides which calls do not work."""

    def __init__(self) -> None:
        self.fails: Callable[[str], bool] = lambda model: False

    def __call__(self, request: Request) -> Answer:
        body = request.json
        if self.fails(body["model"]):
            return error_json(400, "the model is broken")
        return chat_completion(body)


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def upstream(models: Models) -> Iterator[Upstream]:
    with upstream_in_thread(handler=models) as running:
        yield running


def providers(upstream: Upstream) -> str:
    return f"""
providers:
  - name: far
    kind: openai_compatible
    base_url: {upstream.base_url}
    models: [{{id: old}}, {{id: new}}]
"""


@pytest.fixture
def here(tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    with served(configured(tmp_path / "data", providers(upstream))) as running:
        yield running


def begun(server: Served, route: str, **canary: Any) -> dict[str, Any]:
    """Version 1 is live, version 2 the canary."""
    for model in ("far/old", "far/new"):
        server.client.post(PATH, {"route": route, "targets": [{"model": model}]})
    server.client.post(f"{PATH}/{route}@1/promote", {})
    found: dict[str, Any] = server.client.post(
        f"{PATH}/{route}@2/canary", {"share": 0.5, "watch": WATCH, **canary}
    )
    return found


def asked(server: Served, route: str, headers: Sequence[dict[str, str]]) -> list[str]:
    """The release that answered each of these requests, whether or not it worked."""
    body = json.dumps({"model": route, "messages": [{"role": "user", "content": "Which port?"}]})
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    found = []
    for one in headers:
        connection.request("POST", "/v1/chat/completions", body, one)
        response = connection.getresponse()
        response.read()
        found.append(response.headers["x-trimtab-release"])
    connection.close()
    return found


def state(server: Served, ref: str) -> str:
    found: str = server.client.get(f"{PATH}/{ref}")["state"]
    return found


def figures(server: Served, ref: str, **query: Any) -> dict[str, dict[str, Any]]:
    found = server.client.get(f"{PATH}/{ref}/watch", query)
    return {one["figure"]: one for one in found["figures"]}


def test_a_canary_that_begins_to_fail_is_taken_back_with_the_figures_on_record(
    here: Served, models: Models
) -> None:
    begun(here, "chat")
    asked(here, "chat", [{}] * 40)
    assert figures(here, "chat@2")["error"]["standing"] == "unknown"
    models.fails = lambda model: model == "new"
    until(
        lambda: bool(asked(here, "chat", [{}] * 10)) and state(here, "chat@2") == "candidate", "!"
    )
    # on record first, in force a moment later
    until(lambda: set(asked(here, "chat", [{}] * 20)) == {"chat@1"}, "it still answers")
    ended = here.client.get(f"{PATH}/chat@2")["approvals"][-1]
    assert (ended["action"], ended["principal"]) == ("end_canary", WATCHER)
    assert "the error rate of chat@2 is proved worse" in ended["reason"]
    found = here.client.get(f"{PATH}/chat@2/watch")
    assert found["taken_back"] == ended["reason"]
    assert found["figures"][0]["standing"] == "worse"


def test_a_canary_is_not_blamed_for_what_fails_beside_it_too(here: Served, models: Models) -> None:
    begun(here, "outage")
    models.fails = lambda model: True
    for _ in range(4):
        asked(here, "outage", [{}] * 30)
        here.client.get(f"{PATH}/outage@2/watch")
    found = figures(here, "outage@2")["error"]
    assert (found["standing"], found["canary"]["mean"], found["main"]["mean"]) == ("unknown", 1, 1)
    assert state(here, "outage@2") == "canary"


def test_of_a_segment_only_its_calls_are_compared(here: Served, models: Models) -> None:
    begun(here, "part", segment={"users": ["ada", "bob"]})
    models.fails = lambda model: model == "old"
    asked(here, "part", [{"x-trimtab-user": f"other-{n}"} for n in range(25)])
    models.fails = lambda model: False
    people = ("ada", "bob")
    headers = [{"x-trimtab-user": people[n % 2], "x-trimtab-session": f"s{n}"} for n in range(30)]
    answered = asked(here, "part", headers)
    found = figures(here, "part@2")["error"]
    assert found["canary"]["sessions"] == answered.count("part@2") > 0
    assert found["main"]["sessions"] == answered.count("part@1") > 0
    assert (found["canary"]["mean"], found["main"]["mean"]) == (0.0, 0.0)


def test_one_that_nobody_watches_can_be_looked_at_with_figures_of_choice(here: Served) -> None:
    begun(here, "asked", watch=None)
    asked(here, "asked", [{}] * 30)
    found = here.client.get(
        f"{PATH}/asked@2/watch", {"figures": "error,slow=60000,cost=1,score=helpful"}
    )
    assert (found["sighting"], found["watch"], found["taken_back"]) == ("asked", None, None)
    rows = {one["figure"]: one for one in found["figures"]}
    assert set(rows) == {"error", "slow", "cost", "helpful"}
    assert rows["slow"]["canary"]["mean"] == 0.0
    unpriced = rows["cost"]
    assert unpriced["canary"]["sessions"] == 0
    assert unpriced["left_out"] == 30
    assert rows["helpful"]["standing"] == "unknown"


@pytest.mark.parametrize(
    "query",
    [
        {"figures": "speed"},
        {"figures": "slow"},
        {"figures": "slow=fast"},
        {"figures": "error,error"},
        {"figures": "score=a", "low": "1", "high": "0"},
        {"alpha": "1"},
    ],
    ids=str,
)
def test_figures_that_are_none_are_refused(here: Served, query: dict[str, str]) -> None:
    begun(here, "wrong")
    text = "&".join(f"{name}={value}" for name, value in query.items())
    problem(here.ask("GET", f"{PATH}/wrong@2/watch?{text}"), 400)


def test_what_never_was_a_canary_has_nothing_to_show(here: Served) -> None:
    begun(here, "never")
    with pytest.raises(Conflict, match="never@1 never was a canary"):
        here.client.get(f"{PATH}/never@1/watch")
    problem(here.ask("GET", f"{PATH}/never@7/watch"), 404)


def test_two_releases_of_a_split_are_compared_at_any_time(here: Served, models: Models) -> None:
    for model in ("far/old", "far/new"):
        here.client.post(PATH, {"route": "ab", "targets": [{"model": model}]})
    here.client.post(f"{PATH}/ab@1/promote", {})
    split = [{"version": 1}, {"version": 2}]
    here.client.put("/api/v1/routes/ab", {"split": split})
    models.fails = lambda model: model == "new"
    answered = asked(here, "ab", [{}] * 80)
    found = here.client.get("/api/v1/routes/ab/experiment", {"figures": "error"})
    assert (found["base"], found["new"]) == ("ab@1", "ab@2")
    [error] = found["figures"]
    assert error["canary"]["calls"] == answered.count("ab@2")
    assert (error["standing"], error["difference"]) == ("worse", 1.0)
    turned = here.client.get("/api/v1/routes/ab/experiment", {"base": "2", "new": "ab@1"})
    assert turned["figures"][0]["difference"] == -1.0
    problem(here.ask("GET", "/api/v1/routes/ab/experiment?new=9"), 404)
    problem(here.ask("GET", "/api/v1/routes/ab/experiment?new=other@2"), 404)
    problem(here.ask("GET", "/api/v1/routes/ab/experiment?base=1&new=ab@1"), 400)
    problem(here.ask("GET", "/api/v1/routes/nobody/experiment"), 400)


def test_metrics_say_how_many_canaries_are_watched(here: Served) -> None:
    begun(here, "counted")
    line = "trimtab_canaries_watched 1.0"
    until(lambda: line in here.ask("GET", "/metrics").body.decode(), "no canary is watched")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_of_two_servers_on_one_store_one_takes_the_canary_back(
    tmp_path: Path,
    upstream: Upstream,
    models: Models,
    postgres_database: str,
    clickhouse_database: str,
) -> None:
    shared = {"metadata_url": postgres_database, "telemetry_url": clickhouse_database}
    one, other = (
        configured(tmp_path / name, providers(upstream), **shared) for name in ("one", "other")
    )
    with served(one) as first, served(other) as second:
        begun(first, "both")
        until(lambda: second.app.watching.gauges()["canaries_watched"] == 1, "nobody watches")
        models.fails = lambda model: model == "new"

        def ended() -> bool:
            for server in (first, second):
                asked(server, "both", [{}] * 10)
            return state(second, "both@2") == "candidate"

        until(ended, "it was not taken back")
        for server in (first, second):
            watching = server.app.watching
            until(lambda of=watching: of.gauges()["canaries_watched"] == 0, "it is watched still")
            # Whoever did not take it back hears of that when it looks at the releases again.
            until(
                lambda to=server: set(asked(to, "both", [{}] * 10)) == {"both@1"},
                "the canary answers still",
            )
        approvals = first.client.get(f"{PATH}/both@2")["approvals"]
        assert [a["action"] for a in approvals if a["principal"] == WATCHER] == ["end_canary"]
        took = [server.app.watching.taken_back for server in (first, second)]
        assert sorted(took) == [0, 1]
