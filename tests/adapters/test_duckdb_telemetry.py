"""Telemetry on DuckDB: locks, versions, payloads, full disks and crashes."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path
from threading import Event

import duckdb
import pytest
from msgspec.structs import replace

from trimtab.errors import InvalidRequest, NotDurable, StoreError, StoreLocked, StoreTooNew
from trimtab.ports import Cost, Erasure, ScoreQuery, SpanQuery, Written
from trimtab.records import Usage
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry, engine, packs, statements, upkeep
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.duckdb.schema import migrations, upgrade
from trimtab.stores.telemetry.migrations import Migration
from trimtab.stores.telemetry.queries import ROLLUP_SUMS
from trimtab.stores.telemetry.rows import UNPRICED
from trimtab.testing.telemetry import sample_score, sample_span
from trimtab.testing.telemetry_reads import HOUR_NS, NOON

HERE = Path(__file__).parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.duckdb"


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture
def store(path: Path, blobs: FileBlobs) -> Iterator[DuckDBTelemetry]:
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        yield store


def add(store: DuckDBTelemetry, *spans) -> Written:
    return store.append(spans).result(timeout=60)


def query(path: Path, sql: str) -> list[tuple]:
    """Ask the database file itself, while no store has it open."""
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def run_python(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )


# -- who may open it -----------------------------------------------------------------------------


def test_a_second_store_in_the_same_process_is_refused(store, path, blobs):
    with pytest.raises(StoreLocked) as caught:
        DuckDBTelemetry.open(path, blobs=blobs)
    assert caught.value.fields == {"pid": os.getpid()}
    add(store, sample_span())


def test_a_second_process_is_told_who_holds_the_store(store, path, blobs):
    # Closing any file drops all locks DuckDB holds on it; ours must not go with them.
    path.open("rb").close()
    script = (
        "import sys; from pathlib import Path\n"
        "from trimtab.errors import StoreLocked\n"
        "from trimtab.stores.blobs.files import FileBlobs\n"
        "from trimtab.stores.telemetry.duckdb import DuckDBTelemetry\n"
        "try: DuckDBTelemetry.open(Path(sys.argv[1]), blobs=FileBlobs(Path('unused')))\n"
        "except StoreLocked as error: sys.stdout.write(f'{error.fields} {error}')\n"
    )
    child = run_python("-c", script, path)
    assert child.stdout.startswith(f"{{'pid': {os.getpid()}}} the telemetry store is in use")
    assert str(path) in child.stdout


def test_a_file_held_by_another_program_is_locked_too(path, blobs):
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreLocked) as caught:
            DuckDBTelemetry.open(path, blobs=blobs)
        assert caught.value.fields == {"pid": holder.pid}
        holder.communicate("\n")
    DuckDBTelemetry.open(path, blobs=blobs).close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path, blobs):
    path.write_bytes(b"my thesis" * 1_000)
    with pytest.raises(StoreError, match="cannot be opened"):
        DuckDBTelemetry.open(path, blobs=blobs)
    assert path.read_bytes() == b"my thesis" * 1_000


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path, blobs):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be opened"):
        DuckDBTelemetry.open(tmp_path / "file" / "t.duckdb", blobs=blobs)


# -- schema --------------------------------------------------------------------------------------


def change_schema(path: Path, sql: str) -> None:
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(sql)


def test_a_store_of_a_newer_version_is_refused_with_both_versions(store, path, blobs):
    store.close()
    change_schema(path, "INSERT INTO schema_migrations VALUES (9999, 'later', 'abc', 0)")
    with pytest.raises(StoreTooNew) as caught:
        DuckDBTelemetry.open(path, blobs=blobs)
    assert caught.value.fields == {"found": 9999, "supported": migrations()[-1].number}
    # A refusal holds on to nothing.
    change_schema(path, "DELETE FROM schema_migrations WHERE number = 9999")
    DuckDBTelemetry.open(path, blobs=blobs).close()


def test_a_migration_applied_with_another_text_is_refused(store, path, blobs):
    store.close()
    change_schema(path, "UPDATE schema_migrations SET checksum = 'other' WHERE number = 1")
    with pytest.raises(StoreError, match="0001_foundation was applied with another text"):
        DuckDBTelemetry.open(path, blobs=blobs)


def test_a_failed_migration_leaves_the_schema_as_it_was(blobs):
    first = Migration(1, "first", "CREATE TABLE one (n INTEGER)")
    broken = Migration(2, "broken", "CREATE TABLE two (n INTEGER); CREATE TABLE one (n INTEGER)")
    with closing(duckdb.connect()) as connection:
        with pytest.raises(duckdb.CatalogException):
            upgrade(
                connection,
                [first, broken],
                place="memory",
                blobs=blobs,
                files=PackFiles(blobs.root),
            )
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        assert sorted(tables) == [("one",), ("schema_migrations",)]
        mended = replace_sql(broken, "CREATE TABLE two (n INTEGER)")
        upgrade(
            connection, [first, mended], place="memory", blobs=blobs, files=PackFiles(blobs.root)
        )
        assert connection.execute("SELECT count(*) FROM two").fetchall() == [(0,)]


def replace_sql(migration: Migration, sql: str) -> Migration:
    return migration._replace(sql=sql)


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.name)
def test_migrations_add_or_move_aside(migration):
    assert not re.search(r"\b(DROP|TRUNCATE|DELETE)\b", migration.sql, re.IGNORECASE)
    assert set(re.findall(r"RENAME TO (\w+);", migration.sql)) <= {
        "spans_0001",
        "payloads_0001",
        "scores_0001",
    }


OLD_ROWS = """
    INSERT INTO payloads VALUES
        (1, unhex('aa'), '{"role":"user","content":"Why?"}'), (2, unhex('bb'), '"Because."'),
        (3, unhex('{digest}'), NULL);
    INSERT INTO spans (seq, identity, trace_id, span_id, project, name, kind, start_ns, end_ns,
        status, model, input_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens,
        audio_output_tokens, usage_estimated, cost_usd, input_payloads, input_is_list,
        output_payloads, output_is_list, input_preview, output_preview, tags, attributes, events)
    SELECT n, uuid(), repeat('a', 31) || (n % 10)::VARCHAR, lpad(n::VARCHAR, 16, '0'), 'default',
        'chat', 'llm', 1_000 + n, 2_000 + n, 'ok', 'model-a', 1, 2, 0, 0, 0, 3, 0, 0, false, 0.5,
        [1], true, CASE WHEN n = 7 THEN [3] ELSE [2] END, false, 'Why?', 'Because.', ['t'],
        '{"a":1}', '[]'
    FROM range(1, 4501) AS r(n)"""


OLD_SCORES = """
    INSERT INTO scores (score_id, project, target_kind, target_id, target_trace_id, name, status,
        value, evidence, source, scorer_version, digest, cost_usd, time_ns, metadata)
    SELECT 's' || n, 'default', 'span', lpad(n::VARCHAR, 16, '0'), repeat('a', 32), 'exact',
        'scored', n / 10, ['seen'], 'code', '1', 'd', 0.25, n, '{"a":1}'
    FROM range(1, 11) AS r(n)"""


def test_a_store_of_schema_1_is_carried_over_whole(path, blobs):
    large = "x" * 70_000
    digest = blobs.put(f'"{large}"'.encode())
    with closing(duckdb.connect(str(path))) as connection:
        upgrade(
            connection,
            migrations()[:1],
            place="old",
            blobs=blobs,
            files=PackFiles(path.parent / "none"),
        )
        connection.execute(OLD_ROWS.replace("{digest}", digest))
        connection.execute(OLD_SCORES)
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        assert store.span_count() == 4_500
        seventh = store.span("default", "a" * 31 + "7", "7".zfill(16))
        assert (seventh.start_ns, seventh.end_ns, seventh.tags) == (1_007, 2_007, ("t",))
        assert (seventh.input, seventh.output) == ([{"role": "user", "content": "Why?"}], large)
        assert (seventh.usage, seventh.cost_source) == (
            Usage(input=1, cache_read=2, output=3),
            "table",
        )
        assert store.overview("default", since_ns=0, until_ns=HOUR_NS).calls == 4_500
        scores = store.scores(ScoreQuery())
        assert [score.score_id for score in scores] == [f"s{n}" for n in range(10, 0, -1)]
        assert (scores[0].value, scores[0].evidence, scores[0].metadata) == (1, ("seen",), {"a": 1})
        theirs = replace(scores[0], project="other")
        assert store.append(scores=[theirs, scores[1]]).result(timeout=60) == Written(0, 1)
        assert store.scores(ScoreQuery()) == scores
    assert query(path, "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%_0001'") == [
        (0,)
    ]


# -- payloads ------------------------------------------------------------------------------------


def test_spans_of_an_append_share_a_pack_that_is_much_smaller_than_they_are(store, path):
    history = [{"role": "user", "content": f"turn {turn} " * 20} for turn in range(40)]
    spans = [sample_span(input=history[: n + 1], output="the same answer") for n in range(40)]
    add(store, *spans)
    store.close()
    [(count, raw, stored)] = query(path, "SELECT count(*), sum(raw_bytes), sum(length) FROM packs")
    assert count == 1
    assert stored < raw / 20


def test_large_payloads_lie_in_the_blob_store(store, path, blobs):
    large = "x" * 70_000
    span = sample_span(input=["small", large], output=large)
    add(store, span)
    assert store.trace("default", span.trace_id) == [span]
    store.close()
    assert query(path, "SELECT max(raw_bytes) < 1000 FROM packs") == [(True,)]
    [(digest,)] = query(path, "SELECT DISTINCT digest FROM blob_refs")
    assert blobs.get(digest).decode() == f'"{large}"'


def test_small_packs_are_gathered_and_their_spans_stay_readable(path, blobs, monkeypatch):
    monkeypatch.setattr(upkeep, "_CHECK_EVERY", 4)
    monkeypatch.setattr(upkeep, "_SMALL_PACKS", 8)
    spans = [sample_span(input=f"question {n}") for n in range(60)]
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        for span in spans:
            add(store, span)
        assert [span for _, span in store.spans_after(0, limit=100)] == spans
        store.erase(Erasure(project="default", trace_ids=(spans[3].trace_id,)))
        assert [span for _, span in store.spans_after(0, limit=100)] == spans[:3] + spans[4:]
    [(bodies,)] = query(path, "SELECT count(file) FROM packs")
    assert bodies < 20


def test_a_missing_payload_is_an_error(store, path, blobs):
    span = sample_span()
    add(store, span)
    store.close()
    change_schema(path, "DELETE FROM packs")
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as again:
        with pytest.raises(StoreError, match="payloads of 1 spans are missing"):
            again.trace("default", span.trace_id)
        assert again.traces(SpanQuery())[0].trace_id == span.trace_id


# -- figures kept by hour ------------------------------------------------------------------------


def test_figures_stay_right_through_rolling_up_replacing_pricing_and_erasing(
    path, blobs, monkeypatch
):
    monkeypatch.setattr(upkeep, "_ROLL_SPANS", 50)

    def figures(store):
        found = store.overview("default", since_ns=NOON - HOUR_NS // 2, until_ns=NOON + 5 * HOUR_NS)
        return found.spans, found.calls, found.errors, found.cost_usd, found.traces

    def expected(spans):
        calls = [span for span in spans if span.kind == "llm"]
        cost = sum((span.cost_usd for span in calls if span.cost_usd), Decimal(0))
        errors = sum(span.status == "error" for span in calls)
        return len(spans), len(calls), errors, cost, sum(s.parent_id is None for s in spans)

    spans = {}
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        for n in range(200):
            kind = "tool" if n % 3 == 0 else "llm"
            span = sample_span(start_ns=NOON + n * HOUR_NS // 50, end_ns=NOON + n * HOUR_NS // 50)
            spans[n] = replace(
                span, kind=kind, status="error" if n % 7 == 0 else "ok", user=f"u{n}"
            )
            add(store, spans[n])
        assert figures(store) == expected(spans.values())
        for n in (10, 150, 199):
            spans[n] = replace(spans[n], revision=1, status="error", cost_usd=None)
            assert add(store, spans[n]) == Written(1, 0)
        assert figures(store) == expected(spans.values())
        prices = [Cost(s.trace_id, s.span_id, Decimal("0.5")) for s in list(spans.values())[:120]]
        assert store.set_costs("default", prices) == 120
        for n in range(120):
            spans[n] = replace(spans[n], cost_usd=Decimal("0.5"))
        assert figures(store) == expected(spans.values())
        erased = store.erase(Erasure(project="default", users=("u11", "u160", "nobody")))
        assert (erased.spans, erased.traces, erased.remaining) == (2, 2, 0)
        del spans[11], spans[160]
        assert figures(store) == expected(spans.values())
        store.compact()
        assert figures(store) == expected(spans.values())


def test_sums_that_counted_failed_calls_as_unpriced_are_corrected(path, blobs, monkeypatch):
    before = "(kind = 'llm' AND cost_usd IS NULL)"
    failed = {"status": "error", "usage": None, "cost_usd": None}
    kinds = [{}, {"cost_usd": None}, failed, failed | {"status": "ok"}, failed | {"kind": "tool"}]
    kinds += [failed | {"run": "r1"}, failed | {"usage": Usage(input=1)}, failed]
    spans = [
        replace(sample_span(start_ns=NOON + hour * HOUR_NS + n, user=f"u{hour}-{n}"), **kind)
        for hour in range(3)
        for n, kind in enumerate(kinds)
    ]

    def unpriced(spans):
        return sum(s.is_unpriced for s in spans if s.kind == "llm" and s.run is None)

    def found(store):
        return store.overview("default", since_ns=NOON, until_ns=NOON + 4 * HOUR_NS).unpriced

    with monkeypatch.context() as earlier:
        earlier.setattr(engine, "migrations", lambda: migrations()[:2])
        earlier.setattr(upkeep, "_ROLL_SPANS", 16)
        earlier.setattr(statements, "ROLLUP_SUMS", ROLLUP_SUMS.replace(UNPRICED, before))
        with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
            add(store, *spans[:16])
            add(store, *spans[16:])  # not summed yet
    summed = "SELECT sum(unpriced), sum(spans) FROM rollups"
    assert query(path, summed) == [(10, 14)]
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        assert found(store) == unpriced(spans) == 9
        store.erase(Erasure(project="default", users=("u0-2", "u1-1")))
        assert found(store) == 8
        assert store.set_costs("default", [Cost(s.trace_id, s.span_id, None) for s in spans]) == 3
        assert found(store) == 11
    assert query(path, summed) == [(7, 12)]
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        store.compact()
        assert found(store) == 11


# -- erasing -------------------------------------------------------------------------------------


def test_what_is_erased_is_gone_from_the_disk(path, blobs):
    secret = "the launch code is 4711"
    large = f"{secret} " * 5_000
    shared = "y" * 70_000
    kept = sample_span(input=shared)
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        gone = sample_span(user="ada", input=secret, output=[large, shared])
        score = sample_score(target=replace(sample_score().target, id=gone.span_id))
        score = replace(score, target=replace(score.target, trace_id=gone.trace_id))
        store.append([kept, gone], [score]).result(timeout=60)
        erased = store.erase(Erasure(project="default", users=("ada",)))
        assert (erased.spans, erased.scores, erased.remaining) == (1, 1, 0)
        assert len(erased.blobs) == 1
        compacted = store.compact()
        assert compacted.after_bytes > 0
        assert store.trace("default", gone.trace_id) == []
        assert store.trace("default", kept.trace_id) == [kept]
    [(at, length)] = query(path, "SELECT at_byte, length FROM packs")
    [file] = (path.parent / "t.packs").iterdir()
    data = file.read_bytes()
    # What is kept is all there is: the rest of the file is zeros.
    assert secret.encode() not in packs.decompress(data[at : at + length])
    assert not any(data[:at] + data[at + length :])
    assert [file.stem for file in blobs.root.rglob("*.zst")] == [blobs.put(f'"{shared}"'.encode())]


def test_a_backup_of_a_store_in_use_opens_as_a_store(store, tmp_path, blobs):
    spans = [sample_span() for _ in range(50)]
    add(store, *spans)
    store.backup(tmp_path / "backup")
    add(store, sample_span())
    file = tmp_path / "backup" / "telemetry.duckdb"
    with closing(DuckDBTelemetry.open(file, blobs=blobs)) as copy:
        assert [span for _, span in copy.spans_after(0, limit=100)] == spans


def test_a_missing_blob_is_an_error_that_names_it(store, blobs):
    span = sample_span(output="x" * 70_000)
    add(store, span)
    [digest] = [file.stem for file in blobs.root.rglob("*.zst")]
    blobs.delete(digest)
    with pytest.raises(StoreError, match="missing from the blob store") as caught:
        store.trace("default", span.trace_id)
    assert caught.value.where == digest
    # Lists need no payloads.
    assert store.traces(SpanQuery())[0].trace_id == span.trace_id


def test_a_version_that_keeps_a_blob_of_the_one_it_replaces_keeps_it_on_disk(store, blobs):
    first = sample_span(input="x" * 70_000, output="y" * 70_000, revision=-5, open=True)
    second = replace(first, revision=0, open=False, output="short")
    add(store, first)
    add(store, second)
    assert store.trace("default", first.trace_id) == [second]
    assert len(list(blobs.root.rglob("*.zst"))) == 1


def test_a_blob_store_that_refuses_costs_only_the_append_that_needs_it(store, blobs):
    (blobs.root).write_bytes(b"a file where the directory should be")
    refused = store.append([sample_span(), sample_span(output="x" * 70_000)])
    accepted = store.append([sample_span()])
    with pytest.raises(NotDurable, match="payload"):
        refused.result(timeout=60)
    assert accepted.result(timeout=60) == Written(spans=1, scores=0)
    assert store.span_count() == 1


# -- writing -------------------------------------------------------------------------------------


class GatedBlobs(FileBlobs):
    """Lets a test hold the writer in the middle of an append, so that others queue behind it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.opened = Event(), Event()

    def put(self, data: bytes) -> str:
        self.reached.set()
        assert self.opened.wait(timeout=60)
        return super().put(data)


@pytest.fixture
def gate(tmp_path: Path) -> GatedBlobs:
    return GatedBlobs(tmp_path / "gated")


@pytest.fixture
def held(path: Path, gate: GatedBlobs) -> Iterator[DuckDBTelemetry]:
    """A store whose writer waits for the gate to open."""
    with closing(DuckDBTelemetry.open(path, blobs=gate)) as store:
        store.append([sample_span(output="x" * 70_000)])
        assert gate.reached.wait(timeout=60)
        yield store


def test_one_bad_append_of_a_group_fails_alone(held, gate):
    # The name is required by the database, so this is noticed only inside the transaction.
    appends = [[sample_span(), sample_span()] for _ in range(60)]
    appends[30].append(replace(sample_span(), name=None))
    futures = [held.append(spans) for spans in appends]
    gate.opened.set()
    with pytest.raises(InvalidRequest):
        futures.pop(30).result(timeout=60)
    assert [future.result(timeout=60) for future in futures] == [Written(2, 0)] * 59
    assert held.span_count() == 1 + 118


def test_a_cancelled_append_that_was_not_begun_is_not_written(held, gate):
    futures = [held.append([sample_span()]) for _ in range(20)]
    assert all(future.cancel() for future in futures[::2])
    gate.opened.set()
    assert [future.result(timeout=60) for future in futures[1::2]] == [Written(1, 0)] * 10
    assert held.span_count() == 1 + 10


def test_something_that_is_no_record_fails_its_append_and_not_the_writer(store):
    with pytest.raises(AttributeError):
        store.append(["no span"]).result(timeout=60)
    assert add(store, sample_span()) == Written(spans=1, scores=0)


def test_a_read_under_way_does_not_hold_up_writes_nor_see_them(store):
    add(store, sample_span())
    with store._engine.reading() as cursor:
        assert cursor.execute("SELECT count(*) FROM spans").fetchall() == [(1,)]
        add(store, sample_span())
        assert cursor.execute("SELECT count(*) FROM spans").fetchall() == [(1,)]
    assert store.span_count() == 2


def test_the_database_loads_nothing_from_the_network(store):
    with store._engine.reading() as cursor:
        settings = cursor.execute(
            "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions'"
        ).fetchall()
    assert sorted(settings) == [
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
    ]


# -- when the disk or the process fails ----------------------------------------------------------


@pytest.mark.parametrize("threshold", ["64MB", "500KB"], ids=["in the log", "in a checkpoint"])
def test_a_full_disk_refuses_writes_and_loses_nothing(path, blobs, threshold):
    child = run_python(HERE / "telemetry_full_disk.py", path.parent, threshold)
    assert child.returncode == 0, child.stderr
    said = json.loads(child.stdout)
    assert len(said["refused"]) == 1
    assert "free space" in said["refused"][0]
    assert "free space" in said["ping_when_full"]
    assert said["readable"]
    assert said["ping_after"] is None
    assert said["works_again"]
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        stored = [span.span_id for _, span in store.spans_after(0, limit=1_000)]
        assert [span_id for span_id in stored if span_id in said["kept"]] == said["kept"]
        assert len(stored) - len(said["kept"]) in (0, 1)


def test_killing_the_process_at_any_moment_loses_nothing_acknowledged(path, blobs):
    chance = random.Random(7)
    acknowledged: list[str] = []
    for round_number in range(6):
        child = subprocess.Popen(
            [sys.executable, HERE / "telemetry_process.py", path.parent, str(round_number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = iter(child.stdout.readline, "")
        said = [next(lines)]
        said += islice(lines, chance.randrange(100))
        child.kill()
        said += lines
        child.wait()
        child.stdout.close()
        for line in said:
            if line.endswith("\n"):
                acknowledged += json.loads(line)
    with closing(DuckDBTelemetry.open(path, blobs=blobs)) as store:
        check_after_crashes(store, acknowledged)


def check_after_crashes(store: DuckDBTelemetry, acknowledged: list[str]) -> None:
    """Everything promised is there once, whole and in order; saying it all again adds nothing."""
    span_named = load("telemetry_process").span_named
    found = store.spans_after(0, limit=1_000_000)
    names = [span.name for _, span in found]
    assert len(acknowledged) > 100
    assert len(names) == len(set(names)) == store.span_count()
    assert set(acknowledged) <= set(names)
    assert all(span == span_named(span.name) for _, span in found)
    assert len({seq for seq, _ in found}) == len(found)
    assert add(store, *(span_named(name) for name in acknowledged)) == Written(0, 0)
    assert add(store, span_named("999.0.0")) == Written(1, 0)
    assert store.spans_after(found[-1].seq, limit=9)[0].span.name == "999.0.0"


def load(name: str):
    """A module beside this one."""
    spec = spec_from_file_location(name, HERE / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
