"""What every store of datasets does, as tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.ports import MetadataStore
from trimtab.records import Example
from trimtab.records.example import examples_digest
from trimtab.testing.at_once import at_once
from trimtab.testing.texts import HARD_TEXT


def sample_examples(*questions: str) -> list[Example]:
    """One example per question, with its id made from the question."""
    return [
        Example(example_id=f"id of {text}", input={"question": text}, expected=f"{text}!")
        for text in questions
    ]


class DatasetStoreContract:
    def add(self, store: MetadataStore, *questions: str, name: str = "golden") -> str:
        rows = sample_examples(*questions)
        return store.datasets.add("default", name, rows, note="", created_ns=1).ref

    def test_a_dataset_describes_its_rows_and_gives_them_back_in_order(
        self, store: MetadataStore
    ) -> None:
        rows = sample_examples("c", "a", "b", HARD_TEXT)
        dataset = store.datasets.add("default", "golden", rows, note="first", created_ns=7)
        assert (dataset.ref, dataset.size, dataset.note) == ("golden@1", 4, "first")
        assert (dataset.project, dataset.created_ns) == ("default", 7)
        assert dataset.digest == examples_digest(rows)
        assert store.datasets.get("default", "golden") == dataset
        assert store.datasets.examples("default", "golden@1") == rows

    def test_a_row_keeps_every_field_and_the_order_of_its_keys(self, store: MetadataStore) -> None:
        row = Example(
            example_id="1",
            input={"z": [1, 2.5, None, True], "a": {"text": HARD_TEXT}},
            expected=["x"],
            context=("p", "q"),
            metadata={"b": 1, "a": 2},
            tags=("t",),
            split="test",
            cluster="page",
            source_trace="0" * 31 + "1",
            source_span="0" * 15 + "1",
        )
        store.datasets.add("default", "golden", [row], note="", created_ns=1)
        (stored,) = store.datasets.examples("default", "golden")
        assert stored == row
        assert list(stored.metadata) == ["b", "a"]

    def test_unchanged_rows_return_the_newest_version(self, store: MetadataStore) -> None:
        first = self.add(store, "a", "b")
        assert self.add(store, "a", "b") == first

    def test_another_order_is_another_version_and_old_versions_stay(
        self, store: MetadataStore
    ) -> None:
        assert [self.add(store, *rows) for rows in ("ab", "ba", "bac")] == [
            "golden@1",
            "golden@2",
            "golden@3",
        ]
        for version, rows in enumerate(("ab", "ba", "bac"), start=1):
            stored = store.datasets.examples("default", f"golden@{version}")
            assert stored == sample_examples(*rows)

    def test_a_dataset_may_be_empty(self, store: MetadataStore) -> None:
        assert store.datasets.get("default", self.add(store)).size == 0
        assert store.datasets.examples("default", "golden") == []

    def test_two_rows_with_one_id_are_a_conflict_and_nothing_is_stored(
        self, store: MetadataStore
    ) -> None:
        with pytest.raises(Conflict, match="id of a"):
            self.add(store, "a", "b", "a")
        assert store.datasets.list("default") == []

    def test_the_list_has_the_newest_of_each_name_by_name(self, store: MetadataStore) -> None:
        for name, rows in [("b", "1"), ("a", "1"), ("b", "12")]:
            self.add(store, *rows, name=name)
        store.datasets.add("other", "c", [], note="", created_ns=1)
        assert [dataset.ref for dataset in store.datasets.list("default")] == ["a@1", "b@2"]

    def test_an_unknown_dataset_is_not_found(self, store: MetadataStore) -> None:
        self.add(store, "a")
        for ref in ("golden@2", "silver"):
            with pytest.raises(NotFound, match="golden"):
                store.datasets.get("default", ref)
            with pytest.raises(NotFound, match="golden"):
                store.datasets.examples("default", ref)

    def test_text_that_no_encoding_holds_is_refused(self, store: MetadataStore) -> None:
        with pytest.raises(InvalidRequest):
            self.add(store, "\ud800")
        assert store.datasets.list("default") == []

    def test_concurrent_writers_sharing_rows_get_consecutive_versions(
        self, store: MetadataStore
    ) -> None:
        shared = [f"q{i}" for i in range(40)]

        def add(i: int) -> str:
            rows = shared if i % 2 else shared[::-1]
            return self.add(store, *rows, f"own {i}", name=f"set{i % 3}")

        refs = at_once(add, 24)
        assert sorted(refs) == sorted(f"set{i}@{v}" for i in range(3) for v in range(1, 9))
        assert all(len(store.datasets.examples("default", ref)) == 41 for ref in refs)

    def test_a_dataset_counts_its_rows(self, store: MetadataStore) -> None:
        rows = [
            Example(example_id="1", input="Which port?", split="test", cluster="a"),
            Example(example_id="2", input="which  PORT?", split="train", cluster="a"),
            Example(example_id="3", input={"q": 1}, split="train", source_span="0" * 15 + "1"),
            Example(example_id="4", input="Which colour?", cluster="b"),
        ]
        dataset = store.datasets.add("default", "golden", rows, note="", created_ns=1)
        assert dataset.splits == {"test": 1, "train": 2}
        assert (dataset.clusters, dataset.duplicates, dataset.linked) == (2, 1, 1)

    def test_rows_may_come_from_a_generator_and_be_many(self, store: MetadataStore) -> None:
        rows = sample_examples(*[f"q{i}" for i in range(5001)])
        dataset = store.datasets.add("default", "golden", iter(rows), note="", created_ns=1)
        assert (dataset.size, dataset.digest) == (5001, examples_digest(rows))
        assert store.datasets.examples("default", "golden") == rows

    @pytest.mark.parametrize(("after", "limit"), [(0, 3), (511, 2), (1020, 9), (1024, 5), (5, 0)])
    def test_rows_are_read_by_pages(self, store: MetadataStore, after: int, limit: int) -> None:
        rows = sample_examples(*[f"q{i}" for i in range(1025)])
        store.datasets.add("default", "golden", rows, note="", created_ns=1)
        page = store.datasets.rows("default", "golden", after=after, limit=limit)
        assert list(page) == rows[after : after + limit]
        assert list(store.datasets.rows("default", "golden", after=after)) == rows[after:]
        assert list(store.datasets.rows("default", "golden", after=9999)) == []

    def test_versions_that_differ_a_little_come_back_as_they_were(
        self, store: MetadataStore
    ) -> None:
        rows = sample_examples(*[f"q{i}" for i in range(1500)])
        told = [rows]
        for change in range(6):
            at = range(change, 1500, 100)
            told.append([*told[-1]])
            for place in at:
                told[-1][place] = replace(rows[place], expected=f"changed {change}")
        told += [told[-1][700:] + told[-1][:700], told[-1][1:], sample_examples("new") + rows]
        for version, rows in enumerate(told, start=1):
            dataset = store.datasets.add("default", "golden", rows, note="", created_ns=version)
            assert (dataset.version, dataset.digest) == (version, examples_digest(rows))
        for version, rows in enumerate(told, start=1):
            assert store.datasets.examples("default", f"golden@{version}") == rows

    def test_digests_tell_which_rows_differ(self, store: MetadataStore) -> None:
        first, second = sample_examples("a", "b")
        changed = replace(second, expected="else")
        for rows in ([first, second], [changed, first]):
            store.datasets.add("default", "golden", rows, note="", created_ns=1)
        before = store.datasets.digests("default", "golden@1")
        after = store.datasets.digests("default", "golden@2")
        assert list(before) == ["id of a", "id of b"]
        assert list(after) == ["id of b", "id of a"]
        assert before["id of a"] == after["id of a"]
        assert before["id of b"] != after["id of b"]

    def test_versions_are_newest_first(self, store: MetadataStore) -> None:
        for rows in ("a", "ab"):
            self.add(store, *rows)
        assert [one.ref for one in store.datasets.versions("default", "golden")] == [
            "golden@2",
            "golden@1",
        ]
        with pytest.raises(NotFound, match="golden"):
            store.datasets.versions("default", "golde")

    def test_tags_and_note_belong_to_a_version(self, store: MetadataStore) -> None:
        rows = sample_examples("a")
        for tags in (("one",), (), ("two",)):
            store.datasets.add("default", "golden", rows, note="", created_ns=1, tags=tags)
        found = store.datasets.versions("default", "golden")
        assert [one.tags for one in found] == [("two",), ("one",)], "other tags, another version"

    SCHEMA: ClassVar[dict[str, Any]] = {
        "properties": {"input": {"type": "string"}, "metadata": {"required": ["lang"]}}
    }

    def test_a_row_that_breaks_the_schema_is_named(self, store: MetadataStore) -> None:
        good = Example(example_id="1", input="x", metadata={"lang": "pt"})
        for bad, field in [
            (replace(good, example_id="2", input=7), "input"),
            (replace(good, example_id="2", metadata={}), "metadata"),
        ]:
            with pytest.raises(InvalidRequest, match=f"row 2 .*{field}") as caught:
                store.datasets.add(
                    "default", "golden", [good, bad], note="", created_ns=1, schema=self.SCHEMA
                )
            assert (caught.value.fields["row"], caught.value.fields["field"]) == (2, field)
        assert store.datasets.list("default") == []

    def test_a_schema_stays_until_another_is_given(self, store: MetadataStore) -> None:
        good = Example(example_id="1", input="x", metadata={"lang": "pt"})
        first = store.datasets.add(
            "default", "golden", [good], note="", created_ns=1, schema=self.SCHEMA
        )
        assert first.schema == self.SCHEMA
        with pytest.raises(InvalidRequest, match="row 1"):
            self.add(store, "a", "b")
        same = store.datasets.add("default", "golden", [good], note="", created_ns=2)
        assert same == first
        free = store.datasets.add("default", "golden", [good], note="", created_ns=2, schema={})
        assert (free.version, free.schema) == (2, None)

    @pytest.mark.parametrize("schema", [{"type": "nothing"}, {"properties": 1}])
    def test_what_is_no_schema_is_refused(
        self, store: MetadataStore, schema: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidRequest, match="schema"):
            store.datasets.add("default", "golden", [], note="", created_ns=1, schema=schema)

    def test_what_a_schema_refers_to_elsewhere_is_not_fetched(self, store: MetadataStore) -> None:
        schema = {"properties": {"input": {"$ref": "http://127.0.0.1:9/else.json"}}}
        with pytest.raises(InvalidRequest, match=r"refers to what is not in it.*else"):
            store.datasets.add(
                "default", "golden", sample_examples("a"), note="", created_ns=1, schema=schema
            )

    def test_a_regular_expression_in_a_schema_is_not_run(self, store: MetadataStore) -> None:
        schema = {"properties": {"input": {"type": "string", "pattern": "^(a+)+$"}}}
        row = Example(example_id="1", input="a" * 40 + "!")
        with pytest.raises(InvalidRequest, match="regular expressions"):
            store.datasets.add("default", "g", [row], note="", created_ns=1, schema=schema)

    def test_rows_of_a_removed_dataset_are_stored_anew(self, store: MetadataStore) -> None:
        """What is known of them from before is not taken for those that came after."""
        first, second = (sample_examples(*[f"{n} {i}" for i in range(600)]) for n in "ab")
        for rows in (first, first[1:], second):
            store.datasets.add("default", "golden", rows, note="", created_ns=1)
        store.datasets.remove("default", "golden")
        for rows in (first, second, first + second):
            store.datasets.add("default", "golden", rows, note="", created_ns=1)
            assert store.datasets.examples("default", "golden") == rows

    def test_the_audit_names_who_changed_a_dataset(self, store: MetadataStore) -> None:
        store.datasets.add("default", "golden", [], note="", created_ns=1, by="ann")
        draft = store.datasets.draft("default", "golden", created_ns=1)
        store.datasets.extend("default", draft, sample_examples("a"), after=0)
        store.datasets.commit("default", draft, note="", created_ns=1, by="bob")
        store.datasets.remove("default", "golden", by="eve")
        entries = store.audit("default", object="golden")[::-1]
        assert [(one.action, one.principal) for one in entries] == [
            ("dataset.add", "ann"),
            ("dataset.add", "bob"),
            ("dataset.remove", "eve"),
        ]

    def test_a_removed_dataset_is_gone_and_its_numbers_are_not_used_again(
        self, store: MetadataStore
    ) -> None:
        for rows in ("a", "ab"):
            self.add(store, *rows)
        self.add(store, "a", name="other")
        assert store.datasets.remove("default", "golden") == 2
        for read in (store.datasets.get, store.datasets.examples, store.datasets.versions):
            with pytest.raises(NotFound, match="golden"):
                read("default", "golden")
        with pytest.raises(NotFound, match="golden"):
            store.datasets.remove("default", "golden")
        assert [one.ref for one in store.datasets.list("default")] == ["other@1"]
        assert self.add(store, "ab") == "golden@3"
        assert store.datasets.examples("default", "other") == sample_examples("a")

    def test_a_draft_is_seen_when_it_is_committed(self, store: MetadataStore) -> None:
        datasets, rows = store.datasets, sample_examples(*[f"q{i}" for i in range(1200)])
        draft = datasets.draft("default", "golden", created_ns=1)
        assert datasets.extend("default", draft, rows[:700], after=0) == 700
        assert datasets.list("default") == []
        assert datasets.extend("default", draft, rows[700:], after=700) == 1200
        dataset = datasets.commit("default", draft, note="n", created_ns=2, tags=["t"])
        assert (dataset.ref, dataset.size, dataset.tags) == ("golden@1", 1200, ("t",))
        assert dataset.digest == examples_digest(rows)
        assert datasets.examples("default", "golden") == rows
        for used in (lambda: datasets.discard("default", draft), self.committing(store, draft)):
            with pytest.raises(NotFound, match=draft):
                used()

    def committing(self, store: MetadataStore, draft: str) -> Callable[[], object]:
        return lambda: store.datasets.commit("default", draft, note="", created_ns=1)

    def test_rows_sent_twice_are_not_taken_twice(self, store: MetadataStore) -> None:
        rows = sample_examples("a", "b")
        draft = store.datasets.draft("default", "golden", created_ns=1)
        store.datasets.extend("default", draft, rows, after=0)
        for after in (0, 1, 3):
            with pytest.raises(Conflict, match="2 rows") as caught:
                store.datasets.extend("default", draft, rows, after=after)
            assert caught.value.fields["rows"] == 2

    def test_a_draft_with_an_id_twice_is_refused_and_stays(self, store: MetadataStore) -> None:
        draft = store.datasets.draft("default", "golden", created_ns=1)
        store.datasets.extend("default", draft, sample_examples("a", "b", "a"), after=0)
        with pytest.raises(Conflict, match="'id of a' is used 2 times, in the rows 1, 3"):
            self.committing(store, draft)()
        store.datasets.discard("default", draft)
        with pytest.raises(NotFound):
            self.committing(store, draft)()
        assert store.datasets.list("default") == []

    def test_a_draft_of_the_newest_content_is_that_version(self, store: MetadataStore) -> None:
        ref = self.add(store, "a", "b")
        draft = store.datasets.draft("default", "golden", created_ns=1)
        store.datasets.extend("default", draft, sample_examples("a", "b"), after=0)
        assert store.datasets.commit("default", draft, note="", created_ns=1).ref == ref

    def test_drafts_of_a_project_are_not_another_s_and_go_with_their_dataset(
        self, store: MetadataStore
    ) -> None:
        self.add(store, "a")
        draft = store.datasets.draft("default", "golden", created_ns=1)
        with pytest.raises(NotFound):
            store.datasets.extend("other", draft, [], after=0)
        store.datasets.remove("default", "golden")
        with pytest.raises(NotFound):
            store.datasets.extend("default", draft, [], after=0)

    def test_a_draft_left_for_more_than_a_day_is_discarded(self, store: MetadataStore) -> None:
        hour_ns = 3600 * 10**9
        old = store.datasets.draft("default", "golden", created_ns=1)
        young = store.datasets.draft("default", "golden", created_ns=20 * hour_ns)
        store.datasets.draft("default", "another", created_ns=25 * hour_ns)
        with pytest.raises(NotFound):
            store.datasets.extend("default", old, [], after=0)
        assert store.datasets.extend("default", young, [], after=0) == 0
