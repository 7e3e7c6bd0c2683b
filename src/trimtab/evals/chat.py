"""A chat over HTTP: the gateway's chat completions, asked by this process itself.

The body of a request goes in, a `ChatReply` comes out, with what the gateway says in its headers:
cost, trace, release. It speaks HTTP with the client of Trimtab, never with a vendor's package.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.answer import Fold
from trimtab.errors import Blocked, InvalidRequest, NotDurable
from trimtab.evals.outage import Outage
from trimtab.evals.values import from_environment
from trimtab.kit import jsonx
from trimtab.kit.http1 import HTTP1Client, HTTPError, ReadTimeout, Response, Timeouts
from trimtab.ports import ChatReply
from trimtab.records import TokenLogprob, ToolCall

_OVERLOADED = "overloaded"
_MAX_ERROR = 1000


class GatewayChat:
    """Asks the gateway of a server; implements `ports.Chat`. Belongs to one event loop.

    Args:
        url: of the server.
        key: its credential; None in local mode.
        run: the run that the calls are made for; it is on their traces.
        retries: the most attempts of the gateway after the first; None for those of the route.
        timeout_s: for one whole answer.
        outage: learns when the server is gone, or can write nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        run: str | None = None,
        retries: int | None = None,
        timeout_s: float = 600.0,
        outage: Outage | None = None,
    ) -> None:
        self._url = url.rstrip("/") + "/v1/chat/completions"
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        if run:
            self._headers["x-trimtab-run"] = run
        if retries is not None:
            self._headers["x-trimtab-retries"] = str(retries)
        self._timeouts = Timeouts(first_byte_s=timeout_s, idle_s=timeout_s, total_s=timeout_s)
        self._client = HTTP1Client()
        self._outage = outage or Outage()

    async def ask(self, request: Mapping[str, Any]) -> ChatReply:
        """The reply to a chat completion; what goes wrong is its `error`."""
        started = time.perf_counter()
        try:
            body = jsonx.encode(request)
            response, received = await self._outage.through(self._url, lambda: self._sent(body))
        except ReadTimeout as error:
            return ChatReply(status=504, error=f"no answer in time: {error}")
        except (HTTPError, ValueError, TypeError) as error:
            return ChatReply(status=0, error=f"the gateway cannot be asked: {error}")
        taken_ms = (time.perf_counter() - started) * 1000
        if response.status >= 400:
            said, code = _error_of(received)
            if code == NotDurable.code:
                self._outage.error = NotDurable(said, where=self._url, fix="make room there")
            return _refused(response.status, response.headers, received, taken_ms)
        return _answered(response.headers, received, taken_ms)

    async def _sent(self, body: bytes) -> tuple[Response, bytes]:
        response = await self._client.request(
            "POST", self._url, headers=self._headers, body=body, timeouts=self._timeouts
        )
        return response, await response.read()

    async def aclose(self) -> None:
        await self._client.aclose()


def chat_at(url: str, key: str | None, outage: Outage) -> GatewayChat:
    """A chat of a server that speaks OpenAI's chat completions and is no gateway.

    Args:
        url: with or without the `/v1` at its end.
        key: may name the environment: `${TOKEN}`.
    """
    credential = from_environment(key, where="task.key") if key else None
    return GatewayChat(url.rstrip("/").removesuffix("/v1"), key=credential, outage=outage)


def _answered(headers: Mapping[str, str], body: bytes, taken_ms: float) -> ChatReply:
    fold = Fold()
    fold.take(DIALECTS["openai.chat"].reader().body(body))
    error, code = fold.error, None
    if error is None and not fold.complete and not fold.text:
        error = "the answer cannot be read"
    if error is None and fold.refusal and not fold.text:
        error, code = f"the model refused: {fold.refusal}"[:_MAX_ERROR], Blocked.code
    hit = headers.get("x-trimtab-cache") in ("hit", "semantic")
    return ChatReply(
        text=fold.text,
        tool_calls=tuple(map(_tool_call, fold.tool_calls)),
        logprobs=_logprobs(body) if b'"logprobs"' in body else None,
        model=headers.get("x-trimtab-model") or fold.model,
        finish_reason=fold.finish_reason,
        usage=fold.usage,
        cost_usd=_cost(headers),
        latency_ms=taken_ms,
        trace_id=headers.get("x-trimtab-trace-id"),
        release=headers.get("x-trimtab-release"),
        cached=hit,
        error=error,
        code=code,
    )


def _refused(status: int, headers: Mapping[str, str], body: bytes, taken_ms: float) -> ChatReply:
    said, code = _error_of(body)
    wait_s = _seconds(headers.get("retry-after"))
    # What is down, as a provider is that could not be reached, is not asked again.
    told = wait_s if status in (429, 529) or code == _OVERLOADED else None
    return ChatReply(
        status=status,
        error=said or f"HTTP {status}",
        code=code or None,
        retry_after_s=told,
        latency_ms=taken_ms,
        cost_usd=_cost(headers),
        model=headers.get("x-trimtab-model"),
        trace_id=headers.get("x-trimtab-trace-id"),
    )


def _error_of(body: bytes) -> tuple[str, str]:
    """What an error in OpenAI's shape says, and its code."""
    try:
        wire = jsonx.decode(body)
    except InvalidRequest:
        return body[:_MAX_ERROR].decode(errors="replace").strip(), ""
    about = wire.get("error") if isinstance(wire, dict) else None
    if not isinstance(about, dict):
        return str(wire)[:_MAX_ERROR], ""
    return str(about.get("message") or "")[:_MAX_ERROR], str(about.get("code") or "")


def _tool_call(wire: Mapping[str, Any]) -> ToolCall:
    function = wire.get("function")
    about = function if isinstance(function, dict) else {}
    given = about.get("arguments")
    arguments: Any = given
    if isinstance(given, str):
        try:
            arguments = jsonx.decode(given.encode("utf-8", "replace"))
        except InvalidRequest:
            arguments = given
    return ToolCall(name=str(about.get("name") or ""), arguments=arguments)


def _logprobs(body: bytes) -> tuple[TokenLogprob, ...] | None:
    """The tokens of the first choice with their log probabilities, where there are any."""
    try:
        content = jsonx.decode(body)["choices"][0]["logprobs"]["content"]
        return tuple(
            TokenLogprob(
                token=str(entry["token"]),
                logprob=float(entry["logprob"]),
                top=tuple(float(other["logprob"]) for other in entry.get("top_logprobs") or ()),
            )
            for entry in content
        )
    except (InvalidRequest, LookupError, TypeError, ValueError):
        return None


def _cost(headers: Mapping[str, str]) -> Decimal | None:
    text = headers.get("x-trimtab-cost-usd")
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
