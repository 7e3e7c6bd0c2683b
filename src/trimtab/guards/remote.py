"""A classifier behind HTTP: `POST {"text": ...}`, answered `{"score": 0.93}`."""

from __future__ import annotations

import msgspec

from trimtab.errors import ConfigError
from trimtab.kit.http1 import HTTP1Client, Timeouts, parse_url
from trimtab.records import ModelSlot

_MOST_BYTES = 64 * 1024


class _Answer(msgspec.Struct):
    score: float


_read = msgspec.json.Decoder(_Answer).decode


class RemoteClassifier:
    """Implements `slots.Classifier`; keeps its connections."""

    def __init__(self, slot: ModelSlot) -> None:
        """Raises ConfigError when the target is no URL."""
        try:
            parse_url(slot.target)
        except ValueError as error:
            raise ConfigError(
                f"the target of an http slot is {error}",
                where="guards.rules.slot.target",
                fix="write it as http://host:port/path",
            ) from None
        self._url = slot.target
        limit_s = slot.timeout_ms / 1000
        self._timeouts = Timeouts(
            connect_s=limit_s, first_byte_s=limit_s, idle_s=limit_s, total_s=limit_s
        )
        self._client = HTTP1Client()

    async def classify(self, text: str) -> float:
        """Raises HTTPError, ValueError or msgspec.DecodeError where there is no answer."""
        body = msgspec.json.encode({"text": text.encode("utf-8", "replace").decode()})
        response = await self._client.request(
            "POST",
            self._url,
            headers={"content-type": "application/json"},
            body=body,
            timeouts=self._timeouts,
        )
        try:
            answer = bytearray()
            async for chunk in response.chunks():
                answer += chunk
                if len(answer) > _MOST_BYTES:
                    raise ValueError("the answer is too long")
        finally:
            await response.aclose()
        if response.status != 200:
            raise ValueError(f"HTTP {response.status}")
        return _read(answer).score

    async def aclose(self) -> None:
        await self._client.aclose()
