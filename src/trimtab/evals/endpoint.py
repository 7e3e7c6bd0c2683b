"""An HTTP endpoint of the application as what answers the rows of a suite.

What its headers took from the environment is masked in everything that comes back: an endpoint that
quotes what it was sent would else put it into results, stores and reports.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import RateLimited, TrimtabError
from trimtab.evals.outage import Outage
from trimtab.evals.values import as_text, filled, from_environment, of_row, plucked, variables
from trimtab.experiments.replies import KeptAnswers
from trimtab.experiments.suite import EndpointRef
from trimtab.kit import jsonx, sse
from trimtab.kit.http1 import HTTP1Client, HTTPError, Timeouts
from trimtab.kit.http1 import Response as HTTPResponse
from trimtab.kit.mask import KeyMask, base64_of
from trimtab.ports import Response
from trimtab.records import Example

_SECRET_CHARS = 8
"""What is shorter is no secret, and would be found in answers that have nothing to do with it."""


class EndpointTask:
    """An HTTP endpoint of the application."""

    def __init__(
        self,
        endpoint: EndpointRef,
        kept: KeptAnswers,
        *,
        where: str,
        outage: Outage | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._kept = kept
        self._where = where
        self._client = HTTP1Client()
        self._outage = outage or Outage()
        self._headers = {
            name: from_environment(value, where=f"{where}.headers.{name}")
            for name, value in endpoint.headers.items()
        }
        self._mask = _mask_of(endpoint.headers, self._headers)
        seconds = endpoint.timeout_s
        self._timeouts = Timeouts(first_byte_s=seconds, idle_s=seconds, total_s=seconds)

    async def answer(self, example: Example, repeat: int) -> Response:
        """Raises RateLimited."""
        endpoint, look_up = self._endpoint, of_row(example)
        url = filled(endpoint.url, look_up, where=f"{self._where}.url")
        body = filled(endpoint.body, look_up, where=f"{self._where}.body")
        if body is None and endpoint.method != "GET":
            body = {"input": example.input}
        key = self._kept.key([url, body], repeat, None)
        found = self._kept.get(key)
        if found is not None:
            return self._masked(found)
        started = time.perf_counter()
        try:
            called = await self._outage.through(url, lambda: self._called(url, body, started))
            response = self._masked(called)
        except (HTTPError, ValueError) as error:
            why = f"{endpoint.url} cannot be asked: {error}"
            return self._masked(Response(output=None, error=why))
        self._kept.put(key, response)
        return response

    async def _called(self, url: str, body: Any, started: float) -> Response:
        endpoint = self._endpoint
        payload = b"" if body is None else jsonx.encode(body)
        headers = {"content-type": "application/json", **self._headers}
        answer = await self._client.request(
            endpoint.method, url, headers=headers, body=payload, timeouts=self._timeouts
        )
        if endpoint.stream and answer.status < 400:
            return await self._streamed(answer, started)
        received = await answer.read()
        if answer.status == 429:
            wait_s = answer.headers.get("retry-after", "")
            raise RateLimited(
                f"{endpoint.url} has too many requests",
                retry_after_s=float(wait_s) if wait_s.isdecimal() else None,
            )
        taken_ms = (time.perf_counter() - started) * 1000
        if answer.status >= 400:
            # Masked before it is cut: half a secret would not be known as one.
            said = self._mask.whole(received)[:300].decode(errors="replace").strip()
            return Response(output=None, error=f"HTTP {answer.status}: {said}", latency_ms=taken_ms)
        return self._read(received, taken_ms)

    def _read(self, received: bytes, taken_ms: float) -> Response:
        endpoint = self._endpoint
        try:
            value: Any = jsonx.decode(received, what="the answer")
        except TrimtabError as error:
            if endpoint.output is not None:
                return Response(output=None, error=str(error), latency_ms=taken_ms)
            value = received.decode(errors="replace")
        output = value if endpoint.output is None else plucked(value, endpoint.output)
        if output is None:
            what = f"the answer has no {endpoint.output}" if endpoint.output else "it is empty"
            return Response(output=None, error=what, latency_ms=taken_ms)
        context = plucked(value, endpoint.context) if endpoint.context else None
        texts = context if isinstance(context, list) else [context] if context else []
        return Response(
            output=output,
            context=tuple(as_text(text) for text in texts),
            cost_usd=_cost(plucked(value, endpoint.cost_usd)) if endpoint.cost_usd else None,
            latency_ms=taken_ms,
        )

    async def _streamed(self, answer: HTTPResponse, started: float) -> Response:
        """The pieces of a stream joined: of server-sent events their data, else the bytes."""
        events = answer.headers.get("content-type", "").startswith("text/event-stream")
        decoder, pieces, first_ms = sse.Decoder(), list[str](), None
        async for chunk in answer:
            if first_ms is None:
                first_ms = (time.perf_counter() - started) * 1000
            if not events:
                pieces.append(chunk.decode(errors="replace"))
                continue
            for event in decoder.feed(chunk):
                pieces += self._piece(event.data)
        taken_ms = (time.perf_counter() - started) * 1000
        return Response(output="".join(pieces), latency_ms=taken_ms, first_token_ms=first_ms)

    def _piece(self, data: str | None) -> list[str]:
        if data is None or data == "[DONE]":
            return []
        if self._endpoint.output is None:
            return [data]
        try:
            found = plucked(jsonx.decode(data.encode()), self._endpoint.output)
        except TrimtabError:
            return []
        return [str(found)] if found is not None else []

    def _masked(self, response: Response) -> Response:
        """The response without what the headers took from the environment."""
        return msgspec.structs.replace(
            response,
            output=_without(self._mask, response.output),
            error=_without(self._mask, response.error),
            context=tuple(_without(self._mask, text) for text in response.context),
        )

    async def aclose(self) -> None:
        await self._client.aclose()


def _cost(value: Any) -> Decimal | None:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            cost = Decimal(str(value))
        except ArithmeticError:
            return None
        return cost if cost.is_finite() and cost >= 0 else None
    return None


def _mask_of(headers: Mapping[str, str], filled_in: Mapping[str, str]) -> KeyMask:
    """Hides what came from the environment, and the whole headers that it is part of."""
    secrets = set[bytes]()
    for name, text in headers.items():
        named = variables(text)
        if named:
            secrets |= {value.encode() for value in (filled_in[name], *named.values())}
    known = [secret for secret in secrets if len(secret) >= _SECRET_CHARS]
    escaped = [jsonx.encode(secret.decode())[1:-1] for secret in known]
    return KeyMask(*known, *escaped, *(each for secret in known for each in base64_of(secret)))


def _without(mask: KeyMask, value: Any) -> Any:
    """A value with the secrets masked in all of its texts."""
    if mask.keys is None:
        return value
    if isinstance(value, str):
        spelt = value.encode("utf-8", "surrogatepass")
        return mask.whole(spelt).decode("utf-8", "surrogatepass") if mask.holds(spelt) else value
    if isinstance(value, Mapping):
        return {_without(mask, name): _without(mask, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(mask, item) for item in value]
    return value
