"""`trimtab judge` and the API below it: from labelled rows to a card, and from a card to a gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.judges.court import Asked, Script
from tests.serving import Served

from trimtab.cli.shell import root
from trimtab.errors import InvalidRequest
from trimtab.scorers.catalogue import catalogue

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows, journals and kept replies of a test are in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "example_id": f"e{n}",
            "input": f"Which colour? ({n})",
            "expected": "blue",
            "metadata": {
                "output": "It is blue." if n % 3 else "It is red, for all I know about it.",
                "human": "yes" if n % 3 and n != 4 else "no",
                "stars": 5 if n % 3 else 1,
                "baseline": "It is green.",
                "preferred": "answer" if n % 3 else "baseline",
            },
        }
        for n in range(30)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def blue(asked: Asked) -> Any:
    """Says yes to what is blue; the model `two` always does."""
    says = asked.model == "two" or "blue" in asked.material("answer")
    return {"choice": "yes" if says else "no", "reason": "so"}


def trimtab(server: Served, *args: str) -> Result:
    return CliRunner().invoke(root, [*args, "--url", server.url])


def calibrate(server: Served, name: str, *args: str) -> Result:
    given = ("judge", "calibrate", name, "--dataset", "rows.jsonl")
    return trimtab(server, *given, *args)


def test_a_card_is_made_shown_and_listed(server: Served, script: Script) -> None:
    script.rule = blue
    made = calibrate(server, "closed_qa", "--judge", "far/judge", "--json")
    assert made.exit_code == 0, made.output
    card = json.loads(made.stdout)
    assert (card["scorer"], card["model"]) == ("closed_qa", "far/judge")
    assert (card["labelled"], card["judged"]) == (30, 30)
    assert card["agreement"]["value"] == pytest.approx(29 / 30)
    assert card["true_positive_rate"]["value"] == 1.0
    assert "30 labelled rows of rows.jsonl, 30 questions to far/judge, " in made.stderr
    assert "cost of judging: $0.0033" in made.stderr
    shown = trimtab(server, "judge", "card", "closed_qa", "--digest", card["digest"][:8])
    assert shown.exit_code == 0
    assert "closed_qa, judged by far/judge" in shown.stdout
    assert "agreement" in shown.stdout
    assert "0.967 [" in shown.stdout
    assert "o" in next(line for line in shown.stdout.splitlines() if "kappa" in line)
    listed = trimtab(server, "judge", "cards")
    assert card["digest"][:12] in listed.stdout
    assert server.client.cards("closed_qa")[0] == card
    assert server.client.get("/api/v1/cards", {"digest": "unknown"})["data"] == []


def test_repeats_panels_pairs_and_scales_are_measured(server: Served, script: Script) -> None:
    script.rule = blue
    panel = calibrate(
        server, "closed_qa", "--judge", "far/one,far/two,far/three", "--repeat", "2", "--json"
    )
    assert panel.exit_code == 0, panel.output
    card = json.loads(panel.stdout)
    assert card["model"] == "far/one, far/two, far/three"
    assert 1 <= card["effective_votes"] <= 3
    script.rule = lambda asked: {"choice": "Output (a)", "reason": "first"}
    pair = calibrate(
        *(server, "pairwise", "--judge", "far/judge", "--label", "metadata.preferred", "--json")
    )
    card = json.loads(pair.stdout)
    assert card["order_consistency"]["value"] == 0.0
    assert card["kappa"]["value"] == 0.0
    script.rule = lambda asked: {"choice": "4" if "blue" in asked.text else "1", "reason": ""}
    stars = calibrate(
        server,
        *("task_completion", "--judge", "far/judge", "--label", "metadata.stars"),
        *("--scale", "1:5", "--json", "--threshold", "0.8", "--concurrency", "2"),
    )
    card = json.loads(stars.stdout)
    assert card["agreement"]["value"] is not None


def test_nothing_is_asked_in_a_dry_run_and_nothing_twice_afterwards(
    server: Served, script: Script
) -> None:
    script.rule = blue
    dry = calibrate(server, "closed_qa", "--judge", "far/judge", "--dry-run")
    assert (dry.exit_code, dry.stdout, script.asked) == (0, "", [])
    for _ in range(2):
        assert calibrate(server, "closed_qa", "--judge", "far/judge").exit_code == 0
    assert len(script.asked) == 30


def test_rows_that_a_judge_cannot_judge_are_counted_with_the_reason(
    server: Served, script: Script
) -> None:
    script.rule = lambda asked: "no idea" if "red" in asked.text else blue(asked)
    made = calibrate(server, "closed_qa", "--judge", "far/judge", "--json", "--cache", "off")
    card = json.loads(made.stdout)
    assert (card["labelled"], card["judged"], card["agreement"]["total"]) == (30, 20, 30)
    assert "10 not judged: judge: answer is not JSON: 'no idea' (asked twice)" in made.stderr


def test_a_calibration_that_judged_too_little_leaves_the_card_there_is(
    server: Served, script: Script
) -> None:
    script.rule = blue
    given = (server, "closed_qa", "--judge", "far/one", "--json", "--cache", "off")
    good = json.loads(calibrate(*given).stdout)
    script.rule = lambda asked: "no idea"
    failed = calibrate(*given)
    assert failed.exit_code == 3, failed.output
    assert json.loads(failed.stdout)["judged"] == 0
    assert "the card is not kept: 0 judged answers" in failed.stderr
    [kept] = [card for card in server.client.cards("closed_qa") if card["model"] == "far/one"]
    assert kept == good


def test_a_judge_never_sees_the_label(server: Served, script: Script) -> None:
    script.rule = lambda asked: {"choice": "1", "reason": ""}
    rows = [
        {"example_id": str(n), "input": "?", "expected": v, "metadata": {"output": "It is blue."}}
        for n, v in enumerate(["yes", "no"])
    ]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = calibrate(
        server, "task_completion", "--judge", "far/judge", "--label", "expected", "--json"
    )
    assert json.loads(made.stdout)["judged"] == 2
    assert all(asked.material("what_counts_as_done") == "" for asked in script.asked)


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("exact", ("--judge", "far/judge"), "exact is no judge"),
        ("nonsense", ("--judge", "far/judge"), "there is no scorer 'nonsense'"),
        ("closed_qa", (), "nobody judges"),
        ("closed_qa", ("--judge", "far/judge", "--label", "metadata.x"), "has a label in"),
        ("closed_qa", ("--judge", "far/judge", "--output", "metadata.x"), "has no answer in"),
        ("closed_qa", ("--judge", "far/a,far/a"), "on the panel twice"),
        ("closed_qa", ("--judge", "far/judge", "--scale", "5:1"), "is no scale"),
        ("closed_qa", ("--judge", "far/judge", "--metric", "x"), "gives no score 'x'"),
        ("closed_qa", ("--repeat", "3"), "--repeat goes with --judge"),
    ],
)
def test_what_cannot_be_calibrated_is_said(
    name: str, args: tuple[str, ...], said: str, server: Served, script: Script
) -> None:
    script.rule = blue
    result = calibrate(server, name, *args)
    assert result.exit_code == 2, result.output
    assert said in result.stderr


SUITE = """
name: colours
data: {file: rows.jsonl}
task: {outputs: metadata.output}
judge: {model: %s, repeats: %d}
scorers:
  - closed_qa: {criterion: It names a colour of the sky., name: sky}
gate:
  rules: [{metric: sky, floor: 0.3}]
"""


def test_a_judge_gates_when_this_exact_judge_has_a_card(
    server: Served, script: Script, elsewhere: Path
) -> None:
    script.rule = blue
    (elsewhere / "colours.eval.yaml").write_text(SUITE % ("far/judge", 3))
    before = trimtab(server, "eval", "colours.eval.yaml")
    assert before.exit_code == 3, before.output
    assert "sky: reported, does not gate: no calibration card" in before.stderr
    allowed = trimtab(server, "eval", "colours.eval.yaml", "--allow-uncalibrated")
    assert allowed.exit_code == 0, allowed.output
    made = calibrate(server, "sky", "--suite", "colours.eval.yaml", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["repeat_spread"] == 0.0
    after = trimtab(server, "eval", "colours.eval.yaml")
    assert after.exit_code == 0, after.output
    (elsewhere / "colours.eval.yaml").write_text(SUITE % ("far/judge", 2))
    other = trimtab(server, "eval", "colours.eval.yaml")
    assert other.exit_code == 3, other.output


def test_a_panel_of_a_suite_is_one_metric_with_its_votes(
    server: Served, script: Script, elsewhere: Path
) -> None:
    script.rule = blue
    (elsewhere / "colours.eval.yaml").write_text(SUITE % ("[far/one, far/two, far/three]", 1))
    made = trimtab(server, "eval", "colours.eval.yaml", "--json", "--allow-uncalibrated")
    [run] = json.loads(made.stdout)["runs"]
    assert run["metrics"]["sky"]["method"] == "panel of 3, as sure as its least sure judge"
    [first, *_] = server.client.results(run["run_id"])
    [score] = first["scores"]
    assert set(score["metadata"]["votes"]) == {"far/one", "far/two", "far/three"}
    assert score["evidence"][0].startswith("far/one: 0")


def test_a_judge_of_the_candidates_family_is_warned_about(
    server: Served, script: Script, elsewhere: Path
) -> None:
    script.rule = blue
    text = SUITE % ("far/gpt-2", 1)
    own = text.replace("{outputs: metadata.output}", "{models: [far/gpt-1]}")
    (elsewhere / "colours.eval.yaml").write_text(own)
    made = trimtab(server, "eval", "colours.eval.yaml")
    assert "the judge far/gpt-2 is of the family (GPT) of far/gpt-1" in made.stderr
    (elsewhere / "colours.eval.yaml").write_text(own.replace("gpt-2", "judge"))
    assert "of the family" not in trimtab(server, "eval", "colours.eval.yaml").stderr


def test_labels_of_a_runs_own_answers_correct_its_judge(
    server: Served, script: Script, elsewhere: Path
) -> None:
    """The judge calls everything good; people labelled it as it is."""
    script.rule = lambda asked: {"choice": "yes", "reason": "so"}
    (elsewhere / "colours.eval.yaml").write_text(SUITE % ("far/two", 1))
    made = trimtab(server, "eval", "colours.eval.yaml", "--json")
    [run] = json.loads(made.stdout)["runs"]
    few = trimtab(server, "judge", "correct", run["run_id"], "sky")
    assert few.exit_code == 2
    assert "0 labels are too few to correct sky" in few.stderr
    labels = [
        {
            "name": "sky",
            "target": {"kind": "example", "id": f"e{n}"},
            "run": run["run_id"],
            "passed": n % 3 > 0,
            "source": "human",
        }
        for n in range(30)
    ]
    server.client.post("/api/v1/scores", labels)
    corrected = trimtab(server, "judge", "correct", run["run_id"], "sky", "--json")
    assert corrected.exit_code == 0, corrected.output
    found = json.loads(corrected.stdout)
    assert found["raw"]["value"] == 1.0
    assert found["corrected"]["value"] == pytest.approx(2 / 3)
    assert found["corrected"]["low"] < 2 / 3 < found["corrected"]["high"]
    told = trimtab(server, "judge", "correct", run["run_id"], "sky").stdout
    assert "corrected  0.667 [" in told
    unknown = trimtab(server, "judge", "correct", run["run_id"], "other")
    assert "has no metric 'other'" in unknown.stderr


def test_judges_are_listed_and_explained(server: Served) -> None:
    names = [info.name for info in catalogue("judge")]
    assert [one["name"] for one in server.client.judges()] == names
    found = server.client.get("/api/v1/judges/faithfulness")
    assert found["needs"] == ["output", "context"]
    listed = CliRunner().invoke(root, ["judge", "list", "--json"])
    assert [one["name"] for one in json.loads(listed.stdout)] == names
    shown = CliRunner().invoke(root, ["judge", "show", "rubric"])
    assert "criteria: Sequence[str] = ()" in shown.stdout
    missing = CliRunner().invoke(root, ["judge", "show", "exact"])
    assert missing.exit_code == 2
    assert "no judge 'exact'" in missing.stderr


def test_scorers_are_listed_and_explained() -> None:
    listed = CliRunner().invoke(root, ["scorers", "list", "--tier", "judge", "--json"])
    assert len(json.loads(listed.stdout)) == len(catalogue("judge"))
    shown = CliRunner().invoke(root, ["scorers", "show", "exact"])
    assert shown.stdout.startswith("exact (tier code, version ")
    everything = CliRunner().invoke(root, ["scorers", "list"])
    assert "faithfulness" in everything.stdout
    assert "Share of the answer's claims that the passages support" in everything.stdout


CARD: dict[str, Any] = {
    "scorer": "faithfulness",
    "digest": "d" * 64,
    "dataset": "rows@1",
    "dataset_digest": "e" * 64,
    "label": "expected",
    "labelled": 40,
    "judged": 39,
    "kappa": {"value": 0.5, "low": 0.25, "high": 0.75, "n": 39, "total": 40},
}


def test_a_card_from_elsewhere_is_kept_and_the_newest_comes_first(server: Served) -> None:
    server.client.add_card(CARD)
    newer = server.client.add_card({**CARD, "judged": 40})
    assert newer["project"] == "default"
    assert [one["judged"] for one in server.client.cards("faithfulness")[:2]] == [40, 39]
    shown = trimtab(server, "judge", "card", "faithfulness")
    assert "kappa                0.5 [0.25, 0.75]" in shown.stdout
    assert "not measured" in shown.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"judged": 41}, "41 of 40 labelled"),
        ({"kapa": 1}, "kapa"),
        ({"kappa": {"value": 1}}, "kappa"),
        ({"labelled": -1}, "labelled"),
        ({"scorer": ""}, "scorer"),
        ({"repeat_spread": "much"}, "repeat_spread"),
    ],
)
def test_a_card_that_cannot_be_one_is_refused(
    change: dict[str, Any], said: str, server: Served
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        server.client.add_card({**CARD, **change})


def test_a_card_that_is_not_there_says_how_to_make_one(server: Served) -> None:
    missing = trimtab(server, "judge", "card", "toxicity")
    assert missing.exit_code == 2
    assert "trimtab judge calibrate toxicity" in missing.stderr
