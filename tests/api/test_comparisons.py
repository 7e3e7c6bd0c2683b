"""Runs side by side, over HTTP and on the command line; live releases at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.api.conftest import BUNDLE, publish
from tests.api.problems import problem
from tests.serving import Served, configured, served
from tests.stations.measured import Numbers, measured

from trimtab.cli.shell import root
from trimtab.records import AppliedScorer

ROWS = [
    {
        "example_id": f"e{n:03}",
        "input": f"Which port does widget {n} listen on?",
        "expected": f"{7000 + n}",
        "tags": [("ports", "paint")[n % 2]],
        "metadata": {"tier": "free" if n < 30 else "pro"},
    }
    for n in range(60)
]
GOOD: Numbers = {"right": [True] * 58 + [False] * 2}
FAIR: Numbers = {"right": [n % 2 == 0 for n in range(60)]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two finished runs over a stored dataset, and one over rows that nobody stored."""
    with served(configured(tmp_path_factory.mktemp("compare") / "data")) as server:
        server.client.post("/api/v1/datasets", {"name": "golden", "examples": ROWS})
        digest = server.client.get("/api/v1/datasets/golden")["digest"]
        for run_id, numbers in (("fair", FAIR), ("good", GOOD)):
            put(server, run_id, numbers, dataset_digest=digest)
        put(server, "alone", GOOD, dataset="elsewhere.jsonl", dataset_digest="x", name="alone")
        judge = AppliedScorer(name="right", tier="judge", digest="j")
        for run_id, numbers in (("judged-1", FAIR), ("judged-2", GOOD)):
            put(server, run_id, numbers, dataset_digest="y", scorers=(judge,), name=run_id)
        yield server


def put(server: Served, run_id: str, numbers: Numbers, *, at: int = 1, **fields: Any) -> None:
    """A run as somebody executed it elsewhere."""
    run, results = measured(run_id, numbers, **fields)
    opening = {
        name: msgspec.to_builtins(getattr(run, name))
        for name in ("run_id", "name", "dataset", "dataset_digest", "release", "scorers", "total")
    }
    client = server.client
    client.post("/api/v1/runs/external", {**opening, "started_ns": at})
    client.post(f"/api/v1/runs/{run_id}/results", {"results": msgspec.to_builtins(results)})
    client.post(f"/api/v1/runs/{run_id}/end", {"status": "done", "done": run.done})


def trimtab(server: Served, *args: str) -> Result:
    return CliRunner().invoke(root, [*args, "--url", server.url])


class TestChanges:
    def test_losses_come_first_with_both_answers(self, shop: Served) -> None:
        found = shop.client.get("/api/v1/runs/good/changes", {"baseline": "fair"})
        assert (found["total"], found["regressions"]) == (30, 1)
        first = found["data"][0]
        assert (first["example_id"], first["kind"]) == ("e058", "regression")
        assert first["input"] == "Which port does widget 58 listen on?"
        assert first["before"] == "answer 58"

    def test_regressions_can_be_asked_for_alone(self, shop: Served) -> None:
        query = {"baseline": "fair", "only": "regressions"}
        found = shop.client.get("/api/v1/runs/good/changes", query)
        assert [change["kind"] for change in found["data"]] == ["regression"]

    def test_a_baseline_must_be_named(self, shop: Served) -> None:
        problem(shop.ask("GET", "/api/v1/runs/good/changes"), 400, where="query parameter baseline")

    def test_runs_over_other_rows_are_refused(self, shop: Served) -> None:
        problem(shop.ask("GET", "/api/v1/runs/good/changes?baseline=alone"), 409)


class TestSlices:
    def test_metrics_by_groups_with_differences(self, shop: Served) -> None:
        query = {"by": "tag,metadata.tier", "baseline": "fair"}
        tags, tiers = shop.client.get("/api/v1/runs/good/slices", query)["data"]
        assert {group["key"] for group in tags["groups"]} == {"ports", "paint"}
        paint = next(group for group in tags["groups"] if group["key"] == "paint")
        assert paint["comparison"]["difference"]["value"] == pytest.approx(29 / 30)
        assert [group["key"] for group in tiers["groups"]] == ["free", "pro"]

    def test_rows_that_are_nowhere_have_no_groups(self, shop: Served) -> None:
        reply = shop.ask("GET", "/api/v1/runs/alone/slices?by=tag")
        assert "not on this server" in problem(reply, 404)["detail"]

    def test_a_field_there_is_not_is_refused(self, shop: Served) -> None:
        problem(shop.ask("GET", "/api/v1/runs/good/slices?by=colour"), 400, where="slices.by")


class TestLadder:
    def test_the_strongest_is_first(self, shop: Served) -> None:
        found = shop.client.get("/api/v1/ladder", {"runs": "fair,good"})
        assert [rung["run_id"] for rung in found["rungs"]] == ["good", "fair"]

    @pytest.mark.parametrize(
        ("query", "status"),
        [("", 400), ("?runs=good", 400), ("?runs=good,alone", 409), ("?runs=good,nobody", 404)],
    )
    def test_what_is_no_ladder_is_refused(self, shop: Served, query: str, status: int) -> None:
        problem(shop.ask("GET", f"/api/v1/ladder{query}"), status)


class TestJudges:
    def test_a_judge_without_a_card_gates_only_where_somebody_says_so(self, shop: Served) -> None:
        path = "/api/v1/runs/judged-2/comparison"
        rule = {"metric": "right", "margin": 0.1}
        body = {"baseline": "judged-1", "rules": [rule]}
        verdict = shop.client.post(path, body)["verdict"]
        assert verdict["outcome"] == "inconclusive"
        assert "no calibration card" in verdict["reasons"][-1]
        verdict = shop.client.post(path, {**body, "allow_uncalibrated": True})["verdict"]
        assert verdict["outcome"] == "pass"


class TestCommand:
    def test_the_verdict_comes_first_in_a_sentence(self, shop: Served) -> None:
        result = trimtab(shop, "compare", "fair", "good", "--gate-on", "right:0.1")
        assert result.exit_code == 0, result.output
        first, *_ = result.stdout.splitlines()
        assert first.startswith("docs@good is proved better on right (+46.7 points [+")
        assert "30 cases changed, 1 for the worse; --examples N shows them" in result.stdout

    def test_worse_is_exit_code_1_and_runs_go_by_name_too(self, shop: Served) -> None:
        result = trimtab(shop, "compare", "good", "fair")
        assert result.exit_code == 1
        assert result.stdout.startswith("docs@fair is proved worse than docs@good on right (")

    def test_comparing_changes_neither_the_run_nor_what_last_means(self, shop: Served) -> None:
        before = shop.client.get("/api/v1/runs/fair")
        assert trimtab(shop, "compare", "good", "fair").exit_code == 1
        assert shop.client.get("/api/v1/runs/fair") == before
        put(shop, "kept", FAIR, dataset="kept.jsonl", dataset_digest="kept", name="kept")
        put(shop, "kept-2", GOOD, dataset="kept.jsonl", dataset_digest="kept", name="kept-2")
        stored = trimtab(shop, "compare", "kept-2", "kept", "--store", "--json")
        assert stored.exit_code == 1
        own = shop.client.get("/api/v1/runs/kept")["verdict"]
        assert (own["outcome"], own["baseline_run"]) == ("fail", "kept-2")

    def test_which_way_a_case_went_is_said_by_what_gates_in_this_comparison(
        self, shop: Served
    ) -> None:
        two = {"right": [True] * 60, "polite": [n != 3 for n in range(60)]}
        put(shop, "way-1", {"right": [True] * 60, "polite": [True] * 60}, dataset_digest="way")
        put(shop, "way-2", two, dataset_digest="way")
        result = trimtab(shop, "compare", "way-1", "way-2", "--gate-on", "right:0.1", "--json")
        assert json.loads(result.stdout)["verdict"]["outcome"] == "pass"
        told = trimtab(shop, "compare", "way-1", "way-2", "--gate-on", "right:0.1").stdout
        assert "0 cases changed, 0 for the worse" in told
        told = trimtab(shop, "compare", "way-1", "way-2", "--gate-on", "polite:0.1").stdout
        assert "1 case changed, 1 for the worse" in told

    def test_regressions_and_slices_are_shown(self, shop: Served) -> None:
        result = trimtab(shop, "compare", "fair", "good", "--regressions", "--slices", "tag")
        assert "e058: worse  right 1 → 0" in result.stdout
        assert "e001: better" not in result.stdout
        assert "right by tag" in result.stdout
        both = trimtab(shop, "compare", "fair", "good", "--examples", "3")
        assert "e001: better" in both.stdout

    def test_json_has_the_run_and_what_was_asked_for(self, shop: Served) -> None:
        options = ("--examples", "1", "--slices", "tag", "--json")
        found = json.loads(trimtab(shop, "compare", "fair", "good", *options).stdout)
        assert found["run_id"] == "good"
        assert found["verdict"]["outcomes"]
        assert len(found["changes"]["data"]) == 1
        assert found["slices"][0]["by"] == "tag"

    def test_the_same_run_on_both_sides_is_refused_with_a_way_out(self, shop: Served) -> None:
        result = trimtab(shop, "compare", "alone", "alone")
        assert result.exit_code == 2, result.output
        assert "run alone (alone) is on both sides of the comparison" in result.stderr
        assert "`trimtab runs list --name alone` shows them" in result.stderr

    def test_a_name_and_last_are_the_newest_two_of_that_name(self, shop: Served) -> None:
        for number, (run_id, numbers) in enumerate([("n-1", FAIR), ("n-2", GOOD)], start=10):
            put(shop, run_id, numbers, dataset="n", dataset_digest="n", name="nightly", at=number)
            if run_id == "n-1":
                alone = trimtab(shop, "compare", "nightly", "last")
                assert "n-1 is the only finished run named 'nightly'" in alone.stderr
        result = trimtab(shop, "compare", "nightly", "last", "--gate-on", "right", "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert (found["run_id"], found["verdict"]["baseline_run"]) == ("n-2", "n-1")

    def test_clusters_that_are_not_known_are_said_everywhere(
        self, shop: Served, tmp_path: Path
    ) -> None:
        for run_id, numbers in (("far-1", FAIR), ("far-2", GOOD)):
            put(shop, run_id, numbers, dataset="far.jsonl", dataset_digest="far", name=run_id)
        note = "the rows of these 60 cases are not on this server, so their clusters are not known"
        pages = [tmp_path / name for name in ("report.md", "report.html")]
        for page in pages:
            result = trimtab(shop, "compare", "far-1", "far-2", "--report", str(page))
            assert note in result.stdout
            assert note in page.read_text().replace("\\", "")
        assert note not in trimtab(shop, "runs", "show", "far-2").stdout
        trimtab(shop, "compare", "far-1", "far-2", "--store")
        assert note in trimtab(shop, "runs", "show", "far-2").stdout
        assert note in trimtab(shop, "compare", "--ladder", "far-1", "far-2").stdout
        for command in (("compare", "fair", "good"), ("compare", "--ladder", "fair", "good")):
            assert "clusters are not known" not in trimtab(shop, *command).output

    @pytest.mark.parametrize("name", ["report.md", "report.html"])
    def test_a_report_is_written(self, shop: Served, tmp_path: Path, name: str) -> None:
        result = trimtab(shop, "compare", "fair", "good", "--report", str(tmp_path / name))
        assert result.exit_code == 0, result.output
        text = (tmp_path / name).read_text()
        assert "e058" in text
        assert "Which port does widget 58 listen on?" in text

    def test_a_ladder_of_runs(self, shop: Served) -> None:
        result = trimtab(shop, "compare", "--ladder", "fair", "good")
        assert result.exit_code == 0, result.output
        assert "docs@good" in result.stdout.splitlines()[1]

    @pytest.mark.parametrize(
        "args", [("good",), ("a", "b", "c"), ("--ladder", "good"), ("--online", "docs")]
    )
    def test_a_wrong_number_of_names_is_a_usage_error(
        self, shop: Served, args: tuple[str, ...]
    ) -> None:
        assert trimtab(shop, "compare", *args).exit_code == 2


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Calls of two releases; people like those of the second."""
    with served(configured(tmp_path_factory.mktemp("live") / "data")) as server:
        publish(server)
        server.client.post("/api/v1/releases", BUNDLE | {"parameters": {"abstain_below": 0.01}})
        scores = []
        for n in range(80):
            model = f"widgets@{1 + n % 2}"
            body = {"model": model, "messages": [{"role": "user", "content": f"Port {n}?"}]}
            reply = server.ask("POST", "/v1/chat/completions", body)
            assert reply.status == 200
            trace = reply.headers["x-trimtab-trace-id"]
            scores.append({"name": "liked", "trace_id": trace, "passed": bool(n % 2)})
        server.client.post("/api/v1/scores", scores)
        yield server


class TestLive:
    def test_the_two_newest_are_compared_and_the_sentence_says_when_one_may_look(
        self, live: Served
    ) -> None:
        found = live.client.get("/api/v1/routes/widgets/comparison", {"score": "liked"})
        assert (found["base"]["release"], found["new"]["release"]) == ("widgets@1", "widgets@2")
        assert (found["base"]["calls"], found["new"]["mean"]) == (40, 1.0)
        assert found["proved"] == "better"
        assert "looked at at any time" in found["sentence"]

    def test_on_the_command_line(self, live: Served) -> None:
        args = ("compare", "--online", "widgets", "--score", "liked", "--since", "1h")
        result = trimtab(live, *args, "2", "1")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("widgets@1 is proved worse than widgets@2 on liked (-100")

    @pytest.mark.parametrize(
        ("query", "where"),
        [
            ("score=nobody", "route"),
            ("", "query parameter score"),
            ("score=liked&since=yesterday", "query parameter since"),
            ("score=liked&low=x", "query parameter low"),
            ("score=liked&low=1&high=0", "bounds"),
            ("score=liked'%20OR%201=1--", "route"),
        ],
    )
    def test_what_cannot_be_compared_is_said(self, live: Served, query: str, where: str) -> None:
        problem(live.ask("GET", f"/api/v1/routes/widgets/comparison?{query}"), 400, where=where)


def test_a_comparison_is_told_in_words_and_stores_nothing(shop: Served) -> None:
    told = shop.client.get("/api/v1/runs/good/comparison", {"baseline": "fair"})
    assert told["sentence"].startswith("docs@good is proved better on right (+46.7 points")
    assert (told["cases"], told["baseline"]["run_id"]) == (60, "fair")
    assert told["run"]["verdict"]["outcome"] == "pass"
    own = shop.client.get("/api/v1/runs/good/comparison")
    assert own["run"]["verdict"] is None
    assert own["sentence"] == "docs@good came to its end with 60 answers; nothing gates it."
    problem(shop.ask("GET", "/api/v1/runs/good/comparison?baseline=good"), 409)
    digest = shop.client.get("/api/v1/datasets/golden")["digest"]
    put(shop, "strict", FAIR, name="strict", dataset_digest=digest)
    rules = {"rules": [{"metric": "right", "margin": 0.9}], "store": True}
    shop.client.post("/api/v1/runs/strict/comparison", {"baseline": "good", **rules})
    kept = shop.client.get("/api/v1/runs/strict/comparison", {"baseline": "good"})
    assert kept["run"]["verdict"]["comparisons"][0]["margin"] == 0.9
    problem(shop.ask("GET", "/api/v1/runs/nowhere/comparison"), 404)


def test_a_changed_case_says_why_it_was_judged_so(shop: Served) -> None:
    said = [[None, "too long"][n % 2] for n in range(60)]
    digest = shop.client.get("/api/v1/datasets/golden")["digest"]
    put(shop, "silent", {"right": said}, name="silent", dataset_digest=digest)
    page = shop.client.get("/api/v1/runs/silent/changes", {"baseline": "good"})
    reasons = {shift["reason_after"] for case in page["data"] for shift in case["shifts"]}
    assert reasons == {"the judge said nothing", "too long"}
