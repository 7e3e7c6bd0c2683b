"""What every store of prompts does with labels, and with what is said of a name, as tests."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.ports import MetadataStore
from trimtab.records import PromptEntry
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata_samples import sample_prompt
from trimtab.testing.texts import HARD_TEXT


class PromptLabelContract:
    def test_a_label_points_to_one_version_and_moves(self, store: MetadataStore) -> None:
        for text in "abc":
            store.prompts.add(sample_prompt(text))
        assert store.prompts.label("default", "docs", "production", 1, by="ann").labels == {
            "production": 1
        }
        store.prompts.label("default", "docs", "eu", 1, by="ann")
        assert store.prompts.get("default", "docs@production").version == 1
        moved = store.prompts.label("default", "docs", "production", 3, by="ann")
        assert moved.labels == {"eu": 1, "production": 3}
        assert store.prompts.get("default", "docs@production").version == 3
        told = [(one.version, one.labels) for one in store.prompts.versions("default", "docs")]
        assert told == [(3, ("production",)), (2, ()), (1, ("eu",))]
        store.prompts.label("default", "docs", "production", None, by="ann")
        with pytest.raises(NotFound, match="docs@eu"):
            store.prompts.get("default", "docs@production")

    def test_every_way_of_reading_says_the_labels_of_now(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt(labels=("b", "a", "b")))
        store.prompts.add(sample_prompt(project="other", labels=("c",)))
        store.prompts.add(sample_prompt(name="bare"))
        expected = {("default", "docs"): ("a", "b"), ("default", "bare"): ()}
        for found in (
            [store.prompts.get("default", ref) for ref in ("docs@1", "bare")],
            store.prompts.list("default"),
            [one for name in ("docs", "bare") for one in store.prompts.versions("default", name)],
            [one for one in store.prompts.all() if one.project == "default"],
        ):
            assert {(one.project, one.name): one.labels for one in found} == expected

    def test_labels_move_to_what_is_added_with_them(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt("a", labels=("production", "eu")))
        second = store.prompts.add(sample_prompt("b", labels=("production",)))
        assert second.labels == ("production",)
        assert store.prompts.get("default", "docs@1").labels == ("eu",)
        same = store.prompts.add(sample_prompt("b", labels=("eu",)))
        assert (same.version, same.labels) == (2, ("eu", "production"))
        assert store.prompts.get("default", "docs@1").labels == ()

    def test_what_moves_nothing_is_no_change(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt("a", labels=("production",)))
        before = store.prompts.revision(), store.audit("default")
        store.prompts.add(sample_prompt("a", labels=("production",)))
        store.prompts.label("default", "docs", "production", 1, by="ann")
        store.prompts.label("default", "docs", "eu", None, by="ann")
        assert (store.prompts.revision(), store.audit("default")) == before

    def test_each_change_counts_once(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt("a", labels=("production", "eu")))
        assert store.prompts.revision() == 1
        store.prompts.add(sample_prompt("a", labels=("us",)))
        store.prompts.label("default", "docs", "us", None, by="ann")
        store.prompts.describe("default", "docs", by="ann", folder="mail")
        assert store.prompts.revision() == 4

    @pytest.mark.parametrize(
        "label",
        [
            *("", "latest", "3", "-1", "1.5", "٣", "x" * 101),
            *("a@b", "a b", "a\u00a0b", "a/b", "a\n", "\x00", "\ud800"),
        ],
    )
    def test_a_label_that_no_reference_could_hold_is_refused(
        self, store: MetadataStore, label: str
    ) -> None:
        store.prompts.add(sample_prompt())
        with pytest.raises(InvalidRequest, match="label"):
            store.prompts.label("default", "docs", label, 1, by="ann")
        with pytest.raises(InvalidRequest, match="label"):
            store.prompts.add(sample_prompt("b", labels=("fine", label)))
        assert store.prompts.entry("default", "docs").labels == {}
        assert store.prompts.get("default", "docs").version == 1

    @pytest.mark.parametrize("label", ["production", "v2", "2026-01", "größe", "a.b_c:d"])
    def test_a_label_is_a_word(self, store: MetadataStore, label: str) -> None:
        store.prompts.add(sample_prompt(labels=(label,)))
        assert store.prompts.get("default", f"docs@{label}").labels == (label,)

    def test_a_label_of_what_is_not_there_is_not_found(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt())
        for project, name, version in [("default", "mail", 1), ("x", "docs", 1)]:
            with pytest.raises(NotFound):
                store.prompts.label(project, name, "production", version, by="ann")
        with pytest.raises(NotFound, match="docs@1"):
            store.prompts.label("default", "docs", "production", 2, by="ann")
        assert store.prompts.revision() == 1

    def test_an_unknown_label_is_answered_with_the_versions_and_labels_there_are(
        self, store: MetadataStore
    ) -> None:
        for text in "ab":
            store.prompts.add(sample_prompt(text, labels=tuple("zyxw")))
        with pytest.raises(NotFound, match=r"docs@1 to docs@2, or docs@w, docs@x, docs@y \.\.\."):
            store.prompts.get("default", "docs@prod")

    def test_a_label_is_moved_only_from_where_it_was_expected(self, store: MetadataStore) -> None:
        for text in "ab":
            store.prompts.add(sample_prompt(text))
        store.prompts.label("default", "docs", "production", 1, by="ann", over=0)
        for stale in (0, 2):
            with pytest.raises(Conflict, match="points to version 1"):
                store.prompts.label("default", "docs", "production", 2, by="ann", over=stale)
        store.prompts.label("default", "docs", "production", 2, by="ann", over=1)
        with pytest.raises(Conflict):
            store.prompts.label("default", "docs", "production", None, by="ann", over=1)
        assert store.prompts.entry("default", "docs").labels == {"production": 2}

    def test_of_movers_at_once_that_expect_the_same_one_moves_it(
        self, store: MetadataStore
    ) -> None:
        at_once(lambda i: store.prompts.add(sample_prompt(f"{i}")), 12)

        def move(i: int) -> bool:
            try:
                store.prompts.label("default", "docs", "production", i + 1, by="ann", over=0)
            except Conflict:
                return False
            return True

        assert sum(at_once(move, 12)) == 1

    def test_a_version_is_added_only_on_the_one_that_was_expected(
        self, store: MetadataStore
    ) -> None:
        store.prompts.add(sample_prompt("a"), over=0)
        for text, stale in (("b", 0), ("b", 2), ("a", 0)):
            with pytest.raises(Conflict, match="at version 1"):
                store.prompts.add(sample_prompt(text), over=stale)
        with pytest.raises(Conflict, match="does not exist"):
            store.prompts.add(sample_prompt(name="mail"), over=1)
        assert store.prompts.add(sample_prompt("b"), over=1).version == 2

        def add(i: int) -> bool:
            try:
                store.prompts.add(sample_prompt(f"text {i}"), over=2)
            except Conflict:
                return False
            return True

        assert sum(at_once(add, 8)) == 1

    def test_who_moved_a_label_is_on_record(self, store: MetadataStore) -> None:
        first = store.prompts.add(sample_prompt("a", labels=("production",), author="ann"))
        store.prompts.label("default", "docs", "eu", 1, by="bob")
        store.prompts.label("default", "docs", "eu", None, by="cy")
        store.prompts.describe("default", "docs", by="dee", tags=["x"])
        entries = store.audit("default", object="docs")[::-1]
        assert [(one.action, one.object, one.principal) for one in entries] == [
            ("prompt.add", "docs@1", "ann"),
            ("prompt.label", "docs@production", "ann"),
            ("prompt.label", "docs@eu", "bob"),
            ("prompt.unlabel", "docs@eu", "cy"),
            ("prompt.describe", "docs", "dee"),
        ]
        assert {one.digest for one in entries[:4]} == {first.digest}


class PromptEntryContract:
    def test_an_entry_says_what_was_said_of_a_name_and_keeps_the_rest(
        self, store: MetadataStore
    ) -> None:
        store.prompts.add(sample_prompt("a", labels=("b", "a")))
        plain = PromptEntry(name="docs", latest=1, labels={"a": 1, "b": 1})
        assert store.prompts.entry("default", "docs") == plain
        said = store.prompts.describe(
            "default", "docs", by="ann", folder="support/mail", tags=["x", "y", "x"]
        )
        assert said == replace(plain, folder="support/mail", tags=("x", "y"))
        said = store.prompts.describe(
            "default", "docs", by="ann", description=HARD_TEXT, archived=True
        )
        assert (said.folder, said.description, said.archived) == ("support/mail", HARD_TEXT, True)
        store.prompts.add(sample_prompt("b"))
        assert store.prompts.entry("default", "docs") == replace(said, latest=2)
        cleared = store.prompts.describe("default", "docs", by="ann", folder="", tags=())
        assert (cleared.folder, cleared.tags, cleared.archived) == ("", (), True)

    def test_entries_are_by_folder_and_name_with_the_archived(self, store: MetadataStore) -> None:
        for name in ("d", "a", "c", "b"):
            store.prompts.add(sample_prompt(name=name, labels=(f"of-{name}",)))
        store.prompts.add(sample_prompt(project="other"))
        store.prompts.describe("default", "a", by="ann", folder="z")
        store.prompts.describe("default", "b", by="ann", archived=True)
        found = store.prompts.entries("default")
        assert [(one.name, one.latest, one.labels) for one in found] == [
            (name, 1, {f"of-{name}": 1}) for name in "bcda"
        ]
        assert [one.archived for one in found] == [True, False, False, False]
        assert list(store.prompts.entries("nowhere")) == []

    def test_what_changes_nothing_is_no_change(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt())
        store.prompts.describe("default", "docs", by="ann", folder="a", archived=False)
        before = store.prompts.revision(), store.audit("default")
        store.prompts.describe("default", "docs", by="ann", folder="a")
        store.prompts.describe("default", "docs", by="ann")
        assert (store.prompts.revision(), store.audit("default")) == before

    @pytest.mark.parametrize(
        "said",
        [{"folder": folder} for folder in ("/a", "a/", "a//b", "a/../b", " ", "a\nb", "x" * 201)]
        + [{"tags": tags} for tags in ([""], ["a\n"], ["x" * 101], [f"{n}" for n in range(51)])]
        + [{"description": "x" * 10_001}],
    )
    def test_what_cannot_be_said_is_refused(
        self, store: MetadataStore, said: dict[str, Any]
    ) -> None:
        store.prompts.add(sample_prompt())
        with pytest.raises(InvalidRequest, match=next(iter(said))):
            store.prompts.describe("default", "docs", by="ann", **said)
        assert store.prompts.entry("default", "docs") == PromptEntry(name="docs", latest=1)

    def test_a_name_that_is_not_there_has_no_entry(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt())
        for project, name in (("default", "dogs"), ("other", "docs")):
            with pytest.raises(NotFound):
                store.prompts.entry(project, name)
            with pytest.raises(NotFound):
                store.prompts.versions(project, name)
            with pytest.raises(NotFound):
                store.prompts.describe(project, name, by="ann", archived=True)

    def test_fields_that_are_said_at_once_are_all_kept(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt())
        said: list[dict[str, Any]] = [
            {"folder": "a"},
            {"tags": ["b"]},
            {"description": "c"},
            {"archived": True},
        ]
        at_once(lambda i: store.prompts.describe("default", "docs", by="ann", **said[i % 4]), 16)
        assert store.prompts.entry("default", "docs") == PromptEntry(
            name="docs", latest=1, folder="a", tags=("b",), description="c", archived=True
        )
        assert store.prompts.revision() == 5
