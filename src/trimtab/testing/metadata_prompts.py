"""What every store of prompts does, as tests: versions that never change."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from trimtab.errors import InvalidRequest, NotFound
from trimtab.ports import MetadataStore
from trimtab.testing.at_once import at_once
from trimtab.testing.metadata_samples import sample_prompt, sample_release
from trimtab.testing.texts import HARD_TEXT


class PromptStoreContract:
    def test_a_prompt_comes_back_as_it_was_with_its_version_assigned(
        self, store: MetadataStore
    ) -> None:
        given = sample_prompt(HARD_TEXT, labels=("a", "b"), output_schema={"type": "object"})
        added = store.prompts.add(given)
        assert added == replace(given, version=1)
        assert store.prompts.get("default", "docs@1") == added
        assert store.prompts.get("default", "docs") == added

    def test_versions_count_from_one_and_a_bare_name_is_the_newest(
        self, store: MetadataStore
    ) -> None:
        versions = [store.prompts.add(sample_prompt(text)).version for text in "abc"]
        assert versions == [1, 2, 3]
        assert store.prompts.get("default", "docs").version == 3
        assert store.prompts.get("default", "docs@2").messages[0].content == "b"

    def test_adding_the_newest_content_again_returns_it(self, store: MetadataStore) -> None:
        first = store.prompts.add(sample_prompt("a"))
        assert store.prompts.add(sample_prompt("a", created_ns=5, note="late")) == first
        assert len(store.prompts.list("default")) == 1

    def test_that_secrets_were_allowed_is_audited_with_the_version(
        self, store: MetadataStore
    ) -> None:
        for text in "aab":
            store.prompts.add(sample_prompt(text, author="ann"), with_secrets=text == "a")
        entries = store.audit("default", action="prompt")[::-1]
        assert [(one.action, one.object, one.principal) for one in entries] == [
            ("prompt.add", "docs@1", "ann"),
            ("prompt.allow_secrets", "docs@1", "ann"),
            ("prompt.add", "docs@2", "ann"),
        ]

    def test_going_back_to_earlier_content_is_a_new_version(self, store: MetadataStore) -> None:
        assert [store.prompts.add(sample_prompt(text)).version for text in "aba"] == [1, 2, 3]

    def test_the_list_has_the_newest_of_each_name_of_one_project_by_name(
        self, store: MetadataStore
    ) -> None:
        for name, text in [("b", "1"), ("a", "1"), ("b", "2"), ("Z", "1"), ("é", "1")]:
            store.prompts.add(sample_prompt(text, name=name))
        store.prompts.add(sample_prompt(project="other"))
        assert [prompt.ref for prompt in store.prompts.list("default")] == [
            "Z@1",
            "a@1",
            "b@2",
            "é@1",
        ]
        assert store.prompts.list("nowhere") == []

    def test_all_are_every_version_of_every_project(self, store: MetadataStore) -> None:
        assert list(store.prompts.all()) == []
        for text, project in [("a", "one"), ("b", "one"), ("a", "two")]:
            store.prompts.add(sample_prompt(text, project=project))
        found = sorted((prompt.project, prompt.ref) for prompt in store.prompts.all())
        assert found == [("one", "docs@1"), ("one", "docs@2"), ("two", "docs@1")]

    def test_the_revision_of_prompts_grows_with_every_version_and_with_nothing_else(
        self, store: MetadataStore
    ) -> None:
        before = store.prompts.revision()
        store.prompts.add(sample_prompt("a"))
        first = store.prompts.revision()
        assert first > before
        store.prompts.add(sample_prompt("a"))
        store.releases.add(sample_release())
        assert store.prompts.revision() == first
        at_once(lambda i: store.prompts.add(sample_prompt(f"{i}", name=f"p{i % 3}")), 12)
        assert store.prompts.revision() == first + 12

    def test_projects_do_not_see_each_others_prompts(self, store: MetadataStore) -> None:
        store.prompts.add(sample_prompt("a", project="one"))
        assert store.prompts.add(sample_prompt("a", project="two")).version == 1
        with pytest.raises(NotFound):
            store.prompts.get("three", "docs")

    def test_an_unknown_prompt_is_not_found_and_a_close_name_is_offered(
        self, store: MetadataStore
    ) -> None:
        store.prompts.add(sample_prompt(name="support-bot"))
        with pytest.raises(NotFound, match="support-bot"):
            store.prompts.get("default", "suport-bot")
        with pytest.raises(NotFound, match="support-bot@1"):
            store.prompts.get("default", "support-bot@2")

    @pytest.mark.parametrize(
        "version", ["x", "0", "", "-1", "1.0", "1@1", " 1", "٣", "1000000", "9" * 5000]
    )
    def test_a_malformed_version_is_refused_with_the_versions_there_are(
        self, store: MetadataStore, version: str
    ) -> None:
        store.prompts.add(sample_prompt())
        with pytest.raises((InvalidRequest, NotFound), match="docs@1") as caught:
            store.prompts.get("default", f"docs@{version}")
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("name", ["", " ", "a@b", "a\x00b", "a\nb", "\ud800", "x" * 201])
    def test_a_name_that_no_reference_could_hold_is_refused(
        self, store: MetadataStore, name: str
    ) -> None:
        with pytest.raises(InvalidRequest):
            store.prompts.add(sample_prompt(name=name))
        with pytest.raises(InvalidRequest):
            store.prompts.add(sample_prompt(project=name))
        assert store.prompts.list("default") == []

    def test_a_number_beyond_64_bits_is_refused_or_kept(self, store: MetadataStore) -> None:
        given = sample_prompt(created_ns=2**63)
        try:
            assert store.prompts.add(given).created_ns == 2**63
        except InvalidRequest:
            assert store.prompts.list("default") == []

    def test_concurrent_writers_get_consecutive_versions(self, store: MetadataStore) -> None:
        added = at_once(lambda i: store.prompts.add(sample_prompt(f"text {i}")), 48)
        assert sorted(prompt.version for prompt in added) == list(range(1, 49))
        for prompt in added:
            assert store.prompts.get("default", prompt.ref) == prompt

    def test_concurrent_writers_of_one_content_make_one_version(self, store: MetadataStore) -> None:
        added = at_once(lambda _: store.prompts.add(sample_prompt()), 16)
        assert {prompt.version for prompt in added} == {1}
