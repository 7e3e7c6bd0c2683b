"""A classifier behind HTTP: `POST {"text": ...}`, answered `{"score": 0.93}`."""

from __future__ import annotations

import msgspec

from trimtab.errors import ConfigError
from trimtab.kit.addresses import serves_metadata
from trimtab.kit.http1 import ClientSettings, HTTP1Client, Timeouts, parse_url
from trimtab.records import ModelSlot

_MOST_BYTES = 64 * 1024


class _Answer(msgspec.Struct):
    score: float


_read = msgspec.json.Decoder(_Answer).decode


class RemoteClassifier:
    """Implements `slots.Classifier`; keeps its connections."""

    def __init__(self, slot: ModelSlot) -> None:
        """Raises ConfigError when the target is no URL, or one where texts must not go."""
        _require_safe(slot)
        self._url = slot.target
        limit_s = slot.timeout_ms / 1000
        self._timeouts = Timeouts(
            connect_s=limit_s, first_byte_s=limit_s, idle_s=limit_s, total_s=limit_s
        )
        self._client = HTTP1Client(ClientSettings(allowed_address=_is_callable))

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


def _require_safe(slot: ModelSlot) -> None:
    try:
        host = parse_url(slot.target).origin.host
    except ValueError as error:
        raise _refused(f"is {error}", "write it as https://host:port/path") from None
    if serves_metadata(host):
        raise _refused(
            "leads to a link-local address or a cloud's metadata", "give the classifier's own"
        )


def _refused(what: str, fix: str) -> ConfigError:
    where = "guards.rules.slot.target"
    return ConfigError(f"the target of an http slot {what}", where=where, fix=fix)


def _is_callable(address: str) -> bool:
    """Whether the host's name may lead there: not to the credentials of this machine."""
    return not serves_metadata(address)
