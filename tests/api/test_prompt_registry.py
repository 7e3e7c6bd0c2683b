"""The registry of prompts over HTTP: labels, entries, bundles, lint, differences, previews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.api.table import TABLE
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import PromptBundle

PATH = "/api/v1/prompts"
ROWS = [{"example_id": str(n), "input": f"Question {n}?", "expected": f"{n}"} for n in range(5)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("registry") / "data")) as running:
        yield running


def write(server: Served, name: str, content: str = "Be brief.", **fields: Any) -> dict[str, Any]:
    message = {"role": fields.pop("role", "system"), "content": content}
    stored: dict[str, Any] = server.client.post(
        PATH, {"name": name, "messages": [message], **fields}
    )
    return stored


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


class TestLabels:
    def test_a_label_moves_without_a_new_version(self, registry: Served) -> None:
        client = registry.client
        write(registry, "moving", "One.", labels=["production"])
        write(registry, "moving", "Two.")
        assert client.get(f"{PATH}/moving@production")["version"] == 1
        entry = client.put(f"{PATH}/moving/labels/production", {"version": 2, "over": 1})
        assert (entry["labels"], entry["latest"]) == ({"production": 2}, 2)
        assert client.get(f"{PATH}/moving@production")["version"] == 2
        assert client.get(f"{PATH}/moving@latest")["version"] == 2
        rows = client.get(f"{PATH}/moving/versions")["data"]
        assert [(row["version"], row["labels"]) for row in rows] == [(2, ["production"]), (1, [])]

    def test_one_that_moved_meanwhile_is_a_conflict(self, registry: Served) -> None:
        for content in ("One.", "Two."):
            write(registry, "raced", content, labels=["staging"])
        for method, body, query in (
            ("PUT", {"version": 1, "over": 1}, ""),
            ("DELETE", None, "?over=1"),
        ):
            problem(registry.ask(method, f"{PATH}/raced/labels/staging{query}", body), 409)
        registry.client.delete(f"{PATH}/raced/labels/staging", {"over": 2})
        problem(registry.ask("GET", f"{PATH}/raced@staging"), 404)

    @pytest.mark.parametrize(
        ("label", "body", "status"),
        [
            ("latest", {"version": 1}, 400),
            ("3", {"version": 1}, 400),
            ("x", {"version": 9}, 404),
            ("x", {"version": 0}, 400),
            ("x", {"versoin": 1}, 400),
            ("x", {}, 400),
        ],
    )
    def test_what_cannot_be_a_label_is_refused(
        self, registry: Served, label: str, body: dict[str, Any], status: int
    ) -> None:
        write(registry, "odd")
        problem(registry.ask("PUT", f"{PATH}/odd/labels/{label}", body), status)

    def test_a_call_by_label_is_answered_by_where_it_points_at_once(self, registry: Served) -> None:
        for content in ("One. {{ passages }}", "Two. {{ passages }}"):
            write(registry, "called", content, labels=["live"])
        for version in (1, 2):
            registry.client.put(f"{PATH}/called/labels/live", {"version": version})
            asked = {
                "model": "called@live",
                "messages": [{"role": "user", "content": "Well?"}],
                "trimtab": {"model": "trimtab/extract"},
            }
            answered = registry.ask("POST", "/v1/chat/completions", asked)
            assert answered.status == 200, answered.body
            assert answered.headers["x-trimtab-prompt"] == f"called@{version}"


def test_an_entry_says_where_a_prompt_belongs_and_lists_go_by_it(registry: Served) -> None:
    client = registry.client
    for name, folder, tags in (
        ("a1", "mail/in", ["hot"]),
        ("a2", "mail", []),
        ("a3", "mailbox", []),
    ):
        write(registry, name, labels=["staging"] if name == "a2" else [])
        client.patch(f"{PATH}/{name}/entry", {"folder": folder, "tags": tags})
    entry = client.patch(f"{PATH}/a1/entry", {"description": "Sorts mail."})
    assert entry == client.get(f"{PATH}/a1/entry")
    assert (entry["folder"], entry["tags"], entry["description"]) == (
        "mail/in",
        ["hot"],
        "Sorts mail.",
    )
    for path in (PATH, "/api/v1/prompt-entries"):
        assert sorted(names(client.get(path, {"folder": "mail"})["data"])) == ["a1", "a2"]
        assert names(client.get(path, {"tag": "hot"})["data"]) == ["a1"]
        assert "a2" in names(client.get(path, {"label": "staging"})["data"])
        assert not names(client.get(path, {"folder": "mail", "label": "none"})["data"])
    for body in ({"folder": "../x"}, {"folder": 3}, {"folders": "x"}):
        problem(registry.ask("PATCH", f"{PATH}/a1/entry", body), 400)


def test_a_list_by_label_has_the_versions_it_points_to(registry: Served) -> None:
    write(registry, "pointed", "One.", labels=["blue"])
    write(registry, "pointed", "Two.")
    (row,) = registry.client.get(PATH, {"label": "blue"})["data"]
    assert (row["name"], row["version"]) == ("pointed", 1)


def test_an_archived_prompt_is_not_listed_and_answers_as_before(registry: Served) -> None:
    write(registry, "old")
    registry.client.patch(f"{PATH}/old/entry", {"archived": True})
    assert "old" not in names(registry.client.get(PATH)["data"])
    assert "old" in names(registry.client.get(PATH, {"archived": "true"})["data"])
    assert registry.client.get(f"{PATH}/old")["version"] == 1


def test_a_bundle_has_all_that_rendering_needs(registry: Served) -> None:
    registry.client.post("/api/v1/datasets", {"name": "golden", "examples": ROWS})
    write(registry, "inner", "Be {{ tone }}.")
    write(registry, "tone", '{% include "inner" %} Cite.')
    shots = {"dataset": "golden", "k": 1, "choose": "first"}
    write(registry, "outer", '{% include "tone" %} Help.', shots=shots)
    wire = registry.client.get(f"{PATH}/outer", {"bundle": "true"})
    bundle = msgspec.convert(wire, PromptBundle)
    assert {one.name for one in bundle.partials} == {"tone", "inner"}
    assert len(bundle.shots) == 5
    messages = CompiledPrompt.of(bundle).render({"tone": "kind", "question": "Question 0?"})
    assert [one.content for one in messages] == ["Be kind. Cite. Help.", "Question 1?", "1"]
    problem(registry.ask("GET", f"{PATH}/outer?bundle=yes"), 400)


def test_lint_and_difference_are_of_the_version_that_is_named(registry: Served) -> None:
    write(registry, "linted", "Be {{ tone }} now.")
    write(registry, "linted", "Be kind now.", parameters={"temperature": 0.7})
    get = registry.client.get
    assert [one["code"] for one in get(f"{PATH}/linted@1/lint")["data"]] == [
        "open_slot",
        "undeclared_variable",
    ]
    assert get(f"{PATH}/linted/lint")["data"] == []
    found = get(f"{PATH}/linted/diff")
    assert (found["before"], found["after"]) == ("linted@1", "linted@2")
    assert found["says"] == ("1 of 1 sentence changed, variable `tone` removed, `temperature` 0.7.")
    assert get(f"{PATH}/linted@1/diff", {"against": "linted@latest"})["before"] == "linted@2"
    problem(registry.ask("GET", f"{PATH}/linted@1/diff"), 404)


def test_a_preview_is_what_would_be_sent_and_what_it_would_cost(registry: Served) -> None:
    write(registry, "seen", "Say {{ word }}.", role="user", parameters={"max_tokens": 10})
    body = {"variables": {"word": "hello"}, "models": ["trimtab/extract"]}
    seen = registry.client.post(f"{PATH}/seen/preview", body)
    assert seen["messages"][0]["content"] == "Say hello."
    (model,) = seen["models"]
    assert (seen["tokens"], model["cost_usd"], model["fits"]) == (3, "0E-9", True)
    everything = registry.client.post(f"{PATH}/seen/preview", {"variables": {"word": "x"}})
    assert [row["model"] for row in everything["models"]] == ["trimtab/extract"]
    assert "word" in problem(registry.ask("POST", f"{PATH}/seen/preview", {}), 400)["detail"]
    problem(registry.ask("POST", f"{PATH}/seen/preview", {"models": ["acme/x"]}), 404)


def test_a_draft_is_looked_at_without_being_stored(registry: Served) -> None:
    write(registry, "part", "Be {{ tone }} now.")
    message = {"role": "system", "content": '{% include "part" %}'}
    body = {"prompt": {"name": "draft", "messages": [message]}, "variables": {"tone": "kind"}}
    seen = registry.client.post("/api/v1/prompt-drafts/preview", body)
    assert seen["messages"][0]["content"] == "Be kind now."
    found = registry.client.post("/api/v1/prompt-drafts/lint", body)["data"]
    assert found[0]["where"] == "prompt part@1"
    problem(registry.ask("GET", f"{PATH}/draft"), 404)


def test_langfuse_is_served_what_a_label_points_to(registry: Served) -> None:
    for content in ("One.", "Two.", "Three."):
        write(registry, "fused", content)
    registry.client.put(f"{PATH}/fused/labels/production", {"version": 2})
    path = "/api/public/v2/prompts/fused"
    got = {
        query: registry.ask("GET", path + query)
        for query in ("", "?label=latest", "?version=1", "?label=none")
    }
    assert [one.status for one in got.values()] == [200, 200, 200, 404]
    assert [one.json["version"] for one in list(got.values())[:3]] == [2, 3, 1]
    assert got[""].json["labels"] == ["production"]


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("PUT", "/x/labels/a", "prompts:write"),
        ("DELETE", "/x/labels/a", "prompts:write"),
        ("PATCH", "/x/entry", "prompts:write"),
        ("GET", "/x/versions", "prompts:read"),
        ("GET", "/x/lint", "prompts:read"),
        ("GET", "/x/diff", "prompts:read"),
        ("POST", "/x/preview", "prompts:read"),
    ],
)
def test_each_route_needs_the_permission_of_prompts(
    method: str, path: str, permission: str
) -> None:
    shape = path.replace("/x", "").replace("/labels/a", "/labels/{label}")
    (found,) = [
        one
        for one in TABLE
        if one.method == method
        and one.path in (f"{PATH}/{{name}}{shape}", f"{PATH}/{{ref}}{shape}")
    ]
    assert found.permission == permission
