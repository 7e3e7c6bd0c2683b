"""What every metadata store does about keys, allowances, approved models, routes and spend.

Part of `MetadataStoreContract` in `trimtab.testing.metadata`, which says how it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.kit.hashing import sha256_hex
from trimtab.ports import LearntShares, MetadataStore, Spend, SpendKey
from trimtab.records import (
    Allowance,
    ApprovedModel,
    GuardPolicy,
    GuardRule,
    ModelSlot,
    ModelTarget,
    RecordRules,
    Route,
    VirtualKey,
)
from trimtab.records.access import AllowanceKind
from trimtab.records.route import CacheSettings, ReleaseShare, Retries, Shadow
from trimtab.testing.at_once import at_once

DAY = "2026-11-21"


def sample_key(key_id: str = "k1", **changes: object) -> VirtualKey:
    """A key whose name and secret differ with its id."""
    key = VirtualKey(
        key_id=key_id,
        name=f"name of {key_id}",
        digest=sha256_hex(key_id.encode()),
        hint="abcd",
        user="ann",
        team="support",
        models=("openai/*",),
        expires_ns=1_900_000_000_000_000_000,
        created_ns=1_700_000_000_000_000_000,
        created_by="admin",
    )
    return replace(key, **changes)


def sample_allowance(name: str = "support", **changes: object) -> Allowance:
    allowance = Allowance(
        kind="team",
        name=name,
        models=("openai/*",),
        monthly_usd=Decimal("200.000000001"),
        soft=0.5,
        unpriced="deny",
        tokens_per_minute=1000,
    )
    return replace(allowance, **changes)


def sample_policy(**changes: object) -> GuardPolicy:
    """A policy with everything in it that a policy can have."""
    slot = ModelSlot(kind="http", target="http://127.0.0.1/x")
    rules = (
        GuardRule(signal="pii", on=("input", "tool"), action="tokenise", kinds=("email_address",)),
        GuardRule(signal="bans", settings={"terms": ["acme"]}, threshold=0.25, slot=slot),
    )
    policy = GuardPolicy(
        name="support",
        extends="internal",
        rules=rules,
        record=RecordRules(pii="redact"),
    )
    return replace(policy, **changes)


def sample_route(name: str = "chat", **changes: object) -> Route:
    route = Route(
        name=name,
        targets=(ModelTarget(model="a/b", weight=9.0), ModelTarget(model="a/c")),
        fallbacks=("a/d",),
        retries=Retries(attempts=5),
        split=(ReleaseShare(version=1),),
        shadows=(Shadow(model="a/e", share=0.1),),
        cache=CacheSettings(similarity=0.9),
    )
    return replace(route, **changes)


def spend_key(name: str = "support", **changes: Any) -> SpendKey:
    return SpendKey("default", "team", name, DAY)._replace(**changes)


class KeyStoreContract:
    def test_a_key_comes_back_as_it_was_by_id_and_by_name(self, store: MetadataStore) -> None:
        key = sample_key()
        store.keys.add(key, by="ann")
        assert store.keys.get("default", "k1") == key
        assert store.keys.get("default", "name of k1") == key

    def test_keys_are_listed_newest_first_within_a_project_and_all_for_the_gateway(
        self, store: MetadataStore
    ) -> None:
        for i, project in enumerate(["default", "default", "other"]):
            store.keys.add(sample_key(f"k{i}", created_ns=i, project=project), by="ann")
        assert [key.key_id for key in store.keys.list("default")] == ["k1", "k0"]
        assert {key.key_id for key in store.keys.all()} == {"k0", "k1", "k2"}
        assert store.keys.list("nowhere") == []

    @pytest.mark.parametrize(
        "second",
        [
            {"key_id": "k1"},
            {"name": "name of k1"},
            {"name": "k1"},
            {"key_id": "name of k1"},
            {"digest": sample_key().digest},
            {"digest": sample_key().digest, "project": "other"},
        ],
        ids=["id", "name", "a name that is an id", "an id that is a name", "secret", "elsewhere"],
    )
    def test_an_id_a_name_and_a_secret_belong_to_one_key(
        self, store: MetadataStore, second: dict[str, str]
    ) -> None:
        store.keys.add(sample_key(), by="ann")
        before = store.gateway_revision()
        with pytest.raises(Conflict):
            store.keys.add(replace(sample_key("k2"), **second), by="ann")
        assert store.gateway_revision() == before
        assert [key.key_id for key in store.keys.all()] == ["k1"]

    def test_projects_have_keys_of_the_same_name(self, store: MetadataStore) -> None:
        for project in ("a", "b"):
            key = sample_key(project=project, digest=sha256_hex(project.encode()))
            store.keys.add(key, by="ann")
        assert store.keys.get("a", "k1").digest != store.keys.get("b", "k1").digest

    def test_a_change_touches_what_it_is_about_and_nothing_else(self, store: MetadataStore) -> None:
        key = sample_key()
        store.keys.add(key, by="ann")
        other = sample_key("k2")
        store.keys.add(other, by="ann")
        rotated = store.keys.rotate("default", "k1", digest="d" * 64, hint="wxyz", by="bob")
        assert rotated == replace(key, digest="d" * 64, hint="wxyz")
        disabled = store.keys.disable("default", "name of k1", disabled=True, by="bob")
        assert disabled == replace(rotated, disabled=True)
        ended = store.keys.expire("default", "k1", expires_ns=None, by="bob")
        assert ended == replace(disabled, expires_ns=None)
        assert store.keys.get("default", "k1") == ended
        assert store.keys.get("default", "k2") == other

    def test_a_key_that_is_not_there_cannot_be_changed(self, store: MetadataStore) -> None:
        store.keys.add(sample_key(), by="ann")
        before = store.gateway_revision()
        changes: list[Callable[[], object]] = [
            lambda: store.keys.get("other", "k1"),
            lambda: store.keys.rotate("other", "k1", digest="d", hint="h", by="ann"),
            lambda: store.keys.disable("default", "k2", disabled=True, by="ann"),
            lambda: store.keys.expire("default", "", expires_ns=1, by="ann"),
        ]
        for change in changes:
            with pytest.raises(NotFound):
                change()
        assert store.gateway_revision() == before

    def test_of_a_rotation_and_a_disabling_at_once_both_hold(self, store: MetadataStore) -> None:
        store.keys.add(sample_key(), by="ann")

        def change(i: int) -> None:
            if i % 2:
                store.keys.disable("default", "k1", disabled=True, by="ann")
            else:
                store.keys.rotate("default", "k1", digest=str(i) * 64, hint="h", by="bob")

        at_once(change, 8)
        key = store.keys.get("default", "k1")
        assert key.disabled
        assert key.hint == "h"


class AllowanceStoreContract:
    def test_an_allowance_comes_back_as_it_was_and_is_replaced_by_the_next(
        self, store: MetadataStore
    ) -> None:
        store.allowances.put(sample_allowance(), by="ann")
        assert store.allowances.list("default") == [sample_allowance()]
        store.allowances.put(sample_allowance(monthly_usd=None), by="ann")
        assert store.allowances.list("default") == [sample_allowance(monthly_usd=None)]

    def test_kinds_names_and_projects_are_told_apart(self, store: MetadataStore) -> None:
        given = [
            sample_allowance("b", kind="user"),
            sample_allowance("a", kind="user"),
            sample_allowance("a"),
            sample_allowance("a", project="other"),
        ]
        for allowance in given:
            store.allowances.put(allowance, by="ann")
        assert store.allowances.list("default") == [given[2], given[1], given[0]]
        assert len(store.allowances.all()) == 4

    def test_a_deleted_allowance_is_gone_and_cannot_be_deleted_again(
        self, store: MetadataStore
    ) -> None:
        store.allowances.put(sample_allowance(), by="ann")
        others: list[tuple[str, AllowanceKind]] = [("other", "team"), ("default", "user")]
        for project, kind in others:
            with pytest.raises(NotFound):
                store.allowances.delete(project, kind, "support", by="ann")
        store.allowances.delete("default", "team", "support", by="ann")
        assert store.allowances.all() == []
        with pytest.raises(NotFound, match="support"):
            store.allowances.delete("default", "team", "support", by="ann")

    def test_concurrent_puts_of_one_name_leave_one(self, store: MetadataStore) -> None:
        at_once(lambda i: store.allowances.put(sample_allowance(concurrency=i + 1), by="a"), 8)
        assert len(store.allowances.all()) == 1


class ApprovedModelStoreContract:
    def test_an_entry_comes_back_as_it_was_until_it_is_withdrawn(
        self, store: MetadataStore
    ) -> None:
        given = ApprovedModel(
            model="openai/*", suitable="support", unsuitable="law", expires="2027-01-31"
        )
        store.approved_models.put(replace(given, suitable="nothing"), by="ann")
        store.approved_models.put(given, by="ann")
        store.approved_models.put(replace(given, model="a/b"), by="ann")
        store.approved_models.put(replace(given, project="other"), by="ann")
        assert [one.model for one in store.approved_models.list("default")] == ["a/b", "openai/*"]
        assert given in store.approved_models.all()
        assert len(store.approved_models.all()) == 3
        store.approved_models.delete("default", "openai/*", by="ann")
        assert [one.model for one in store.approved_models.list("default")] == ["a/b"]
        with pytest.raises(NotFound, match="catalogue"):
            store.approved_models.delete("default", "openai/*", by="ann")


class RouteStoreContract:
    def test_a_route_comes_back_as_it_was_with_its_revision(self, store: MetadataStore) -> None:
        assert store.routes.put(sample_route(), by="ann") == (sample_route(), 1)
        assert store.routes.get("default", "chat") == (sample_route(), 1)
        changed = sample_route(sticky=True)
        assert store.routes.put(changed, by="ann") == (changed, 2)
        assert store.routes.list("default") == [(changed, 2)]

    def test_a_change_of_another_revision_than_the_stored_one_is_a_conflict(
        self, store: MetadataStore
    ) -> None:
        with pytest.raises(Conflict, match="does not exist"):
            store.routes.put(sample_route(), by="ann", over=1)
        store.routes.put(sample_route(), by="ann", over=0)
        store.routes.put(sample_route(), by="ann", over=1)
        for stale in (0, 1, 3):
            with pytest.raises(Conflict, match="revision 2"):
                store.routes.put(sample_route(sticky=True), by="ann", over=stale)
            with pytest.raises(Conflict, match="revision 2"):
                store.routes.delete("default", "chat", by="ann", over=stale)
        assert store.routes.get("default", "chat") == (sample_route(), 2)

    def test_a_name_that_was_deleted_counts_on(self, store: MetadataStore) -> None:
        store.routes.put(sample_route(), by="ann")
        store.routes.delete("default", "chat", by="ann", over=1)
        with pytest.raises(NotFound):
            store.routes.get("default", "chat")
        with pytest.raises(NotFound):
            store.routes.delete("default", "chat", by="ann")
        assert store.routes.put(sample_route(), by="ann", over=0).revision == 2

    @pytest.mark.parametrize(
        ("name", "aliases"), [("talk", ("chat",)), ("fast", ()), ("talk", ("x", "fast"))]
    )
    def test_a_name_or_an_alias_belongs_to_one_route(
        self, store: MetadataStore, name: str, aliases: tuple[str, ...]
    ) -> None:
        store.routes.put(sample_route(aliases=("fast",)), by="ann")
        with pytest.raises(Conflict, match="'chat' already"):
            store.routes.put(sample_route(name, aliases=aliases), by="ann")
        assert store.routes.put(sample_route(name, aliases=aliases, project="b"), by="a").revision
        assert len(store.routes.all()) == 2

    def test_a_route_is_asked_for_by_its_name(self, store: MetadataStore) -> None:
        store.routes.put(sample_route(aliases=("fast",)), by="ann")
        for project, name in (("default", "fast"), ("other", "chat")):
            with pytest.raises(NotFound, match=name):
                store.routes.get(project, name)

    @pytest.mark.parametrize("name", ["", "a@b", "a\x00b", "x" * 201])
    def test_a_name_that_no_reference_could_hold_is_refused(
        self, store: MetadataStore, name: str
    ) -> None:
        with pytest.raises(InvalidRequest):
            store.routes.put(sample_route(name), by="ann")
        assert store.routes.all() == []

    def test_of_changes_at_once_to_one_revision_one_is_made(self, store: MetadataStore) -> None:
        store.routes.put(sample_route(), by="ann")

        def put(i: int) -> bool:
            try:
                store.routes.put(sample_route(sticky=i % 2 == 0, choose="cost"), by="ann", over=1)
            except Conflict:
                return False
            return True

        assert sum(at_once(put, 8)) == 1
        assert store.routes.get("default", "chat").revision == 2


class GuardPolicyStoreContract:
    def test_every_revision_of_a_policy_stays(self, store: MetadataStore) -> None:
        first, second = sample_policy(), sample_policy(mode="enforce")
        assert store.guard_policies.put(first, by="ann") == (first, 1)
        assert store.guard_policies.put(second, by="ann", over=1) == (second, 2)
        assert store.guard_policies.get("default", "support") == (second, 2)
        assert store.guard_policies.get("default", "support", 1) == (first, 1)
        assert store.guard_policies.list("default") == [(second, 2)]
        assert store.guard_policies.history("default", "support") == [(second, 2), (first, 1)]

    def test_a_policy_is_not_changed_over_another_revision(self, store: MetadataStore) -> None:
        with pytest.raises(Conflict):
            store.guard_policies.put(sample_policy(), by="ann", over=1)
        store.guard_policies.put(sample_policy(), by="ann", over=0)
        for stale in (0, 2):
            with pytest.raises(Conflict):
                store.guard_policies.put(sample_policy(), by="ann", over=stale)
            with pytest.raises(Conflict):
                store.guard_policies.delete("default", "support", by="ann", over=stale)
        assert store.guard_policies.get("default", "support").revision == 1

    def test_a_deleted_policy_is_gone_and_its_revisions_are_not(self, store: MetadataStore) -> None:
        store.guard_policies.put(sample_policy(), by="ann")
        store.guard_policies.delete("default", "support", by="ann", over=1)
        with pytest.raises(NotFound):
            store.guard_policies.get("default", "support")
        with pytest.raises(NotFound):
            store.guard_policies.delete("default", "support", by="ann")
        assert store.guard_policies.all() == []
        assert len(store.guard_policies.history("default", "support")) == 1
        assert store.guard_policies.put(sample_policy(), by="ann", over=0).revision == 2

    def test_policies_belong_to_projects(self, store: MetadataStore) -> None:
        store.guard_policies.put(sample_policy(), by="ann")
        store.guard_policies.put(sample_policy(project="b"), by="ann")
        assert len(store.guard_policies.all()) == 2
        assert [one.policy.project for one in store.guard_policies.list("b")] == ["b"]

    @pytest.mark.parametrize("name", ["", "a@1", "a\n", "a" * 201])
    def test_names_that_could_not_be_written_are_refused(
        self, store: MetadataStore, name: str
    ) -> None:
        with pytest.raises(InvalidRequest):
            store.guard_policies.put(sample_policy(name=name), by="ann")

    def test_of_many_that_change_a_policy_at_once_one_does(self, store: MetadataStore) -> None:
        store.guard_policies.put(sample_policy(), by="ann")

        def change(i: int) -> bool:
            try:
                store.guard_policies.put(sample_policy(note=str(i)), by="ann", over=1)
            except Conflict:
                return False
            return True

        assert sum(at_once(change, 8)) == 1
        assert store.guard_policies.get("default", "support").revision == 2


class SpendStoreContract:
    def test_what_is_added_is_summed_by_node_and_period(self, store: MetadataStore) -> None:
        day, month = spend_key(), spend_key(period="2026-11")
        assert store.spend.add("calls", 1, {day: Spend(1, 10, 2, 500, 0), month: Spend(1)})
        assert store.spend.add("calls", 2, {day: Spend(2, 1, 1, 2**60, 1)})
        assert store.spend.spent([day, month, spend_key("nobody")]) == {
            day: Spend(3, 11, 3, 500 + 2**60, 1),
            month: Spend(1),
            spend_key("nobody"): Spend(),
        }

    def test_what_was_added_before_changes_nothing(self, store: MetadataStore) -> None:
        one = {spend_key(): Spend(1, 1, 1, 1, 1)}
        assert [store.spend.add("calls", at, one) for at in (5, 5, 4, 7, 5)] == [
            True,
            False,
            False,
            True,
            False,
        ]
        assert store.spend.position("calls") == 7
        assert store.spend.spent([spend_key()]) == {spend_key(): Spend(2, 2, 2, 2, 2)}

    def test_sources_have_positions_of_their_own(self, store: MetadataStore) -> None:
        assert store.spend.position("one") == 0
        for source in ("one", "two"):
            assert store.spend.add(source, 3, {spend_key(): Spend(1)})
        assert store.spend.add("three", 9, {})
        assert [store.spend.position(name) for name in ("one", "two", "three")] == [3, 3, 9]
        assert store.spend.spent([spend_key()])[spend_key()].requests == 2
        assert store.cursors.get("one") == 0, "consumers of other kinds have names of their own"

    def test_a_correction_takes_away(self, store: MetadataStore) -> None:
        store.spend.add("calls", 1, {spend_key(): Spend(1, 10, 10, 10)})
        store.spend.add("calls", 2, {spend_key(): Spend(0, -3, 0, -4)})
        assert store.spend.spent([spend_key()]) == {spend_key(): Spend(1, 7, 10, 6)}

    def test_the_list_of_a_period_has_the_most_expensive_first(self, store: MetadataStore) -> None:
        given = {
            spend_key("a"): Spend(cost_nano_usd=1),
            spend_key("b"): Spend(cost_nano_usd=3),
            spend_key("c", kind="user"): Spend(cost_nano_usd=2),
            spend_key("d", period="2026-11"): Spend(cost_nano_usd=9),
            spend_key("e", project="other"): Spend(cost_nano_usd=9),
        }
        store.spend.add("calls", 1, given)
        names = [key.name for key in store.spend.list("default", DAY)]
        assert names == ["b", "c", "a"]
        assert [key.name for key in store.spend.list("default", DAY, "team")] == ["b", "a"]

    def test_many_keys_are_read_at_once(self, store: MetadataStore) -> None:
        keys = [spend_key(f"n{i}") for i in range(1200)]
        store.spend.add("calls", 1, {key: Spend(i) for i, key in enumerate(keys)})
        found = store.spend.spent(keys)
        assert [found[key].requests for key in keys] == list(range(1200))
        assert store.spend.spent([]) == {}

    def test_sources_that_add_to_the_same_rows_at_once_lose_nothing(
        self, store: MetadataStore
    ) -> None:
        keys = [spend_key(f"n{i}") for i in range(20)]

        def add(i: int) -> bool:
            order = keys if i % 2 else keys[::-1]
            return store.spend.add(f"worker {i % 4}", 1 + i // 4, dict.fromkeys(order, Spend(1)))

        added = sum(at_once(add, 32))
        assert added >= 4, "of one source, a later position may come first"
        assert {spend.requests for spend in store.spend.spent(keys).values()} == {added}


class GatewayRevisionContract:
    def test_the_revision_grows_with_every_change_and_with_nothing_else(
        self, store: MetadataStore
    ) -> None:
        model = ApprovedModel(model="a/*")
        changes: list[Callable[[], object]] = [
            lambda: store.keys.add(sample_key(), by="ann"),
            lambda: store.keys.rotate("default", "k1", digest="d", hint="h", by="ann"),
            lambda: store.keys.disable("default", "k1", disabled=True, by="ann"),
            lambda: store.keys.expire("default", "k1", expires_ns=1, by="ann"),
            lambda: store.allowances.put(sample_allowance(), by="ann"),
            lambda: store.allowances.delete("default", "team", "support", by="ann"),
            lambda: store.approved_models.put(model, by="ann"),
            lambda: store.approved_models.delete("default", "a/*", by="ann"),
            lambda: store.routes.put(sample_route(), by="ann"),
            lambda: store.routes.delete("default", "chat", by="ann"),
            lambda: store.guard_policies.put(sample_policy(), by="ann"),
            lambda: store.guard_policies.delete("default", "support", by="ann"),
            lambda: store.shares.put(LearntShares("default", "chat", {1: 1.0}, 5), by="ann"),
            lambda: store.shares.delete("default", "chat", by="ann"),
        ]
        for number, change in enumerate(changes):
            assert store.gateway_revision() == number
            change()
        store.spend.add("calls", 1, {spend_key(): Spend(1)})
        store.cursors.put("scoring", 1)
        store.keys.all()
        store.shares.delete("default", "chat", by="ann")
        assert store.gateway_revision() == len(changes)
