"""What is particular to the metadata store in SQL: schema, errors, crashes, and several at once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, event, func, inspect, select, text

from trimtab.errors import (
    ConfigError,
    Conflict,
    InvalidRequest,
    MissingExtra,
    NotDurable,
    NotFound,
    StoreError,
    StoreTooNew,
)
from trimtab.kit import jsonx
from trimtab.kit.hashing import digest
from trimtab.records import AppliedScorer, ApprovedModel, Example
from trimtab.records.example import examples_digest
from trimtab.stores.metadata.address import parse
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.places import read_spans
from trimtab.stores.metadata.releases import SQLReleases
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.stores.metadata.tables import METADATA, VERSION_TABLE, contents, row_blocks, row_packs
from trimtab.stores.metadata.upgrade import HEAD, steps, stored_revision
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata import (
    approve,
    sample_prompt,
    sample_release,
)
from trimtab.testing.metadata_access import sample_allowance, sample_key, sample_route
from trimtab.testing.metadata_datasets import sample_examples
from trimtab.testing.metadata_runs import sample_card, sample_result
from trimtab.testing.metadata_samples import sample_probe

SECRET = "correct-horse"  # the password of every URL here, as in tests/services.py


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/metadata.db"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def store(url: str) -> Iterator[SQLMetadata]:
    with closing(SQLMetadata.open(url)) as store:
        yield store


def run_sql(store: SQLMetadata, *statements: str) -> None:
    with store._database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def bring_to(database: Database, revision: str) -> None:
    """Run the steps from nothing to a revision."""
    with database.write() as connection:
        script = steps()
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        with Operations.context(context):
            for step in reversed(list(script.iterate_revisions(revision, "base"))):
                step.module.upgrade()
                context.stamp(script, step.revision)


def write_former_datasets(connection: Connection, told: list[list[Example]]) -> None:
    """Versions of `golden` as they were stored up to the schema 0003."""
    connection.execute(text("INSERT INTO heads VALUES ('default', 'dataset', 'golden', 2)"))
    for version, rows in enumerate(told, start=1):
        record = {"name": "golden", "version": version, "project": "default", "size": len(rows)}
        record |= {"digest": examples_digest(rows), "created_ns": 1, "note": ""}
        fields = {"version": version, "digest": record["digest"]}
        connection.execute(
            text(
                "INSERT INTO datasets (project, name, version, digest, body)"
                " VALUES ('default', 'golden', :version, :digest, :body)"
            ),
            fields | {"body": jsonx.encode(record).decode()},
        )
        for position, row in enumerate(rows):
            one = {"dataset": version, "position": position, "digest": digest(row)}
            connection.execute(
                text(
                    "INSERT INTO example_rows VALUES ('default', :digest, :body)"
                    " ON CONFLICT DO NOTHING"
                ),
                one | {"body": jsonx.encode(row).decode()},
            )
            connection.execute(
                text("INSERT INTO dataset_rows VALUES ('default', :dataset, :position, :digest)"),
                one,
            )


def write_former_prompts(connection: Connection, told: dict[str, list[tuple[str, ...]]]) -> None:
    """Versions as they were stored up to the schema 0005: name -> the labels of each."""
    for name, versions in told.items():
        head = "INSERT INTO heads VALUES ('default', 'prompt', :name, :latest)"
        connection.execute(text(head), {"name": name, "latest": len(versions)})
        for number, labels in enumerate(versions, start=1):
            one = sample_prompt(f"text {number}", name=name, version=number, labels=labels)
            body = jsonx.encode(one).decode()
            connection.execute(
                text("INSERT INTO prompts VALUES ('default', :name, :version, :digest, :body)"),
                {"name": name, "version": number, "digest": one.digest, "body": body},
            )


FORMER_RUN = {
    "run_id": "r",
    "project": "default",
    "name": "Größe \U0001f600",
    "dataset": "golden@1",
    "dataset_digest": "d",
    "scorers": ["f1", "exact"],
    "status": "done",
    "started_ns": 7,
    "metrics": {
        "f1": {"value": 0.30000000000000004, "low": None, "high": None, "n": 3, "total": 3}
    },
    "cost_usd": "0.10",
}


class FixedClock:
    def now_ns(self) -> int:
        return 42

    def monotonic_ns(self) -> int:
        return 42


class TestSchema:
    def test_the_head_constant_is_the_newest_step(self) -> None:
        assert steps().get_current_head() == HEAD

    def test_the_steps_build_exactly_the_tables_that_are_declared(self, store: SQLMetadata) -> None:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        with store._database.read() as connection:
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, METADATA) == []

    def test_runs_of_the_schema_before_scorers_had_digests_are_read_as_they_were(
        self, url: str
    ) -> None:
        with closing(Database(parse(url))) as database:
            bring_to(database, "0002")
            with database.write() as connection:
                body = text("INSERT INTO runs VALUES ('default', 'r', 'done', 7, :body)")
                connection.execute(body, {"body": jsonx.encode(FORMER_RUN).decode()})
        with closing(SQLMetadata.open(url)) as store:
            (run,) = store.runs.list("default", name="Größe \U0001f600")
            assert [scorer.name for scorer in run.scorers] == ["f1", "exact"]
            assert run.scorers[0] == AppliedScorer(name="f1")
            assert run.metrics["f1"].value == 0.30000000000000004
            assert run.cost_usd == Decimal("0.10")
            store.runs.append("default", "r", [sample_result()])
            assert list(store.runs.results("default", "r")) == [sample_result()]

    def test_datasets_of_the_schema_with_a_row_each_are_read_as_they_were_and_counted(
        self, url: str
    ) -> None:
        rows = [
            Example(
                example_id=f"{n}",
                input=f"Größe\u2028{n % 1000}",
                split="test" if n % 2 else None,
                cluster=f"c{n // 4}",
                source_span=f"{n:016x}" if n < 3 else None,
            )
            for n in range(1200)
        ]
        told = [rows, [*rows[:5], replace(rows[5], expected="changed"), *rows[6:][::-1]]]
        with closing(Database(parse(url))) as database:
            bring_to(database, "0003")
            with database.write() as connection:
                write_former_datasets(connection, told)
        with closing(SQLMetadata.open(url)) as store:
            assert stored_row_count(store) == 1201
            for version, expected in enumerate(told, start=1):
                dataset = store.datasets.get("default", f"golden@{version}")
                assert store.datasets.examples("default", dataset.ref) == expected
                assert (dataset.splits, dataset.clusters) == ({"test": 600}, 300)
                assert (dataset.duplicates, dataset.linked) == (200, 3)
                again = store.datasets.add("default", "copy", expected, note="", created_ns=1)
                assert replace(again, name="golden", version=version) == dataset
            added = store.datasets.add("default", "golden", rows[:7], note="", created_ns=3)
            assert added.version == 3

    @pytest.mark.parametrize("revision", [step.revision for step in steps().walk_revisions()][1:])
    def test_a_database_of_an_earlier_schema_is_brought_up_to_date_with_what_it_holds(
        self, url: str, revision: str
    ) -> None:
        """Written by the code of today, which uses only tables that the first schema had."""
        database = Database(parse(url))
        bring_to(database, revision)
        assert stored_revision(database) == revision
        SQLReleases(database, Audit(database, FixedClock())).add(sample_release())
        database.close()
        with closing(SQLMetadata.open(url)) as store:
            store.ping()
            assert store.releases.get("default", "r1") == sample_release(version=1)
            assert [entry.action for entry in store.audit("default")] == ["release.add"]
            assert store.gateway_revision() == 0
            store.keys.add(sample_key(), by="ann")
            assert store.keys.all() == [sample_key()]

    def test_labels_that_stood_in_versions_point_to_the_newest_that_had_them(
        self, url: str
    ) -> None:
        told = {
            "docs": [("production", "eu"), ("production", "latest", "2", "a b"), ("größe",)],
            "mail": [(), ("production",)],
        }
        with closing(Database(parse(url))) as database:
            bring_to(database, "0005")
            with database.write() as connection:
                write_former_prompts(connection, told)
        with closing(SQLMetadata.open(url)) as store:
            assert store.prompts.entry("default", "docs").labels == {
                "eu": 1,
                "production": 2,
                "größe": 3,
            }
            assert store.prompts.get("default", "mail@production").version == 2
            found = {one.ref: one.labels for one in store.prompts.all()}
            assert found["docs@1"] == ("eu",)
            assert found["docs@2"] == ("production",)
            store.prompts.label("default", "docs", "production", 3, by="ann")
            assert store.prompts.get("default", "docs@2").labels == ()
            added = store.prompts.add(sample_prompt("new", labels=("eu",)))
            assert (added.version, added.labels) == (4, ("eu",))

    def test_a_version_keeps_no_labels_of_its_own(self, store: SQLMetadata) -> None:
        store.prompts.add(sample_prompt(labels=("production",)))
        with store._database.read() as connection:
            (body,) = connection.execute(text("SELECT body FROM prompts")).scalars()
        assert "production" not in body

    def test_the_database_itself_allows_one_live_release_per_route(
        self, store: SQLMetadata
    ) -> None:
        for number in (1, 2):
            store.releases.add(sample_release(f"r{number}", model=f"m{number}"))
        run_sql(store, "UPDATE releases SET state = 'live' WHERE release_id = 'r1'")
        with pytest.raises(Conflict):
            run_sql(store, "UPDATE releases SET state = 'live' WHERE release_id = 'r2'")

    def test_rows_of_a_content_that_is_not_there_are_refused(self, store: SQLMetadata) -> None:
        with pytest.raises(Conflict):
            run_sql(store, "INSERT INTO row_blocks VALUES (1, 0, 1, '[]')")

    def test_a_store_of_a_newer_version_is_refused_and_left_alone(
        self, url: str, store: SQLMetadata
    ) -> None:
        run_sql(store, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        with pytest.raises(StoreTooNew, match="9999") as caught:
            SQLMetadata.open(url)
        assert caught.value.fields == {"found": "9999", "supported": HEAD}
        with pytest.raises(StoreError, match="9999"):
            store.ping()
        run_sql(store, f"UPDATE {VERSION_TABLE} SET version_num = '{HEAD}'")
        store.ping()

    def test_a_step_that_fails_leaves_nothing_behind(self, url: str, store: SQLMetadata) -> None:
        METADATA.drop_all(store._database._engine)
        run_sql(store, f"DROP TABLE {VERSION_TABLE}", "CREATE TABLE audit (somebody_elses int)")
        with pytest.raises(StoreError):
            SQLMetadata.open(url)
        with store._database.read() as connection:
            assert inspect(connection).get_table_names() == ["audit"]

    def test_stores_that_open_an_empty_database_at_once_all_succeed(self, url: str) -> None:
        def use(i: int) -> int:
            with closing(SQLMetadata.open(url)) as store:
                return store.prompts.add(sample_prompt(f"text {i}")).version

        assert sorted(at_once(use, 8)) == list(range(1, 9))

    def test_opening_a_current_store_does_not_import_alembic(self, url: str) -> None:
        SQLMetadata.open(url).close()
        source = """
            import sys
            from trimtab.stores.metadata.sql import SQLMetadata
            SQLMetadata.open(sys.argv[1]).close()
            print(sorted({"alembic", "sqlalchemy.orm"} & set(sys.modules)))
        """
        assert child(source, url).stdout.strip() == "[]"


class TestSQLite:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SQLMetadata]:
        with closing(SQLMetadata.open(f"sqlite:///{tmp_path}/metadata.db")) as store:
            yield store

    def test_every_connection_is_durable_and_checks_references(self, store: SQLMetadata) -> None:
        expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}

        def settings_of(connection: Connection) -> dict[str, Any]:
            return {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in expected}

        with store._database.read() as one, store._database.read() as two:
            assert settings_of(one) == settings_of(two) == expected

    @pytest.mark.parametrize("name", ["a b.db", "a?mode=ro.db", "100%25#1.db", "é.db"])
    def test_the_path_is_taken_as_it_is(self, tmp_path: Path, name: str) -> None:
        SQLMetadata.open(f"sqlite:///{tmp_path}/{name}").close()
        assert [path.name for path in tmp_path.glob("*.db") if path.name == name] == [name]

    def test_a_file_that_is_something_else_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("These are notes, and quite a lot of them. " * 100)
        with pytest.raises(StoreError, match=r"not a metadata database.*notes\.txt"):
            SQLMetadata.open(f"sqlite:///{path}")

    def test_a_directory_that_is_missing_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"cannot be opened.*missing"):
            SQLMetadata.open(f"sqlite:///{tmp_path}/missing/metadata.db")

    def test_a_full_disk_is_an_error_and_nothing_is_half_written(self, store: SQLMetadata) -> None:
        store.datasets.add("default", "golden", sample_examples("a"), note="", created_ns=1)
        limit_every_connection(store, "PRAGMA max_page_count = 60")
        many = sample_examples(*[f"question {i} " * 20 for i in range(2000)])
        with pytest.raises(NotDurable, match="full"):
            store.datasets.add("default", "golden", many, note="", created_ns=2)
        assert store.datasets.examples("default", "golden") == sample_examples("a")
        assert store.prompts.add(sample_prompt()).version == 1

    def test_a_read_only_database_is_an_error(self, store: SQLMetadata) -> None:
        limit_every_connection(store, "PRAGMA query_only = ON")
        with pytest.raises(NotDurable, match="read-only"):
            store.prompts.add(sample_prompt())
        assert store.prompts.list("default") == []

    def test_two_stores_on_one_file_take_turns(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/metadata.db"
        with closing(SQLMetadata.open(url)) as one, closing(SQLMetadata.open(url)) as two:
            added = at_once(lambda i: (one, two)[i % 2].prompts.add(sample_prompt(f"{i}")), 40)
        assert sorted(prompt.version for prompt in added) == list(range(1, 41))


def limit_every_connection(store: SQLMetadata, pragma: str) -> None:
    store._database._engine.dispose()
    event.listen(store._database._engine, "connect", lambda raw, _: raw.execute(pragma))


@pytest.mark.postgres
class TestPostgreSQL:
    @pytest.fixture
    def store(self, postgres_database: str) -> Iterator[SQLMetadata]:
        with closing(SQLMetadata.open(postgres_database)) as store:
            yield store

    def test_two_stores_on_one_database_take_turns(
        self, store: SQLMetadata, postgres_database: str
    ) -> None:
        rows = sample_examples(*"abcdef")
        with closing(SQLMetadata.open(postgres_database)) as other:

            def work(i: int) -> tuple[int, int, int]:
                one = (store, other)[i % 2]
                order = rows[i % 6 :] + rows[: i % 6]
                dataset = one.datasets.add(
                    "default", "golden", [*order, *sample_examples(str(i))], note="", created_ns=i
                )
                release = one.releases.add(sample_release(f"r{i}", model=f"m{i}"))
                one.releases.transition("default", f"r{i}", "live", approve())
                return (
                    one.prompts.add(sample_prompt(str(i))).version,
                    dataset.version,
                    release.version,
                )

            for versions in zip(*at_once(work, 24), strict=True):
                assert sorted(versions) == list(range(1, 25))
            assert len(store.releases.live()) == 1
            assert other.releases.revision() == store.releases.revision() == 48

    def test_writers_that_add_the_same_rows_in_opposite_orders_do_not_wait_for_each_other(
        self, store: SQLMetadata
    ) -> None:
        rows = sample_examples(*[f"q{i}" for i in range(4000)])

        def add(i: int) -> int:
            order = rows if i % 2 else rows[::-1]
            return store.datasets.add("default", f"set{i}", order, note="", created_ns=1).size

        assert at_once(add, 4) == [4000] * 4

    def test_connections_the_server_dropped_are_replaced(
        self, store: SQLMetadata, postgres_url: str
    ) -> None:
        store.ping()
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'trimtab'"
            )
        assert store.prompts.add(sample_prompt()).version == 1

    def test_a_read_only_database_is_an_error(
        self, store: SQLMetadata, postgres_database: str
    ) -> None:
        name = postgres_database.rpartition("/")[2]
        run_sql(store, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        store._database._engine.dispose()
        with pytest.raises(NotDurable, match="read-only"):
            store.prompts.add(sample_prompt())

    def test_a_full_disk_is_an_error(self, store: SQLMetadata) -> None:
        with pytest.raises(NotDurable, match="full"):
            run_sql(store, "DO $$ BEGIN RAISE SQLSTATE '53100'; END $$")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (("127.0.0.1", "127.0.0.2"), "refused"),
            (("correct-horse", "wrong-horse"), "authentication"),
            (("/postgres", "/missing"), "missing"),
            (("trimtab:", "nobody:"), "authentication"),
        ],
    )
    def test_a_server_that_cannot_be_used_is_named_without_the_password(
        self, postgres_url: str, change: tuple[str, str], said: str
    ) -> None:
        wrong = postgres_url.replace(*change)
        with pytest.raises(StoreError, match=said) as caught:
            SQLMetadata.open(wrong)
        host_and_database = wrong.partition("@")[2]
        assert host_and_database in str(caught.value)
        assert_silent(caught.value)

    def test_the_password_is_in_no_repr(self, store: SQLMetadata) -> None:
        assert "127.0.0.1" in repr(store)
        for part in (store, store._database, store._database._engine, store.prompts):
            assert SECRET not in repr(part)


def assert_silent(error: BaseException | None) -> None:
    """Neither an error nor what Python prints of its causes holds the password."""
    while error is not None:
        assert "horse" not in f"{error!r} {error} {vars(error)}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


class TestLookups:
    @pytest.mark.parametrize("ref", ["a\x00b", "\ud800", "a" * 100_000])
    def test_what_is_only_looked_up_may_be_anything(self, store: SQLMetadata, ref: str) -> None:
        for get in (store.prompts.get, store.releases.get, store.runs.get, store.datasets.get):
            with pytest.raises((InvalidRequest, NotFound)):
                get("default", ref)


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "metadata.db",
            "mysql://u:correct-horse@localhost/trimtab",
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            "sqlite://metadata.db",
            "postgresql://u:correct-horse@localhost",
            "postgresql://u:correct-horse@localhost:port/trimtab",
            "postgresql://u:p@correct-horse@localhost/trimtab",
            "postgresql://u:p@correct-horse:5@localhost/trimtab",
            "postgresql://u:p@correct/horse@localhost/trimtab",
        ],
    )
    def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(self, url: str) -> None:
        with pytest.raises(ConfigError) as caught:
            SQLMetadata.open(url)
        assert caught.value.fix
        assert_silent(caught.value)

    def test_a_missing_driver_names_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(MissingExtra, match=r"trimtab\[postgres\]"):
            SQLMetadata.open("postgresql://u:correct-horse@localhost/trimtab")


def stored_row_count(store: SQLMetadata) -> int:
    with store._database.read() as connection:
        return sum(
            len(one) // 16 for one in connection.execute(select(row_packs.c.hashes)).scalars()
        )


class TestDatasets:
    def test_versions_store_the_rows_they_share_once(self, store: SQLMetadata) -> None:
        rows = sample_examples(*[f"q{i}" for i in range(3000)])
        store.datasets.add("default", "golden", rows, note="", created_ns=1)
        assert stored_row_count(store) == 3000
        changed = [*rows[:-1], replace(rows[-1], expected="other")]
        store.datasets.add("default", "golden", changed, note="", created_ns=2)
        assert stored_row_count(store) == 3001
        assert store.datasets.examples("default", "golden@1") == rows
        assert store.datasets.examples("default", "golden@2") == changed

    def test_rows_in_another_order_are_not_read_from_a_pack_each(self, store: SQLMetadata) -> None:
        """They are stored again, so that a block is not one fetch for each of its rows."""
        rows = sample_examples(*[f"q{i}" for i in range(6000)])
        turned = [rows[(i * 1001) % 6000] for i in range(6000)]
        for order in (rows, turned):
            store.datasets.add("default", "golden", order, note="", created_ns=1)
        for version, order in enumerate((rows, turned), start=1):
            assert store.datasets.examples("default", f"golden@{version}") == order
        with store._database.read() as connection:
            for block in connection.execute(select(row_blocks.c.places)).scalars():
                assert len({span.pack for span in read_spans(block)}) <= 1 + 512 // 8

    def test_a_removed_dataset_leaves_no_row_behind(self, store: SQLMetadata) -> None:
        for question in "ab":
            store.datasets.add(
                "default", "golden", sample_examples(question), note="", created_ns=1
            )
        store.datasets.draft("default", "golden", created_ns=1)
        assert store.datasets.remove("default", "golden") == 2
        with store._database.read() as connection:
            for table in (contents, row_blocks, row_packs):
                assert connection.execute(select(func.count()).select_from(table)).scalar() == 0

    def test_rows_that_fail_on_the_way_leave_nothing_behind(self, store: SQLMetadata) -> None:
        def failing() -> Iterator[Example]:
            yield from sample_examples(*[f"q{i}" for i in range(5000)])
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.datasets.add("default", "golden", failing(), note="", created_ns=1)
        assert stored_row_count(store) == 0

    JSON = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )

    def test_any_json_comes_back_as_it_was(self, store: SQLMetadata) -> None:
        @settings(max_examples=60, deadline=None)
        @given(value=self.JSON, context=st.lists(st.text(), max_size=3))
        def comes_back(value: Any, context: list[str]) -> None:
            row = Example(example_id="1", input=value, expected=value, context=tuple(context))
            ref = store.datasets.add("default", "golden", [row], note="", created_ns=1).ref
            assert store.datasets.examples("default", ref) == [row]

        comes_back()


class TestProbes:
    def test_of_two_stores_on_one_database_one_may_look(self, store: SQLMetadata, url: str) -> None:
        for number in range(6):
            store.probes.put(sample_probe(f"{number}"), by="ann")
        with closing(SQLMetadata.open(url)) as other:

            def claim(turn: int) -> bool:
                one, name = (store, other)[turn % 2], f"{turn // 2 % 6}"
                return one.probes.claim("default", name, now_ns=10**18, until_ns=10**18 + 1)

            assert sum(at_once(claim, 48)) == 6


class TestAudit:
    def test_every_change_of_what_is_allowed_has_its_row_and_its_principal(
        self, store: SQLMetadata
    ) -> None:
        store.allowances.put(sample_allowance(), by="ann")
        store.allowances.delete("default", "team", "support", by="bob")
        store.approved_models.put(ApprovedModel(model="a/*"), by="ann")
        store.approved_models.delete("default", "a/*", by="bob")
        store.routes.put(sample_route(), by="ann")
        store.routes.delete("default", "chat", by="bob")
        with pytest.raises(NotFound):
            store.routes.delete("default", "chat", by="bob")
        entries = store.audit("default")[::-1]
        assert [(entry.action, entry.object, entry.principal) for entry in entries] == [
            ("allowance.put", "team support", "ann"),
            ("allowance.delete", "team support", "bob"),
            ("model.approve", "a/*", "ann"),
            ("model.withdraw", "a/*", "bob"),
            ("route.put", "chat", "ann"),
            ("route.delete", "chat", "bob"),
        ]

    def test_a_card_and_a_removal_leave_a_trace(self, store: SQLMetadata) -> None:
        store.cards.put(sample_card())
        store.datasets.add("default", "golden", sample_examples("a"), note="", created_ns=1)
        store.datasets.remove("default", "golden")
        found = [(entry.action, entry.object) for entry in store.audit("default")[::-1]]
        assert found == [
            ("card.put", "faithfulness"),
            ("dataset.add", "golden@1"),
            ("dataset.remove", "golden"),
        ]

    def test_each_change_has_one_entry_and_what_changed_nothing_has_none(self, url: str) -> None:
        with closing(SQLMetadata.open(url, clock=FixedClock())) as store:
            for _ in range(2):
                prompt = store.prompts.add(sample_prompt())
                store.datasets.add("default", "golden", [], note="", created_ns=1)
            for number in (1, 2):
                store.releases.add(sample_release(f"r{number}", model=f"m{number}"))
                store.releases.transition("default", f"r{number}", "live", approve())
            with pytest.raises(Conflict):
                store.releases.add(sample_release("r2"))
            store.prompts.add(sample_prompt(project="other"))
            entries = store.audit("default")
        assert [(entry.action, entry.object, entry.principal) for entry in entries][::-1] == [
            ("prompt.add", "docs@1", None),
            ("dataset.add", "golden@1", None),
            ("release.add", "docs@1", None),
            ("release.promote", "docs@1", "ann"),
            ("release.add", "docs@2", None),
            ("release.retire", "docs@1", "ann"),
            ("release.promote", "docs@2", "ann"),
        ]
        assert entries[-1].digest == prompt.digest
        assert {entry.time_ns for entry in entries} == {42}
        assert [entry.seq for entry in entries] == sorted(
            (entry.seq for entry in entries), reverse=True
        )


WRITER = """
    import sys
    from trimtab.stores.metadata.sql import SQLMetadata
    from trimtab.testing.metadata import approve, sample_prompt, sample_release
    from trimtab.testing.metadata_datasets import sample_examples

    url, project = sys.argv[1:]
    store = SQLMetadata.open(url)
    for i in range(1, 1_000_000):
        store.prompts.add(sample_prompt(f"text {i}", project=project))
        rows = sample_examples(*[f"{i}: {j}" for j in range(200)])
        store.datasets.add(project, "golden", rows, note="", created_ns=i)
        store.releases.add(sample_release(f"r{i}", model=f"m{i}", project=project))
        store.releases.transition(project, f"r{i}", "live", approve())
        print(i, flush=True)
"""


class TestCrash:
    def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_nothing_half_written(
        self, url: str
    ) -> None:
        for project, acknowledgements in (("a", 1), ("b", 4), ("c", 2)):
            acknowledged = self.write_and_kill(url, project, acknowledgements)
            with closing(SQLMetadata.open(url)) as store:
                self.check(store, project, acknowledged)

    def write_and_kill(self, url: str, project: str, acknowledgements: int) -> int:
        """Kill a writer while it works on what follows its last acknowledgement."""
        command = [sys.executable, "-c", textwrap.dedent(WRITER), url, project]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout
            last = [int(writer.stdout.readline()) for _ in range(acknowledgements)][-1]
            writer.kill()
            rest = [int(line) for line in writer.stdout.read().splitlines()]
        return max([last, *rest])

    def check(self, store: SQLMetadata, project: str, acknowledged: int) -> None:
        prompts = store.prompts.get(project, "docs").version
        datasets = store.datasets.get(project, "golden").version
        releases = store.releases.list(project)
        for count in (prompts, datasets, len(releases)):
            assert acknowledged <= count <= acknowledged + 1
        for version in range(1, datasets + 1):
            rows = store.datasets.examples(project, f"golden@{version}")
            assert len(rows) == store.datasets.get(project, f"golden@{version}").size == 200
        for version in range(1, acknowledged + 1):
            prompt = store.prompts.get(project, f"docs@{version}")
            assert prompt.messages[0].text == f"text {version}"
        (live,) = [release for release in store.releases.live() if release.project == project]
        assert live.version >= acknowledged
        changes = sum(len(release.approvals) for release in releases)
        entries = store.audit(project, limit=10_000)
        assert len(entries) == prompts + datasets + len(releases) + changes


def child(source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
