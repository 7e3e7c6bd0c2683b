"""Budgets and limits over HTTP, as an application meets them."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from tests.gateway.answers import CHAT, MESSAGES
from tests.gateway.gateway import Room, question
from tests.waiting import until

COST = Decimal("0.0064")  # of oa/plain: 1,200 tokens at $2.5 and 340 at $10 a million
TOKENS = 1540


def allow(here: Room, kind: str, name: str, **terms: Any) -> None:
    here.manage("PUT", "/allowances", {"kind": kind, "name": name, **terms})


@pytest.fixture
def keyed(shared: Room) -> tuple[str, str]:
    """A key of a test's own, of a user and a team of its own: its id and its secret."""
    name = f"k-{uuid4().hex[:12]}"
    return shared.issue(name, user=f"u-{name}", team=f"t-{name}")


def owner(here: Room, key: str, kind: str) -> str:
    """The name of one of those that a key's requests count for."""
    terms = next(one for one in here.manage("GET", "/keys")["data"] if one["key_id"] == key)
    return str(terms["key_id" if kind == "key" else kind])


def measured(model: str, dialect: str = CHAT) -> dict[str, Any]:
    """A request whose tokens are those that the provider will count."""
    said = [{"role": "user", "content": "Test" * 1200}]
    return {**question(model, dialect, max_tokens=340), "messages": said}


class TestWhoseLimit:
    """An error says it in words that people use, and for programs."""

    LIMITS: ClassVar = {"requests_per_minute": 1, "daily_usd": "0.000001"}

    @pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
    @pytest.mark.parametrize("limit", LIMITS)
    @pytest.mark.parametrize("kind", ["key", "user", "team"])
    def test_it_is_named_as_people_do(
        self, shared: Room, keyed: tuple[str, str], kind: str, limit: str, dialect: str
    ) -> None:
        key, secret = keyed
        allow(shared, kind, owner(shared, key, kind), **{limit: self.LIMITS[limit]})
        body = measured("oa/plain", dialect)
        reply = [shared.ask(dialect, body, secret) for _ in range(2)][-1]
        assert reply.status == 429
        error = reply.json["error"]
        name = next(o["name"] for o in shared.manage("GET", "/keys")["data"] if o["key_id"] == key)
        name = name if kind == "key" else owner(shared, key, kind)
        assert f"{kind} {name}" in error["message"]
        assert key not in error["message"]
        ids = {"kind": kind, "id": owner(shared, key, kind), "name": name}
        assert (error["node"], error["limit"]) == (ids, limit)
        assert secret not in str(reply)

    def test_so_is_whose_models_a_name_is_not_among(
        self, shared: Room, keyed: tuple[str, str]
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, models=["an/*"])
        error = shared.ask(CHAT, question("oa/plain"), secret).json["error"]
        assert error["node"]["id"] == key
        assert f"key {error['node']['name']} may not use" in error["message"]
        assert key not in error["message"]


class TestBudgets:
    def test_what_was_spent_before_it_was_set_counts(self, own: Room) -> None:
        key, secret = own.issue("late")
        body = measured("oa/plain")
        assert [own.ask(CHAT, body, secret).status for _ in range(2)] == [200, 200]
        allow(own, "key", key, daily_usd="0.02")
        assert own.used(key) == 2 * COST
        assert [own.ask(CHAT, body, secret).status for _ in range(2)] == [200, 429]

    def test_what_was_spent_while_there_was_none_counts(self, own: Room) -> None:
        key, secret = own.issue("interrupted")
        allow(own, "key", key, daily_usd="0.02")
        assert own.ask(CHAT, measured("oa/plain"), secret).status == 200
        own.manage("DELETE", f"/allowances?kind=key&name={key}")
        assert own.ask(CHAT, measured("oa/plain"), secret).status == 200
        allow(own, "key", key, daily_usd="0.03")
        assert own.used(key) == 2 * COST

    @pytest.mark.parametrize("fields", [{"n": 5}, {"n": 5, "max_completion_tokens": 340}])
    def test_every_answer_that_is_asked_for_is_set_aside(
        self, shared: Room, keyed: tuple[str, str], fields: dict[str, Any]
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, daily_usd="0.019")
        assert shared.ask(CHAT, {**measured("oa/plain"), **fields}, secret).status == 429
        assert shared.ask(CHAT, {**measured("oa/plain"), "n": 1}, secret).status == 200

    @pytest.mark.parametrize("kind", ["key", "user", "team"])
    def test_it_is_spent_to_the_last_request_that_fits(
        self, shared: Room, keyed: tuple[str, str], kind: str
    ) -> None:
        key, secret = keyed
        name = owner(shared, key, kind)
        allow(shared, kind, name, daily_usd="0.03")
        body = measured("oa/plain")
        replies = [shared.ask(CHAT, body, secret) for _ in range(8)]
        statuses = [reply.status for reply in replies]
        assert statuses == [200] * 4 + [429] * 4, "four cost $0.0256"
        refused = replies[-1]
        assert refused.headers["x-should-retry"] == "false"
        assert int(refused.headers["retry-after"]) > 0
        assert "daily budget of $0.03" in refused.json["error"]["message"]
        assert "until 20" in refused.json["error"]["message"]

    def test_three_dollars_buy_what_three_dollars_buy(
        self, shared: Room, keyed: tuple[str, str]
    ) -> None:
        """Also where many requests are made at once."""
        key, secret = keyed
        allow(shared, "key", key, monthly_usd="3")
        body = measured("oa/plain")
        with ThreadPoolExecutor(16) as pool:
            found = Counter(pool.map(lambda _: shared.ask(CHAT, body, secret).status, range(500)))
        assert set(found) == {200, 429}
        assert shared.used(key, "monthly_usd") == found[200] * COST
        # The last places may be refused to some while others are under way.
        assert Decimal("2.9") < found[200] * COST <= 3

    def test_estimates_that_are_too_low_cost_no_more_than_what_is_under_way(
        self, shared: Room, keyed: tuple[str, str]
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, daily_usd="0.1")
        body = question("oa/plain", max_tokens=1)
        with ThreadPoolExecutor(4) as pool:
            found = Counter(pool.map(lambda _: shared.ask(CHAT, body, secret).status, range(60)))
        assert shared.used(key) == found[200] * COST < Decimal("0.1") + 4 * COST
        assert found[429] > 0

    def test_a_warning_comes_from_the_soft_limit_on(
        self, shared: Room, keyed: tuple[str, str]
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, daily_usd="0.1", soft=0.15)
        body = question("oa/plain", max_tokens=340)
        warnings = [
            shared.ask(CHAT, body, secret).headers.get("x-trimtab-budget-warning") for _ in range(4)
        ]
        assert warnings[0] is None
        assert warnings[-1] is not None
        assert "daily_usd=$" in warnings[-1]

    @pytest.mark.parametrize(("unpriced", "status"), [("allow", 200), ("deny", 403)])
    def test_whether_a_call_without_a_price_may_pass_is_said(
        self, shared: Room, keyed: tuple[str, str], unpriced: str, status: int
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, daily_usd="5", unpriced=unpriced)
        reply = shared.ask(CHAT, question("oa/unpriced"), secret)
        assert reply.status == status
        if status == 403:
            assert "no known price" in reply.json["error"]["message"]
        else:
            assert shared.call(reply)["cost_usd"] is None

    def test_a_failed_call_gives_back_what_was_set_aside(
        self, shared: Room, keyed: tuple[str, str]
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, daily_usd="0.05", concurrency=2)
        for fault in ("reset", "status-500", "status-400", "garbage") * 5:
            assert shared.ask(CHAT, question(f"oa-{fault}"), secret).status >= 400
        assert shared.used(key) == 0
        assert shared.ask(CHAT, question("oa/plain", max_tokens=340), secret).status == 200


class TestRates:
    def test_requests_of_a_minute(self, shared: Room, keyed: tuple[str, str]) -> None:
        key, secret = keyed
        allow(shared, "key", key, requests_per_minute=3)
        replies = [shared.ask(CHAT, question("oa/plain"), secret) for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        assert replies[0].headers["x-ratelimit-limit-requests"] == "3"
        assert replies[0].headers["x-ratelimit-remaining-requests"] == "2"
        assert 0 < int(replies[3].headers["retry-after"]) <= 20
        assert "x-should-retry" not in replies[3].headers, "waiting helps"

    def test_tokens_of_a_minute_are_those_that_were_used(
        self, shared: Room, keyed: tuple[str, str]
    ) -> None:
        key, secret = keyed
        allow(shared, "key", key, tokens_per_minute=4 * TOKENS)
        body = question("oa/plain", max_tokens=340)
        found = [shared.ask(CHAT, body, secret).status for _ in range(6)]
        assert found[:3] == [200] * 3
        assert found[-1] == 429
        assert shared.used(key, "tokens_per_minute") <= 5 * TOKENS

    @pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
    def test_requests_at_once(self, shared: Room, keyed: tuple[str, str], dialect: str) -> None:
        key, secret = keyed
        allow(shared, "key", key, concurrency=2)
        hang = question("oa/hang-mid-stream", dialect)
        with (
            shared.streaming(dialect, hang, secret) as one,
            shared.streaming(dialect, hang, secret) as two,
        ):
            assert (one.status, two.status) == (200, 200)
            assert one.readline()
            refused = shared.ask(dialect, question("oa/plain", dialect), secret)
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        self._wait(shared, secret)

    def _wait(self, shared: Room, secret: str) -> None:
        """The places are free again once the gateway knows that both callers left."""
        until(
            lambda: shared.ask(CHAT, question("oa/plain"), secret).status == 200,
            "no place came free",
        )


class TestModels:
    def test_a_key_may_ask_for_its_models_only(self, shared: Room) -> None:
        _, secret = shared.issue("listed", models=["oa/pla*", "an-reset"])
        assert shared.ask(CHAT, question("oa/plain"), secret).status == 200
        refused = shared.ask(CHAT, question("an/thinking"), secret)
        assert refused.status == 403
        assert "oa/pla*" in refused.json["error"]["message"]
        body = question("an/thinking", MESSAGES)
        assert shared.ask(MESSAGES, body, secret).json["error"]["type"] == "permission_error"

    def test_a_team_may_ask_for_its_models_only(self, shared: Room, keyed: tuple[str, str]) -> None:
        key, secret = keyed
        allow(shared, "team", owner(shared, key, "team"), models=["an/*"])
        assert shared.ask(CHAT, question("an/thinking"), secret).status == 200
        assert shared.ask(CHAT, question("oa/plain"), secret).status == 403

    def test_only_approved_models_until_they_expire(self, own: Room) -> None:
        for model, expires in (("oa/*", "2999-12-31"), ("an/thinking", "2020-01-31")):
            own.manage("PUT", "/approved-models", {"model": model, "expires": expires})
        assert own.ask(CHAT, question("oa/plain")).status == 200
        expired = own.ask(CHAT, question("an/thinking"))
        assert expired.status == 403
        assert "2020-01-31" in expired.json["error"]["message"]
        assert "oa/*" in expired.json["error"]["message"]
        assert own.ask(CHAT, question("an-reset")).status == 403, "nor behind a route"

    def test_a_key_that_is_disabled_is_refused_at_once(self, shared: Room) -> None:
        key, secret = shared.issue("short-lived")
        assert shared.ask(CHAT, question("oa/plain"), secret).status == 200
        shared.manage("PATCH", f"/keys/{key}", {"disabled": True})
        refused = shared.ask(CHAT, question("oa/plain"), secret)
        assert (refused.status, refused.json["error"]["type"]) == (401, "authentication_error")
        assert secret not in json.dumps(refused.json)
