"""Embeddings over HTTP: the gateway's embeddings, asked by this process itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.errors import InvalidRequest, ProviderError, RateLimited
from trimtab.evals.outage import Outage
from trimtab.experiments.pace import Pace, error_refusal
from trimtab.kit import jsonx
from trimtab.kit.http1 import HTTP1Client, HTTPError, Response, Timeouts

_MAX_SAID = 300


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Embeddings(msgspec.Struct):
    data: list[_Row]


class GatewayEmbedder:
    """Asks the gateway of a server for vectors; implements `ports.Embedder`, for one event loop.

    Args:
        url: of the server.
        model: `provider/model`.
        pace: how many calls are in flight; refused ones are made again.
        key: the server's credential; None in local mode.
        run: the run that the calls are made for; it is on their traces.
        outage: learns when the server is gone.
        timeout_s: for one call.
    """

    def __init__(
        self,
        url: str,
        model: str,
        pace: Pace,
        *,
        key: str | None = None,
        run: str | None = None,
        timeout_s: float = 60.0,
        outage: Outage | None = None,
    ) -> None:
        self.name = model
        self._url = url.rstrip("/") + "/v1/embeddings"
        self._pace = pace
        self._headers = {"content-type": "application/json", "accept": "application/json"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        if run:
            self._headers["x-trimtab-run"] = run
        self._timeouts = Timeouts(first_byte_s=timeout_s, idle_s=timeout_s, total_s=timeout_s)
        self._client = HTTP1Client()
        self._outage = outage or Outage()

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See `ports.Embedder`.

        Raises:
            ProviderError, RateLimited: there are no vectors.
        """
        if not texts:
            return []
        plain = [text.encode("utf-8", "replace").decode() for text in texts]
        body = jsonx.encode({"model": self.name, "input": plain, "encoding_format": "float"})
        outcome = await self._pace.through(
            lambda: self._asked(body, len(plain)),
            lambda found: error_refusal(found) if isinstance(found, Exception) else None,
        )
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _sent(self, body: bytes) -> tuple[Response, bytes]:
        response = await self._client.request(
            "POST", self._url, headers=self._headers, body=body, timeouts=self._timeouts
        )
        return response, await response.read()

    async def _asked(self, body: bytes, size: int) -> list[list[float]] | Exception:
        try:
            response, received = await self._outage.through(self._url, lambda: self._sent(body))
        except HTTPError as error:
            return ProviderError(f"the gateway cannot be asked for embeddings: {error}")
        if response.status == 429:
            wait_s = response.headers.get("retry-after")
            what = f"{self.name} is asked too often"
            return RateLimited(what, retry_after_s=wait_s) if wait_s else RateLimited(what)
        if response.status != 200:
            said = received[:_MAX_SAID].decode("utf-8", "replace")
            return ProviderError(f"{self.name} gave no vectors: HTTP {response.status}: {said}")
        try:
            rows = jsonx.decode(received, _Embeddings, what="the answer").data
        except InvalidRequest as error:
            return ProviderError(f"{self.name} gave no vectors: {error.what}")
        if sorted(row.index for row in rows) != list(range(size)):
            return ProviderError(f"{self.name} gave {len(rows)} vectors for {size} texts")
        return [row.embedding for row in sorted(rows, key=lambda row: row.index)]
