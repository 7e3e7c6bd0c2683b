"""What goes wrong is what the clients of both APIs expect: their exceptions, their retries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from tests.gateway.gateway import ADMIN, Room, room
from tests.gateway.upstream import KEY
from tests.upstream import Upstream

HELLO: Any = [{"role": "user", "content": "Hello?"}]
Call = Callable[..., Any]


class Sdk:
    """One of the clients, as far as these tests need it."""

    def __init__(self, kind: str, url: str, key: str) -> None:
        self.kind = kind
        self.module: Any = openai if kind == "openai" else anthropic
        base_url = f"{url}/v1" if kind == "openai" else url
        make = openai.OpenAI if kind == "openai" else anthropic.Anthropic
        self.client: Any = make(base_url=base_url, api_key=key, max_retries=0)

    def create(self, model: str, **fields: Any) -> Any:
        asked = {"model": model, "messages": HELLO, **fields}
        if self.kind == "openai":
            return self.client.chat.completions.create(**asked)
        return self.client.messages.create(max_tokens=500, **asked)

    def error(self, name: str) -> type[Exception]:
        kind: type[Exception] = getattr(self.module, name)
        return kind


def noting(events: Iterable[Any], came: list[Any]) -> Iterator[Any]:
    """The events; each is in `came` as soon as it is there."""
    for event in events:
        came.append(event)
        yield event


@pytest.fixture(scope="module")
def small(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A gateway that takes small bodies."""
    limits = {"limits.body_bytes": 10_000}
    with room(tmp_path_factory.mktemp("small") / "data", far, overrides=limits) as running:
        yield running


@pytest.fixture(params=["openai", "anthropic"])
def sdk(request: pytest.FixtureRequest, small: Room) -> Iterator[Sdk]:
    found = Sdk(request.param, small.server.url, ADMIN)
    yield found
    found.client.close()


@pytest.mark.parametrize("provider", ["oa", "an"])
class TestWhatProvidersRefuse:
    """In either dialect, from either provider."""

    @pytest.mark.parametrize(
        ("fault", "error", "status"),
        [
            ("status-400", "BadRequestError", 400),
            ("status-403", "PermissionDeniedError", 403),
            ("status-404", "NotFoundError", 404),
            ("status-429", "RateLimitError", 429),
            ("status-500", "InternalServerError", 500),
            ("status-529", "InternalServerError", 529),
        ],
    )
    def test_its_refusal_is_the_clients_exception(
        self, sdk: Sdk, provider: str, fault: str, error: str, status: int
    ) -> None:
        with pytest.raises(sdk.error(error)) as caught:
            sdk.create(f"{provider}-{fault}")
        failure: Any = caught.value
        assert failure.status_code == status
        said = {
            "status-400": "temperature must be at most 2",
            "status-429": "Rate limit reached",
            "status-529": "Overloaded",
        }
        assert said.get(fault, "") in str(failure)
        waits = {"status-429": "7", "status-529": "3"}
        assert failure.response.headers.get("retry-after") == waits.get(fault)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            ("reset", 503),
            ("closed", 503),
            ("garbage", 502),
            ("redirect", 502),
            ("gzip", 502),
            ("status-401", 502),
        ],
    )
    def test_a_broken_provider_is_an_error_of_the_servers(
        self, sdk: Sdk, provider: str, fault: str, status: int, stream: bool
    ) -> None:
        with pytest.raises(sdk.error("InternalServerError")) as caught:
            sdk.create(f"{provider}-{fault}", stream=stream)
        failure: Any = caught.value
        assert failure.status_code == status
        assert KEY not in str(failure) + str(failure.response.headers)
        body: Any = failure.response.json()
        assert body["error"]["message"]
        assert ("type" in body) == (sdk.kind == "anthropic")

    def test_silence_is_a_timeout(self, sdk: Sdk, provider: str) -> None:
        with pytest.raises(sdk.error("InternalServerError")) as caught:
            sdk.create(f"{provider}-hang", stream=True)
        failure: Any = caught.value
        assert failure.status_code == 504

    @pytest.mark.parametrize(
        "fault", ["reset-mid-stream", "cut-mid-stream", "no-terminator", "hang-mid-stream"]
    )
    def test_a_stream_that_breaks_off_raises_after_what_came(
        self, sdk: Sdk, provider: str, fault: str
    ) -> None:
        came: list[Any] = []
        with pytest.raises(sdk.error("APIError")):
            list(noting(sdk.create(f"{provider}-{fault}", stream=True), came))
        assert came

    def test_an_error_in_the_middle_is_told_in_the_callers_dialect(
        self, sdk: Sdk, provider: str
    ) -> None:
        said = "The server had an error" if provider == "oa" else "Overloaded"
        with pytest.raises(sdk.error("APIError"), match=said):
            for _ in sdk.create(f"{provider}-error-mid-stream", stream=True):
                pass


class TestWhatTrimtabRefuses:
    def test_a_key_that_is_not_known(self, small: Room, sdk: Sdk) -> None:
        stranger = Sdk(sdk.kind, small.server.url, "sk-unknown")
        with stranger.client, pytest.raises(sdk.error("AuthenticationError")):
            stranger.create("oa/plain")

    def test_a_key_that_may_not(self, small: Room, sdk: Sdk) -> None:
        _, secret = small.issue(f"narrow-{sdk.kind}", models=["an/*"])
        narrow = Sdk(sdk.kind, small.server.url, secret)
        with narrow.client, pytest.raises(sdk.error("PermissionDeniedError"), match=r"an/\*"):
            narrow.create("oa/plain")

    def test_a_model_that_nobody_has(self, sdk: Sdk) -> None:
        with pytest.raises(sdk.error("NotFoundError"), match="did you mean"):
            sdk.create("oa/plane")

    @pytest.mark.parametrize("provider", ["oa", "an"])
    def test_a_request_that_is_too_large(self, sdk: Sdk, provider: str) -> None:
        large: Any = [{"role": "user", "content": "x" * 20_000}]
        with pytest.raises(sdk.error("APIStatusError")) as caught:
            sdk.create(f"{provider}/plain", messages=large)
        failure: Any = caught.value
        assert failure.status_code == 413

    def test_a_request_that_is_wrong(self, sdk: Sdk) -> None:
        with pytest.raises(sdk.error("BadRequestError"), match="messages"):
            sdk.create("oa/plain", messages=[])

    def test_a_limit_says_when_to_come_back(self, small: Room, sdk: Sdk) -> None:
        key, secret = small.issue(f"slow-{sdk.kind}")
        allowance = {"kind": "key", "name": key, "requests_per_minute": 1}
        small.manage("PUT", "/allowances", allowance)
        slow = Sdk(sdk.kind, small.server.url, secret)
        model = "oa/plain" if sdk.kind == "openai" else "an/thinking"
        with slow.client:
            slow.create(model)
            with pytest.raises(sdk.error("RateLimitError")) as caught:
                slow.create(model)
        failure: Any = caught.value
        assert 0 < int(failure.response.headers["retry-after"]) <= 60

    def test_a_budget_that_is_spent_is_not_asked_again_by_the_client(
        self, small: Room, sdk: Sdk
    ) -> None:
        key, secret = small.issue(f"poor-{sdk.kind}")
        small.manage("PUT", "/allowances", {"kind": "key", "name": key, "daily_usd": "0.000001"})
        before = len(small.far.requests)
        poor = Sdk(sdk.kind, small.server.url, secret)
        poor.client = poor.client.with_options(max_retries=3)
        with poor.client, pytest.raises(sdk.error("RateLimitError"), match="budget") as caught:
            poor.create("oa/plain")
        failure: Any = caught.value
        assert failure.response.headers["x-should-retry"] == "false"
        assert len(small.far.requests) == before


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_client_that_retries_is_answered_in_the_end(small: Room, kind: str) -> None:
    """Its own retries work through the gateway, with the wait that the gateway passes on."""
    sdk = Sdk(kind, small.server.url, ADMIN)
    sdk.client = sdk.client.with_options(max_retries=1)
    before = len(small.far.requests)
    with sdk.client, pytest.raises(sdk.error("InternalServerError")):
        sdk.create("oa-status-500")
    assert len(small.far.requests) == before + 2
