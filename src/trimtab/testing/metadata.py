"""What every metadata store does, as tests: subclass and provide the fixture `store`.

    class TestMyStore(MetadataStoreContract):
        @pytest.fixture
        def store(self):
            with closing(MyStore()) as store:
                yield store

`store` is open, empty, and shared by the threads of a test.
"""

from __future__ import annotations

import pytest

from trimtab.errors import StoreError
from trimtab.ports import MetadataStore, Spend
from trimtab.records import View
from trimtab.testing.metadata_access import (
    AllowanceStoreContract,
    ApprovedModelStoreContract,
    GatewayRevisionContract,
    GuardPolicyStoreContract,
    KeyStoreContract,
    RouteStoreContract,
    SpendStoreContract,
    sample_key,
    spend_key,
)
from trimtab.testing.metadata_answering import (
    AuditContract,
    PlanStoreContract,
    ProbeStoreContract,
    ShareStoreContract,
    ViewStoreContract,
)
from trimtab.testing.metadata_datasets import DatasetStoreContract
from trimtab.testing.metadata_labels import PromptEntryContract, PromptLabelContract
from trimtab.testing.metadata_placement import PlacementContract
from trimtab.testing.metadata_prompts import PromptStoreContract
from trimtab.testing.metadata_releases import ReleaseStoreContract
from trimtab.testing.metadata_runs import CardStoreContract, ResultContract, RunStoreContract
from trimtab.testing.metadata_samples import approve, sample_prompt, sample_release

__all__ = ["MetadataStoreContract", "approve", "sample_prompt", "sample_release"]


class CursorStoreContract:
    """Everything `ports.CursorStore` promises."""

    def test_a_cursor_starts_at_zero_and_keeps_what_was_put(self, store: MetadataStore) -> None:
        assert store.cursors.get("scoring") == 0
        for value in (5, 2**62, 3):
            store.cursors.put("scoring", value)
            assert store.cursors.get("scoring") == value
        assert store.cursors.get("monitoring") == 0


class MetadataStoreContract(
    PromptStoreContract,
    PromptLabelContract,
    PromptEntryContract,
    DatasetStoreContract,
    PlanStoreContract,
    ReleaseStoreContract,
    PlacementContract,
    RunStoreContract,
    ResultContract,
    CardStoreContract,
    CursorStoreContract,
    KeyStoreContract,
    AllowanceStoreContract,
    ApprovedModelStoreContract,
    GuardPolicyStoreContract,
    RouteStoreContract,
    SpendStoreContract,
    ShareStoreContract,
    ProbeStoreContract,
    ViewStoreContract,
    AuditContract,
    GatewayRevisionContract,
):
    """Everything `ports.MetadataStore` promises."""

    def test_a_project_is_known_by_any_record_of_it(self, store: MetadataStore) -> None:
        assert store.projects() == []
        for text in "ab":
            store.prompts.add(sample_prompt(text, project="words"))
        store.datasets.draft("rows", "drafted", created_ns=1)
        store.keys.add(sample_key(project="Keys"), by="ann")
        store.spend.add("calls", 1, {spend_key(project="money"): Spend(requests=1)})
        assert store.projects() == ["Keys", "money", "rows", "words"]
        store.views.put(View(project="views", name="errors", page="traces"))
        store.views.delete("views", "traces", "errors", by="ann")
        assert "views" in store.projects(), "what was done there is on record"

    def test_ping_is_quiet_while_open_and_an_error_once_closed(self, store: MetadataStore) -> None:
        store.ping()
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.ping()
        with pytest.raises(StoreError, match="closed"):
            store.prompts.list("default")
