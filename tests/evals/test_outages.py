"""What is not the fault of a case: a server that is gone, a full disk, an answer too large."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ParamSpec

import msgspec
import pytest
from tests.serving import configured, served
from tests.upstream import Answer, Request, Upstream, reset, respond

import trimtab
from trimtab.errors import Conflict, NotDurable, StoreError
from trimtab.evals.options import Site
from trimtab.evals.starting import again
from trimtab.evals.upload import Upload
from trimtab.experiments.answers import MAX_ANSWER_BYTES
from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.journal import Journal, read
from trimtab.experiments.replies import Replies
from trimtab.experiments.suite import DataRef, EndpointRef, Suite, SuiteGate, TaskRef
from trimtab.records import Example, Result, Run, Score, Target

ROWS = [{"example_id": f"e{n}", "input": f"q{n}", "expected": "yes"} for n in range(12)]


P = ParamSpec("P")


def in_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """A test with an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def work() -> None:
            await test(*args, **kwargs)

        asyncio.run(work())

    return run


class Application:
    """An endpoint that answers yes, breaks at its fifth question, and may come back."""

    def __init__(self, upstream: Upstream, *, comes_back: bool) -> None:
        self.asked: list[str] = []
        self._upstream = upstream
        self._comes_back = comes_back
        upstream.handler = self

    def __call__(self, request: Request) -> Answer:
        self.asked.append(request.json["input"])
        if len(self.asked) not in ((5, 6) if self._comes_back else (5,)):
            return respond(200, b'{"text": "yes"}')
        if not self._comes_back:
            self._upstream._server.close()
        return [reset]

    async def start(self) -> None:
        upstream = self._upstream
        upstream._server = await asyncio.start_server(upstream._accept, "127.0.0.1", upstream.port)

    def suite(self) -> Suite:
        endpoint = EndpointRef(url=f"{self._upstream.url}/answer", output="text")
        return Suite(
            name="away",
            data=DataRef(rows=ROWS),
            task=TaskRef(endpoint=endpoint),
            scorers=["exact"],
            concurrency=1,
        )


@in_loop
async def test_a_run_stops_when_what_answers_is_gone_and_is_carried_on(tmp_path: Path) -> None:
    async with Upstream() as upstream:
        application = Application(upstream, comes_back=False)
        found = await trimtab.aevaluate(application.suite(), folder=tmp_path)
        assert (found.run.status, found.exit_code, len(found.results)) == ("interrupted", 4, 4)
        assert f"{upstream.url} cannot be reached" in (found.run.error or "")
        assert any("--resume carries on" in note for note in found.notes)
        await application.start()
        found = await trimtab.aevaluate(application.suite(), folder=tmp_path, resume=True)
        assert (found.run.status, found.exit_code) == ("done", 0)
        assert (found.metrics["exact"].value, found.metrics["exact"].n) == (1.0, 12)
        assert len(application.asked) == 13, "only the case it died of is asked again"


@in_loop
async def test_a_question_that_breaks_one_connection_is_an_error_of_its_case() -> None:
    async with Upstream() as upstream:
        application = Application(upstream, comes_back=True)
        found = await trimtab.aevaluate(application.suite())
        # A connection that was kept from an earlier call is made anew once by the client itself.
        assert [result.error is None for result in found.results].count(False) == 1
        assert (found.run.status, len(application.asked)) == ("done", 13)


def test_a_reply_that_cannot_be_kept_is_used_and_said(tmp_path: Path) -> None:
    with Replies(tmp_path / "replies.db") as replies:
        assert replies._database is not None
        replies._database.execute("PRAGMA query_only = ON")  # as a disk that takes no more
        replies.put("key", {"text": "yes"})
        assert isinstance(replies.fault, StoreError)
        assert replies.added == 0


@in_loop
async def test_a_run_stops_when_no_reply_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Replies._opened

    def full(replies: Replies, path: Path | None) -> Any:
        database = opened(replies, path)
        database.execute("PRAGMA query_only = ON")
        return database

    async with Upstream() as upstream:
        application = Application(upstream, comes_back=False)
        with monkeypatch.context() as patch:
            patch.setattr(Replies, "_opened", full)
            found = await trimtab.aevaluate(application.suite(), folder=tmp_path)
        assert (found.exit_code, len(found.results)) == (4, 1), "what was paid for is kept"
        assert found.results[0].error is None


def test_a_journal_that_cannot_be_written_ends_the_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "asked.log"
    log.touch()
    write = Journal._write

    def full(journal: Journal, line: bytes) -> None:
        if len(log.read_text()) == 5:
            read_only = os.open(journal.path, os.O_RDONLY)
            os.dup2(read_only, journal._file)
            os.close(read_only)
        write(journal, line)

    def task(input: str) -> str:
        with log.open("a") as asked:
            asked.write(".")
        return "yes"

    monkeypatch.setattr(Journal, "_write", full)
    settings: dict[str, Any] = {"scorers": ["exact"], "folder": tmp_path, "concurrency": 1}
    with pytest.raises(NotDurable):
        trimtab.evaluate(task, ROWS, **settings)
    assert len(log.read_text()) == 5
    monkeypatch.undo()
    [journal] = tmp_path.glob("runs/*.journal")
    assert len(read(journal).results) == 4
    found = trimtab.evaluate(task, ROWS, resume=True, **settings)
    assert (found.metrics["exact"].n, len(log.read_text())) == (12, 13)


def test_an_answer_too_large_is_an_error_of_its_case() -> None:
    def task(input: str) -> str:
        return "x" * (MAX_ANSWER_BYTES + 1) if input == "q3" else "yes"

    found = trimtab.evaluate(task, ROWS, scorers=["exact"])
    [failed] = [result for result in found.results if result.error]
    assert (failed.example_id, failed.output) == ("e3", None)
    assert "the answer is too large: 8.0 MiB, and the limit is 8 MiB" in (failed.error or "")
    assert found.metrics["exact"].n == 11


def test_a_result_that_the_server_does_not_take_keeps_back_no_other(tmp_path: Path) -> None:
    run = Run(
        run_id="large", name="large", dataset="d", dataset_digest="d", scorers=(), started_ns=1
    )
    limits = "limits:\n  body_bytes: 20000\n"
    with served(configured(tmp_path / "data", limits)) as server:

        async def send() -> bool:
            upload = Upload(server.client, run)
            await upload.open()
            for n in range(40):
                size = 50_000 if n == 7 else 1_000
                upload.add(Result(example_id=f"e{n}", output="x" * size))
            return await upload.end(msgspec.structs.replace(run, status="done", done=40))

        assert asyncio.run(send())
        stored = {row["example_id"]: row for row in server.client.results("large")}
    assert len(stored) == 40
    assert "the limit is 0.01907 MiB" in stored["e7"]["error"]
    assert [key for key, row in stored.items() if row.get("error")] == ["e7"]


def test_no_run_is_compared_with_itself() -> None:
    run = Run(run_id="r", name="r", dataset="d", dataset_digest="d", scorers=(), started_ns=1)
    rows = [Example(example_id="e", input="q")]
    with pytest.raises(Conflict, match="cannot be compared with itself"):
        decide(Measured(run, []), rows, SuiteGate(), baseline=Measured(run, []))


def test_answers_that_are_to_be_judged_again_are_in_the_journal_at_once(tmp_path: Path) -> None:
    run = Run(
        run_id="r", name="r", dataset="d", dataset_digest="d", scorers=(), started_ns=1, total=3
    )
    silent = Score(
        score_id="s",
        target=Target(kind="example", id="judged"),
        name="fine",
        status="unscored",
        source="judge",
        time_ns=1,
    )
    found = [
        Result(example_id="good", output="a"),
        Result(example_id="judged", output="b", scores=(silent,)),
        Result(example_id="failed", output=None, error="it broke"),
    ]
    cell: Any = SimpleNamespace(run=run)
    start = again(cell, Site(folder=tmp_path), (run, found))
    assert start.journal is not None
    kept = read(start.journal.path)  # as after a kill, before anything was judged
    start.journal.close()
    assert [key[0] for key in kept.results] == ["good"]
    assert {key[0]: answer.output for key, answer in kept.answers.items()} == {"judged": "b"}
