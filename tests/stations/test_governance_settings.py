"""What is allowed: the file over the store, and the budget that comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.tables import metadata_in

from trimtab.errors import Conflict
from trimtab.governance.budget import Budget, LiveLimit, explain
from trimtab.governance.periods import periods
from trimtab.governance.settings import (
    Declared,
    GatewaySettings,
    allowance_key,
    assembled,
    require_free_names,
)
from trimtab.ports import Spend, SpendKey
from trimtab.records import Allowance, ApprovedModel, Route
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.testing.metadata_access import sample_allowance, sample_key, sample_route

NOW = int(datetime(2026, 11, 21, 19, 30, tzinfo=UTC).timestamp()) * 10**9
DAY, MONTH = "2026-11-21", "2026-11"
USD = 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as store:
        yield store


class TestPeriods:
    @given(
        st.integers(0, 7_258_118_400),
        st.integers(0, 10**9 - 1),
    )
    def test_a_moment_lies_in_its_periods_and_their_ends_do_not(
        self, moment_s: int, rest_ns: int
    ) -> None:
        now_ns = moment_s * 10**9 + rest_ns
        found = periods(now_ns)
        assert found.day == datetime.fromtimestamp(moment_s, UTC).date().isoformat()
        assert found.month == found.day[:7]
        assert now_ns < found.day_ends_ns <= found.month_ends_ns
        last = periods(found.day_ends_ns - 1)
        assert last.day == found.day
        assert periods(found.day_ends_ns).day != found.day
        assert periods(found.month_ends_ns - 1).month == found.month
        next_month = periods(found.month_ends_ns)
        assert next_month.day == next_month.month + "-01"
        assert next_month.month != found.month

    def test_a_leap_day_and_a_years_end(self) -> None:
        leap = periods(int(datetime(2028, 2, 29, tzinfo=UTC).timestamp()) * 10**9)
        assert periods(leap.day_ends_ns).day == periods(leap.month_ends_ns).day == "2028-03-01"
        new_year = datetime(2027, 1, 1, tzinfo=UTC)
        last = periods(int((new_year - timedelta(seconds=1)).timestamp()) * 10**9)
        assert (last.day, last.month) == ("2026-12-31", "2026-12")
        assert last.month_ends_ns == int(new_year.timestamp()) * 10**9


class TestAssembly:
    def test_an_entry_of_the_file_wins_and_the_others_stand_beside_it(
        self, store: SQLMetadata
    ) -> None:
        mine, theirs = sample_allowance(soft=0.9), sample_allowance("other")
        for allowance in (sample_allowance(soft=0.1), theirs):
            store.allowances.put(allowance, by="ann")
        store.approved_models.put(ApprovedModel(model="a/*", suitable="stored"), by="ann")
        store.approved_models.put(ApprovedModel(model="b/*"), by="ann")
        store.routes.put(sample_route(sticky=True), by="ann")
        store.routes.put(sample_route("talk"), by="ann")
        store.keys.add(sample_key(), by="ann")
        declared = Declared(
            routes=(sample_route(),),
            allowances=(mine,),
            approved_models=(ApprovedModel(model="a/*", suitable="declared"),),
        )
        settings = assembled(declared, store)
        assert settings.revision == store.gateway_revision()
        assert settings.keys == (sample_key(),)
        assert settings.allowances == {allowance_key(one): one for one in (theirs, mine)}
        assert not settings.routes["default", "chat"].sticky
        assert settings.routes["default", "talk"] == sample_route("talk")
        assert {one.model: one.suitable for one in settings.approved_models["default"]} == {
            "a/*": "declared",
            "b/*": "",
        }
        assert len(settings.left_out) == 1, "of the two routes called chat"

    def test_a_route_of_the_store_that_takes_a_name_of_the_file_is_left_out_and_said(
        self, store: SQLMetadata
    ) -> None:
        store.routes.put(sample_route("talk", aliases=("fast",)), by="ann")
        store.routes.put(sample_route("talk", project="other", aliases=("fast",)), by="ann")
        declared = Declared(routes=(sample_route(aliases=("fast",)),))
        settings = assembled(declared, store)
        assert set(settings.routes) == {("default", "chat"), ("other", "talk")}
        (said,) = settings.left_out
        assert "'talk'" in said
        assert "'fast'" in said
        assert "'chat'" in said

    def test_what_the_file_declares_is_not_for_the_api_to_take(self) -> None:
        declared = [sample_route(aliases=("fast",)), sample_route(project="other")]
        for route in (
            sample_route(sticky=True),
            sample_route("fast"),
            sample_route("talk", aliases=("chat",)),
        ):
            with pytest.raises(Conflict, match="configuration file"):
                require_free_names(route, declared)
        require_free_names(sample_route("talk"), declared)
        require_free_names(Route(name="fast", project="other"), declared)

    def test_an_allowance_for_each_holds_where_there_is_none_of_its_own(self) -> None:
        each, own = sample_allowance("*"), sample_allowance()
        settings = GatewaySettings(allowances={allowance_key(one): one for one in (each, own)})
        assert settings.allowance("default", "team", "support") is own
        assert settings.allowance("default", "team", "sales") is each
        assert settings.allowance("default", "user", "support") is None
        assert settings.allowance("other", "team", "support") is None


class TestBudget:
    def explained(
        self,
        store: SQLMetadata,
        *allowances: Allowance,
        spent: dict[tuple[str, str, str], Spend] | None = None,
        **key: object,
    ) -> Budget:
        for position, (node, amount) in enumerate((spent or {}).items(), start=1):
            store.spend.add("calls", position, {SpendKey("default", *node): amount})
        settings = GatewaySettings(allowances={allowance_key(one): one for one in allowances})
        return explain(sample_key(**key), settings, store.spend, now_ns=NOW)

    def test_a_key_counts_for_itself_its_user_its_team_and_its_project(
        self, store: SQLMetadata
    ) -> None:
        budget = self.explained(store)
        assert [(node.kind, node.name) for node in budget.nodes] == [
            ("key", "k1"),
            ("user", "ann"),
            ("team", "support"),
            ("project", "default"),
        ]
        assert budget.binding is None
        assert {node.day.remaining_usd for node in budget.nodes} == {None}
        alone = self.explained(store, user=None, team=None)
        assert [node.kind for node in alone.nodes] == ["key", "project"]

    def test_what_was_spent_is_taken_off_and_the_least_that_is_left_binds(
        self, store: SQLMetadata
    ) -> None:
        team = sample_allowance(monthly_usd=Decimal(200), soft=0.5)
        user = Allowance(kind="user", name="ann", daily_usd=Decimal(5), monthly_usd=Decimal(50))
        budget = self.explained(
            store,
            team,
            user,
            spent={
                ("team", "support", MONTH): Spend(10, 1, 1, 150 * USD, 2),
                ("team", "support", DAY): Spend(1, 1, 1, 3 * USD),
                ("team", "support", "2026-10"): Spend(1, 1, 1, 999 * USD),
                ("user", "ann", DAY): Spend(1, 1, 1, USD),
                ("user", "ann", MONTH): Spend(1, 1, 1, 47 * USD + 1),
            },
        )
        of = {node.kind: node for node in budget.nodes}
        month = of["team"].month
        assert (month.remaining_usd, month.status) == (Decimal(50), "soft")
        assert (month.used.requests, month.used.unpriced) == (10, 2)
        assert of["team"].day.limit_usd is None
        assert of["team"].day.used.cost_usd == 3
        assert (of["user"].day.remaining_usd, of["user"].day.status) == (4, "ok")
        assert budget.binding is not None
        assert (budget.binding.kind, budget.binding.period) == ("user", MONTH)
        assert budget.binding.remaining_usd == Decimal("2.999999999")
        assert budget.binding.resets_ns == periods(NOW).month_ends_ns

    @pytest.mark.parametrize(
        ("spent", "status", "left"),
        [
            (0, "ok", 10),
            (8 * USD - 1, "ok", Decimal("2.000000001")),
            (8 * USD, "soft", 2),
            (10 * USD - 1, "soft", Decimal("0.000000001")),
            (10 * USD, "spent", 0),
            (11 * USD, "spent", 0),
        ],
    )
    def test_the_state_of_a_budget_is_exact_to_the_nano_dollar(
        self, store: SQLMetadata, spent: int, status: str, left: Decimal
    ) -> None:
        allowance = Allowance(kind="key", name="k1", daily_usd=Decimal(10))
        budget = self.explained(
            store, allowance, spent={("key", "k1", DAY): Spend(cost_nano_usd=spent)}
        )
        assert (budget.nodes[0].day.status, budget.nodes[0].day.remaining_usd) == (status, left)

    def test_a_budget_of_nothing_is_spent(self, store: SQLMetadata) -> None:
        budget = self.explained(store, Allowance(kind="key", name="k1", daily_usd=Decimal(0)))
        assert budget.nodes[0].day.status == "spent"
        assert (budget.spent, budget.usable) == (True, False), "a request is refused"

    def test_a_key_that_is_refused_is_not_usable(self, store: SQLMetadata) -> None:
        assert self.explained(store).usable
        assert not self.explained(store, disabled=True).usable
        assert not self.explained(store, expires_ns=NOW).usable

    def test_what_is_in_use_is_told_where_somebody_knows(self, store: SQLMetadata) -> None:
        limit = LiveLimit(
            limit="concurrency", capacity=Decimal(4), used=Decimal(2), left=Decimal(2)
        )
        live = {("team", "support"): (limit,)}
        found = explain(sample_key(), GatewaySettings(), store.spend, now_ns=NOW, live=live)
        assert [node.live for node in found.nodes] == [(), (), (limit,), ()]


def test_an_allowance_for_each_is_shown_with_its_star(tmp_path: Path) -> None:
    with closing(metadata_in(tmp_path)) as store:
        each = replace(sample_allowance("*"), kind="key", monthly_usd=Decimal(3))
        settings = GatewaySettings(allowances={allowance_key(each): each})
        found = explain(sample_key(), settings, store.spend, now_ns=NOW)
        assert found.nodes[0].allowance == each
        assert found.nodes[0].month.remaining_usd == 3
