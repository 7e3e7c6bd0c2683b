"""`trimtab admin move`: from a data directory into ClickHouse and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from tests.services import PASSWORD

from trimtab.cli.shell import root
from trimtab.kit import datadir
from trimtab.ports import LearntShares, ScoreQuery, SpanQuery, Spend, Written
from trimtab.records import ApprovedModel
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry
from trimtab.stores.telemetry.clickhouse.connection import Connection, Place
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.testing.metadata_access import (
    sample_allowance,
    sample_key,
    sample_route,
    spend_key,
)
from trimtab.testing.metadata_datasets import sample_examples
from trimtab.testing.metadata_runs import sample_card, sample_result, sample_run
from trimtab.testing.metadata_samples import (
    sample_look,
    sample_plan,
    sample_plan_run,
    sample_probe,
    sample_prompt,
    sample_release,
    sample_step,
)
from trimtab.testing.telemetry import sample_score, sample_span
from trimtab.testing.telemetry_questions import told_traces
from trimtab.testing.telemetry_reads import HOUR_NS, NOON, Dice

clickhouse, postgres = pytest.mark.clickhouse, pytest.mark.postgres


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Spans of months, of two projects, large and open ones; scores; something of all metadata."""
    spans, scores = told_traces(40, Dice(2))
    spans += [sample_span(start_ns=NOON + n * 300 * HOUR_NS, project="other") for n in range(30)]
    spans.append(sample_span(input="large " * 40_000, open=True, revision=-1))
    scores.append(sample_score(project="elsewhere"))
    scores.append(replace(scores[0], project="other", value=None, label="theirs"))
    with closing(telemetry(tmp_path)) as store:
        store.append(spans, scores).result(timeout=60)
    with closing(SQLMetadata.open(f"sqlite:///{tmp_path / 'metadata.db'}")) as metadata:
        metadata.prompts.add(sample_prompt(labels=("production",)))
        metadata.prompts.describe("default", "docs", by="ann", folder="support")
        metadata.plans.add(sample_plan())
        metadata.plans.put_run(sample_plan_run())
        metadata.plans.record("default", "p1", sample_step())
        for release in ("one", "two"):
            metadata.releases.add(sample_release(release, model=f"trimtab/{release}"))
        metadata.datasets.add("default", "golden", sample_examples("a", "b"), note="", created_ns=1)
        metadata.runs.put(sample_run())
        metadata.runs.append("default", "run-1", [sample_result(f"e{n}") for n in range(600)])
        metadata.cards.put(sample_card())
        metadata.cursors.put("scoring.online", 77)
        metadata.keys.add(sample_key(), by="ann")
        metadata.allowances.put(sample_allowance(), by="ann")
        metadata.approved_models.put(ApprovedModel(model="a/*"), by="ann")
        metadata.routes.put(sample_route(), by="ann")
        metadata.shares.put(LearntShares("default", "chat", {1: 1.0}, 5), by="bandit")
        metadata.probes.put(sample_probe(), by="ann")
        metadata.probes.add_look(sample_look())
        metadata.spend.add("calls", 5, {spend_key(): Spend(1, 2, 3, 4, 5)})
    return tmp_path


def telemetry(data: Path) -> DuckDBTelemetry:
    return DuckDBTelemetry.open(data / "telemetry.duckdb", blobs=FileBlobs(data / "blobs"))


@pytest.fixture
def connection(clickhouse_database: str) -> Iterator[Connection]:
    with closing(Connection(Place.of(clickhouse_database))) as connection:
        yield connection


def move(data: Path, *arguments: str) -> Result:
    env = dict.fromkeys(("TRIMTAB_CONFIG", "TRIMTAB_TELEMETRY_URL", "TRIMTAB_METADATA_URL"))
    result = CliRunner().invoke(root, ["admin", "move", "--data", str(data), *arguments], env=env)
    assert PASSWORD not in result.output + repr(result.exception)
    return result


def moved(data: Path, *arguments: str) -> dict:
    result = move(data, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@clickhouse
def test_all_telemetry_is_moved_and_says_the_same(data: Path, clickhouse_database: str) -> None:
    told = moved(data, "--telemetry-url", clickhouse_database)
    assert told["metadata"] is None
    with (
        closing(telemetry(data)) as old,
        closing(ClickHouseTelemetry.open(clickhouse_database)) as new,
    ):
        total = old.span_count()
        assert told["telemetry"]["spans"] == told["telemetry"]["written"] == total
        assert new.span_count() == total
        assert new.everything_after(0, limit=9_999) == old.everything_after(0, limit=9_999)
        projects = {one["project"]: one for one in told["telemetry"]["projects"]}
        assert projects.keys() == {"default", "other", "elsewhere"}
        assert (projects["other"]["spans"], projects["other"]["hours"]) == (30, 30)
        for project in projects:
            query = SpanQuery(project=project, limit=9_999)
            assert new.traces(query) == old.traces(query)
            scores = ScoreQuery(project=project, limit=9_999)
            assert new.scores(scores) == old.scores(scores)
        cursor, late = old.last_seq(), sample_span()
        assert new.append([late]).result(timeout=60) == Written(1, 0)
        assert [item.span for item in new.spans_after(cursor, limit=9)] == [late]


@clickhouse
def test_what_a_move_did_is_told_by_project_and_a_second_one_copies_nothing(
    data: Path, clickhouse_database: str
) -> None:
    result = move(data, "--telemetry-url", clickhouse_database)
    assert result.exit_code == 0, result.output
    assert "the same in both stores, by count and digest of" in result.stdout
    assert "spans copied" in result.stderr
    assert "spans compared" in result.stderr
    assert "other" in result.stdout
    again = move(data, "--telemetry-url", clickhouse_database)
    assert "; 0 spans were copied now" in again.stdout


@clickhouse
@pytest.mark.slow
def test_a_move_that_is_killed_carries_on_and_doubles_nothing(
    tmp_path: Path, clickhouse_database: str, connection: Connection
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    spans = [sample_span(start_ns=NOON + n * HOUR_NS, input=f"number {n}") for n in range(12_000)]
    with closing(telemetry(data)) as old:
        old.append(spans, [sample_score()]).result(timeout=60)
    command = [sys.executable, "-m", "trimtab", "admin", "move", "--data", str(data)]
    command += ["--telemetry-url", clickhouse_database]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            if line.startswith("spans copied") and "/12000" in line and " 0/" not in line:
                process.kill()
                break
    assert process.wait(30) == -9
    counts = "SELECT count(), uniqExact(seq), uniqExact(trace_id, span_id) FROM spans"
    [(there, *_)] = connection.ask(counts).rows
    assert 0 < there < 12_000, "it was killed in the middle"
    told = moved(data, "--telemetry-url", clickhouse_database)["telemetry"]
    assert told["spans"] == 12_000
    assert 0 < told["written"] <= 12_000 - there
    assert connection.ask(counts).rows == [(12_000, 12_000, 12_000)]


@clickhouse
def test_what_is_missing_in_the_new_store_is_copied_by_the_next_move(
    data: Path, clickhouse_database: str, connection: Connection
) -> None:
    moved(data, "--telemetry-url", clickhouse_database)
    connection.run("DELETE FROM spans WHERE project = 'other'")
    assert moved(data, "--telemetry-url", clickhouse_database)["telemetry"]["written"] == 30


@clickhouse
def test_an_insert_that_came_in_twice_is_settled(
    data: Path, clickhouse_database: str, connection: Connection
) -> None:
    first = moved(data, "--telemetry-url", clickhouse_database)["telemetry"]
    connection.run("INSERT INTO spans SELECT * FROM spans WHERE project = 'other'")
    again = moved(data, "--telemetry-url", clickhouse_database)["telemetry"]
    assert again == first | {"written": 0}


@clickhouse
def test_a_new_store_that_says_something_else_is_told_by_its_hour(
    data: Path, clickhouse_database: str, connection: Connection
) -> None:
    moved(data, "--telemetry-url", clickhouse_database)
    connection.run(
        "ALTER TABLE spans UPDATE output = '\"other\"' WHERE seq IN"
        " (SELECT min(seq) FROM spans WHERE project = 'other')"
    )
    result = move(data, "--telemetry-url", clickhouse_database)
    assert result.exit_code == 4
    assert "the spans of 'other' at 20" in result.output
    assert "1 (" in result.output


@postgres
def test_the_metadata_are_moved_and_go_on_from_there(data: Path, postgres_database: str) -> None:
    told = moved(data, "--metadata-url", postgres_database)
    assert told["telemetry"] is None
    rows = {one["table"]: one["rows"] for one in told["metadata"]}
    assert rows["releases"] == 2
    assert (rows["contents"], rows["row_packs"]) == (1, 1)
    assert (rows["run_results"], rows["calibration_cards"]) == (2, 1)
    assert moved(data, "--metadata-url", postgres_database) == told
    with (
        closing(SQLMetadata.open(f"sqlite:///{data / 'metadata.db'}")) as old,
        closing(SQLMetadata.open(postgres_database)) as new,
    ):
        assert new.prompts.list("default") == old.prompts.list("default")
        assert new.releases.list("default") == old.releases.list("default")
        assert new.datasets.examples("default", "golden") == old.datasets.examples(
            "default", "golden"
        )
        assert new.runs.get("default", "run-1") == old.runs.get("default", "run-1")
        results = list(old.runs.results("default", "run-1"))
        assert len(results) == 600
        assert list(new.runs.results("default", "run-1")) == results
        assert new.cards.list("default") == old.cards.list("default") == [sample_card()]
        assert new.cursors.get("scoring.online") == 77
        assert new.releases.revision() == old.releases.revision()
        for table in ("prompt_labels", "prompt_entries", "plans", "plan_runs", "plan_steps"):
            assert rows[table] == 1
        assert (rows["route_shares"], rows["probes"], rows["probe_looks"]) == (1, 1, 1)
        assert new.prompts.entries("default") == old.prompts.entries("default")
        assert new.plans.steps("default", "p1") == old.plans.steps("default", "p1")
        assert new.shares.all() == old.shares.all()
        assert list(new.probes.looks("default", "names")) == [sample_look()]
        assert [entry.action for entry in new.audit("default")] == [
            entry.action for entry in old.audit("default")
        ]
        added = new.datasets.add("default", "more", sample_examples("c"), note="", created_ns=2)
        assert new.datasets.examples("default", added.ref) == sample_examples("c")


@postgres
def test_metadata_are_not_mixed_with_others(data: Path, postgres_database: str) -> None:
    with closing(SQLMetadata.open(postgres_database)) as new:
        new.prompts.add(sample_prompt("Something else."))
        before = new.prompts.list("default")
        result = move(data, "--metadata-url", postgres_database)
        assert result.exit_code == 4
        assert "do not hold the same" in result.output
        assert new.prompts.list("default") == before
        assert new.releases.list("default") == []


def test_a_move_to_nowhere_and_from_nothing_say_what_to_do(data: Path) -> None:
    nowhere = move(data)
    assert nowhere.exit_code == 2
    assert "--telemetry-url URL" in nowhere.output
    nothing = move(data / "none", "--telemetry-url", "clickhouse://db/t")
    assert nothing.exit_code == 2
    assert "there is no data directory" in nothing.output
    (data / "empty").mkdir()
    empty = move(data / "empty", "--telemetry-url", "clickhouse://127.0.0.1:1/t")
    assert empty.exit_code == 2
    assert "there is nothing to move" in empty.output


def test_a_directory_that_is_in_use_is_not_moved(data: Path) -> None:
    with datadir.acquire(data, url="http://127.0.0.1:1"):
        result = move(data, "--telemetry-url", "clickhouse://127.0.0.1:1/t")
    assert result.exit_code == 2
    assert "http://127.0.0.1:1" in result.output
