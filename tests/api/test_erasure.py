"""What is erased is in no file of the data directory any more, free parts and logs included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.api.recorded import S, call, fill, judgement, store, trace_id
from tests.serving import Served, configured, served
from tests.waiting import until

from trimtab.errors import StoreError
from trimtab.guards.presets import INTERNAL
from trimtab.ports import Erasure
from trimtab.stores.telemetry.duckdb import life
from trimtab.tracing.retention import Retention

MARKERS = {
    word: f"{word}-4711-Quecksilber".encode()
    for word in ("name", "error", "tag", "metadata", "session", "user", "preview", "reason", "said")
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(data: Path) -> Iterator[Served]:
    with served(configured(data)) as running:
        yield running


def in_files(data: Path) -> set[str]:
    """The markers that are somewhere in the bytes of the data directory."""
    bodies = [path.read_bytes() for path in data.rglob("*") if path.is_file()]
    return {word for word, marker in MARKERS.items() if any(marker in body for body in bodies)}


def record(server: Served) -> None:
    """A trace with a marker in each cell that lists read, and a call through the gateway."""
    text = {word: marker.decode() for word, marker in MARKERS.items()}
    root, model = call(99, server.app.clock.now_ns() - 10 * S)
    root = replace(
        root,
        name=text["name"],
        tags=(text["tag"],),
        metadata={"note": text["metadata"]},
        session=text["session"],
        user="ada",
        input=text["preview"],
    )
    model = replace(model, status="error", error=text["error"])
    score = judgement(99, "helpful", value=0.5, reason=text["reason"])
    store(server, [root, model], [score])
    server.client.chat(
        "trimtab/extract", f"Which port does {text['said']} use?", user=text["user"], session="ada"
    )


class ManualClock:
    """Implements `ports.Clock`; time passes when told to."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def advance(self, seconds: int) -> None:
        self._now_ns += seconds * S

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._now_ns


def into_the_file(server: Served) -> None:
    """What the writer does by itself after three seconds of rest: its log goes into the file."""
    server.app.telemetry._writer.run(lambda c: c.execute("CHECKPOINT").fetchall()).result(30)


NAMED: dict[str, Any] = {"users": ["ada"], "sessions": ["ada"]}


@pytest.mark.parametrize("checkpoint", [False, True], ids=["in the log", "in the file"])
def test_no_file_holds_what_was_erased(server: Served, data: Path, checkpoint: bool) -> None:
    fill(server, 30)
    record(server)
    if checkpoint:
        into_the_file(server)
        assert (data / "telemetry.duckdb").stat().st_size > 100_000
    assert in_files(data) == set(MARKERS)
    report = server.client.erase(**NAMED)
    scores = 1 + len(INTERNAL.rules)  # the user's, and what the guards of the call said
    assert (report["traces"], report["scores"], report["remaining"]) == (2, scores, 0)
    assert in_files(data) == set()
    assert report["compacted"]
    assert len(server.client.traces(limit=50)) == 30
    assert server.client.trace(trace_id(3))["scores"]


def test_the_records_of_plans_are_erased_with_their_traces(server: Served, data: Path) -> None:
    """What replays a run repeats what it says, and its trace does."""
    step = {"name": "a", "inputs": {"x": "{{ inputs.text }}"}}
    server.client.post(
        "/api/v1/plans", {"name": "p", "inputs": {"text": "string"}, "steps": [step]}
    )
    said = f"{MARKERS['said'].decode()} " * 500
    runs = []
    for text in (said, "nothing of it"):
        body = {"inputs": {"text": text}, "wait": True}
        runs.append(server.client.post("/api/v1/plans/p/runs", body))
    again = server.client.post(f"/api/v1/plan-runs/{runs[0]['plan_run_id']}/replay", {})
    for run in server.client.poll(f"/api/v1/plan-runs/{again['plan_run_id']}"):
        if run["status"] != "running":
            break
    assert in_files(data) == {"said"}
    report = server.client.erase(trace_ids=[runs[0]["trace_id"]])
    assert (report["plan_runs"], report["traces"], report["remaining"]) == (2, 2, 0)
    assert in_files(data) == set()
    left = server.client.get("/api/v1/plan-runs")["data"]
    assert [run["plan_run_id"] for run in left] == [runs[1]["plan_run_id"]]
    assert server.client.erase(before_ns=server.app.clock.now_ns())["plan_runs"] == 1


def test_a_call_after_an_erasure_is_recorded_as_before(server: Served) -> None:
    for n in range(3):
        asked = server.client.chat("trimtab/extract", "Which port?", user="ada")["trace_id"]
        assert len(server.client.trace(asked)["spans"]) == 1
        assert server.client.erase(users=["ada"])["traces"] == 1, n
    kept = server.client.chat("trimtab/extract", "Which port?")["trace_id"]
    assert [row["trace_id"] for row in server.client.traces()] == [kept]


def test_files_that_cannot_be_written_anew_are_told_and_cleaned_by_the_next_erasure(
    server: Served, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(server, 30)
    record(server)
    into_the_file(server)

    def refuse(*_: object) -> None:
        raise StoreError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(life, "_copy", refuse)
        report = server.client.erase(**NAMED)
        assert (report["remaining"], report["compacted"]) == (0, False)
    assert "reason" in in_files(data)
    report = server.client.erase(**NAMED)
    assert (report["traces"], report["compacted"]) == (0, True)
    assert in_files(data) == set()


def test_an_erasure_that_was_cut_off_is_finished_at_the_next_start(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(data)
    with served(config) as server, monkeypatch.context() as patched:
        fill(server, 30)
        record(server)
        into_the_file(server)
        patched.setattr(life, "rewrite", lambda *_, **__: None)  # as if it was killed before
        server.client.erase(**NAMED)
    assert "reason" in in_files(data)
    with served(config) as server:
        fill(server, 1)
        until(lambda: not in_files(data))
    assert in_files(data) == set()


def test_retention_rewrites_once_a_day_what_it_erased_each_hour(
    server: Served, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrites = []
    rewrite = life._write_anew
    monkeypatch.setattr(life, "_write_anew", lambda *a: (rewrites.append(1), rewrite(*a)))
    clock = ManualClock(server.app.clock.now_ns())
    days = {"default": 1.25, "other": 1.25}
    also: list[tuple[str, int]] = []
    retention = Retention(
        server.app.telemetry, clock, days=days, also=lambda *asked: also.append(asked)
    )
    assert retention.enforce()["default"].spans == 0
    assert also == [(project, clock.now_ns() - 30 * 3600 * S) for project in days]
    record(server)
    into_the_file(server)
    server.run(server.app.tracing.empty)
    erased = 0
    for _ in range(47):
        clock.advance(3600)
        erased += retention.enforce()["default"].spans
    assert (erased, rewrites, "reason" in in_files(data)) == (3, [], True)
    clock.advance(3600)
    retention.enforce()
    assert (rewrites, in_files(data)) == ([1], set())


def test_retention_takes_what_was_carried_over_out_of_the_spool(data: Path) -> None:
    text = "retention:\n  - {project: default, days: 10}\n"
    with served(configured(data, text)) as server:
        record(server)
        assert "said" in in_files(data)
        server.run(server.app.retention._pass)
        assert not list((data / "spool").glob("*.spool"))


def test_an_erasure_of_what_is_old_leaves_the_files_as_well(server: Served, data: Path) -> None:
    record(server)
    report = server.client.erase(before_ns=server.app.clock.now_ns() + 60 * S)
    assert in_files(data) == set()
    assert (report["remaining"], report["compacted"]) == (0, True)


def test_a_store_told_not_to_rewrite_says_that_it_did_not(server: Served) -> None:
    record(server)
    erasure = Erasure(project="default", users=("ada",), rewrite=False)
    assert not server.app.telemetry.erase(erasure).compacted
