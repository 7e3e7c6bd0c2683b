"""Whole jobs against a model over HTTP whose answers depend on the prompt."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from tests.optimise.examples import examples_compared
from tests.optimise.jobs import optimised
from tests.optimise.simulator import (
    JUDGE,
    KINDS,
    PROMPT,
    REFLECTOR,
    Simulator,
    rows,
    simulated,
)
from tests.upstream import Answer, Request, error_json

import trimtab
from trimtab.errors import Conflict, InvalidRequest
from trimtab.optimiser.journal import contents_of
from trimtab.optimiser.splits import splits_of
from trimtab.ports import Judge, Question
from trimtab.records import Example
from trimtab.scorers.judgement import Unscored

ROWS = rows(2)


@pytest.mark.parametrize(("algo", "least"), [("demos", 0.7), ("instructions", 0.9), ("auto", 0.7)])
def test_a_better_prompt_is_found_and_proved(algo: str, least: float) -> None:
    with simulated(Simulator()) as upstream:
        found = optimised(upstream, ROWS, algo=algo, calls=3000)
    assert found.promoted, found.reasons
    [compared] = found.comparisons
    assert compared.candidate.value is not None
    assert compared.candidate.value > least
    assert compared.difference.n == found.rows["test"]
    assert found.difference
    assert found.winner is not None
    assert all(one.fate for one in found.tried if one.rows != len(ROWS))


@pytest.mark.parametrize("algo", ["demos", "instructions", "auto", "gepa"])
@pytest.mark.parametrize("calls", [260, 300, 411, 700])
def test_no_call_is_made_beyond_the_cap(algo: str, calls: int) -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        found = optimised(upstream, ROWS, algo=algo, calls=calls)
    assert simulator.calls <= calls
    assert found.taken.calls == simulator.calls
    assert simulator.repeated == 0
    if found.winner is not None:
        assert found.comparisons, "what the last comparison takes was held back"


def test_calls_that_are_made_again_count() -> None:
    refused = set[str]()

    def refuse_once(request: Request) -> Answer | None:
        key = request.body.decode()
        if len(refused) < 60 and key not in refused:
            refused.add(key)
            return error_json(429, "slower", retry_after="0.01")
        return None

    simulator = Simulator(before=refuse_once)
    with simulated(simulator) as upstream:
        found = optimised(upstream, ROWS, algo="demos", calls=420)
    assert simulator.calls <= 420
    assert found.taken.calls == simulator.calls
    assert refused


def test_reflection_sees_rows_of_the_train_split_alone() -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        optimised(upstream, ROWS, algo="instructions", calls=3000)
    told = [body for body in simulator.bodies if body["model"] == REFLECTOR]
    assert told
    given = [Example(**row) for row in ROWS]  # type: ignore[arg-type]
    splits = splits_of(given)
    seen = json.dumps(told)
    asked = {
        part: [str(row.input["question"]) for row in getattr(splits, part)]
        for part in ("train", "dev", "test")
    }
    assert any(text in seen for text in asked["train"])
    assert not any(text in seen for text in (*asked["dev"], *asked["test"]))
    assert "exact: 0" in seen, "the scorer's judgement is told"


def test_the_test_split_is_asked_about_only_at_the_end() -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        optimised(upstream, ROWS, algo="demos", calls=3000)
    splits = splits_of([Example(**row) for row in ROWS])  # type: ignore[arg-type]
    held = {str(row.input["question"]) for row in splits.test}  # type: ignore[index,call-overload]
    order = [body["messages"][-1]["content"] in held for body in simulator.bodies]
    assert sum(order) == 2 * len(held)
    assert all(order[-2 * len(held) :])


def test_variables_that_are_lost_or_invented_cost_no_call() -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        found = optimised(upstream, ROWS, algo="instructions", calls=3000)
    why = " ".join(one.why for one in found.discarded)
    assert "loses the variables shop" in why
    assert "invents the variables mood" in why
    assert "nearly what another one says" in why
    sent = json.dumps([body for body in simulator.bodies if body["model"] != REFLECTOR])
    assert "{{ mood }}" not in sent
    assert "customer of the shop" not in sent


def test_a_finished_job_makes_no_call_and_says_the_same(tmp_path: Path) -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        first = optimised(upstream, ROWS, algo="auto", calls=900, folder=tmp_path)
        made = simulator.calls
        again = optimised(upstream, ROWS, algo="auto", calls=900, folder=tmp_path)
        larger = optimised(upstream, ROWS, algo="auto", calls=9000, folder=tmp_path, resume=True)
    assert simulator.calls == made
    assert first == again == larger


def test_a_job_whose_money_was_over_carries_on_with_more(tmp_path: Path) -> None:
    """With everything it has asked before taken from its journal."""
    simulator = Simulator()
    with simulated(simulator) as upstream:
        short = optimised(upstream, ROWS, algo="instructions", calls=230, folder=tmp_path)
        assert not short.finished
        assert not short.comparisons
        made = simulator.calls
        assert made <= 230
        same = optimised(upstream, ROWS, algo="instructions", calls=230, folder=tmp_path)
        assert same == short
        assert simulator.calls == made
        with pytest.raises(Conflict, match="--resume"):
            optimised(upstream, ROWS, algo="instructions", calls=3000, folder=tmp_path)
        whole = optimised(
            upstream, ROWS, algo="instructions", calls=3000, folder=tmp_path, resume=True
        )
    assert whole.promoted
    assert simulator.repeated == 0
    assert whole.taken.calls == simulator.calls
    with simulated(Simulator()) as upstream:
        straight = optimised(upstream, ROWS, algo="instructions", calls=3000)
    assert straight.comparisons == whole.comparisons


def test_the_test_split_is_opened_once_by_a_job(tmp_path: Path) -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        optimised(upstream, ROWS, algo="demos", calls=900, folder=tmp_path)
        [path] = tmp_path.glob("*/job.journal")
        lines = path.read_bytes().splitlines(keepends=True)
        opened = next(line for line in lines if line.startswith(b'{"opened"'))
        other = json.loads(opened)
        other["opened"]["candidate"] = "another"
        kept = [line for line in lines if not line.startswith((b'{"opened"', b'{"found"'))]
        path.write_bytes(
            b"".join([*kept, json.dumps(other, separators=(",", ":")).encode(), b"\n"])
        )
        with pytest.raises(Conflict, match="opened its test split for another candidate"):
            optimised(upstream, ROWS, algo="demos", calls=900, folder=tmp_path, resume=True)


def test_it_is_said_how_often_other_jobs_opened_the_same_test_split(tmp_path: Path) -> None:
    with simulated(Simulator()) as upstream:
        first = optimised(upstream, ROWS, algo="demos", calls=900, folder=tmp_path)
        second = optimised(upstream, ROWS, algo="demos", calls=900, folder=tmp_path, seed=1)
    assert (first.opened_before, second.opened_before) == (0, 1)
    assert any("opened this test split" in note for note in second.notes)


def test_nothing_is_stored_where_nothing_helps(tmp_path: Path) -> None:
    """Every answer is right already: no candidate can do better, and no test row is looked at."""
    rules = "\n".join(f"Rule: {kind}" for kind in KINDS)
    prompt = [{"role": "system", "content": f"For {{{{ shop }}}}:\n{rules}"}, PROMPT[1]]
    simulator = Simulator()
    output = tmp_path / "new.yaml"
    with simulated(simulator) as upstream:
        found = optimised(upstream, ROWS, prompt=prompt, algo="auto", calls=3000, output=output)
    assert not found.promoted
    assert found.exit_code == 3
    assert "not opened" in found.reasons[0]
    assert not output.exists()


def test_what_makes_another_metric_worse_is_not_chosen() -> None:
    def differs(output: str, expected: str) -> bool:
        return output != expected

    with simulated(Simulator()) as upstream:
        found = optimised(upstream, ROWS, metrics=["exact", differs], algo="demos", calls=3000)
    assert {one.fate for one in found.tried} == {"differs got worse"}
    assert not found.promoted


def test_a_metric_that_must_not_get_worse_is_compared_with_its_margin() -> None:
    def is_short(output: str) -> bool:
        return len(output) < 100

    with simulated(Simulator()) as upstream:
        found = optimised(upstream, ROWS, metrics=["exact", is_short], algo="demos", calls=3000)
    first, second = found.comparisons
    assert (first.must_improve, second.must_improve, second.margin) == (True, False, 0.05)
    assert found.promoted, found.reasons


@trimtab.scorer(tier="judge")
async def judged(output: str, expected: str, judge: Judge) -> bool | Unscored:
    """Whether a judge finds the answer right."""
    question = Question(
        name="judged",
        messages=[{"role": "user", "content": f"{output} should be {expected}"}],
        schema={"type": "object"},
        read=lambda value: bool(value["right"]),
    )
    answer = await judge.ask(question)
    return Unscored(answer.error) if answer.error is not None else bool(answer.value)


@pytest.mark.parametrize("calls", [1100, 2500])
def test_judges_and_their_repairs_are_calls(calls: int) -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        found = optimised(
            upstream,
            ROWS,
            metrics=[judged],
            judge=JUDGE,
            allow_uncalibrated=True,
            algo="demos",
            calls=calls,
        )
    assert simulator.calls <= calls
    assert found.taken.calls == simulator.calls
    told = [body for body in simulator.bodies if body["model"] == JUDGE]
    assert any(len(body["messages"]) > 1 for body in told), "some judgements were repaired"
    assert found.promoted, found.reasons
    assert any("how far this judge can be believed" in note for note in found.notes)


def test_a_judge_that_nobody_measured_does_not_decide() -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream, pytest.raises(InvalidRequest, match="calibrat"):
        optimised(upstream, ROWS, metrics=[judged], judge=JUDGE, calls=2000)
    assert simulator.calls == 0


def test_examples_that_are_like_the_question_beat_random_ones() -> None:
    with simulated(Simulator()) as upstream:
        found = asyncio.run(examples_compared(upstream))
    assert found["nearest"] >= found["random"] + 0.10
    assert found["random"] > found["none"] + 0.10


def test_the_journal_has_every_call_and_every_reply(tmp_path: Path) -> None:
    simulator = Simulator()
    with simulated(simulator) as upstream:
        found = optimised(upstream, ROWS, algo="demos", calls=900, folder=tmp_path)
    [path] = tmp_path.glob("*/job.journal")
    contents = contents_of(path)
    assert len(contents.replies) == simulator.calls == contents.taken.calls
    assert contents.found == found
    assert contents.opened is not None


def test_nothing_is_asked_when_the_time_is_over() -> None:
    arrived: list[float] = []

    def slowly(_: Request) -> Answer | None:
        arrived.append(time.monotonic())
        time.sleep(0.01)
        return None

    with simulated(Simulator(before=slowly)) as upstream:
        found = optimised(upstream, ROWS, algo="auto", minutes=0.03, concurrency=2)
    assert arrived[-1] - arrived[0] <= 1.8
    assert len(arrived) == found.taken.calls
    assert not found.promoted or found.comparisons
