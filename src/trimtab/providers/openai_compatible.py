"""Any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, and many others.

A `Call` goes out as it is and the answer comes back byte for byte; only headers that mean something
to a caller pass. It looks into bodies for nothing but the credential, which is masked wherever a
provider echoes it, never retries an answer, and never shows the credential.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from trimtab.errors import ConfigError, ProviderError, ProviderTimeout, ProviderUnavailable
from trimtab.kit.http1 import (
    Address,
    ConnectError,
    HTTP1Client,
    HTTPError,
    ProtocolError,
    ReadTimeout,
    Response,
    Timeouts,
    encode_head,
    parse_url,
)
from trimtab.ports import Call, Reply
from trimtab.records import ModelCard
from trimtab.version import __version__

_PATH = "/chat/completions"
_CONNECT_S = 10.0
# What a masked key is shown as: three times the first of these that the key does not contain.
_MASKS = b"*#~^"
# Shorter ones are the placeholders ("none", "EMPTY") given to servers that want no credential.
_SECRET_BYTES = 8
_FIX_TIME = "retry, or raise providers[{name}].timeout_s"
_FIX_URL = "check providers[{name}].base_url and that the server runs"
_FIX_KEY = "check providers[{name}].api_key"
_FIX_REDIRECT = "set providers[{name}].base_url to where it leads"
_FIX_CODING = "turn off compression at the provider, or at the proxy before it"
_PASSED_ON = frozenset(
    {
        "content-type",
        "openai-processing-ms",
        "retry-after",
        "retry-after-ms",
        "x-request-id",
        "x-should-retry",
    }
)


class OpenAICompatible:
    """A provider reached over HTTP; implements `trimtab.ports.Provider`.

    Args:
        name: the part of a model id before the first slash.
        base_url: where the API begins, as in `https://api.example.com/v1`; a slash at the end and
            a longer path make no difference.
        api_key: sent as a bearer token; None or empty for servers that want none.
        models: what it offers.
        timeout_s: seconds that one call may take, whatever the call itself allows.
        client: this provider's own from now on; `aclose` closes it.
        idle_s: seconds of silence in the middle of an answer after which it is given up.
    Raises:
        ConfigError: `base_url` or `api_key` cannot be used in a request.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        api_key: str | None,
        models: Sequence[ModelCard],
        timeout_s: float,
        client: HTTP1Client,
        *,
        idle_s: float = 300.0,
    ) -> None:
        self.name = name
        self._models = tuple(models)
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._client = client
        secret = (api_key or "").encode("latin-1", "replace")
        self._secret = secret if len(secret) >= _SECRET_BYTES else b""
        self._url = base_url.rstrip("/") + _PATH
        self._headers = {
            "content-type": "application/json",
            # Bytes are forwarded as they come, so they must come uncompressed.
            "accept-encoding": "identity",
            "user-agent": f"trimtab/{__version__}",
        }
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._host = str(_checked(name, base_url, self._url, self._headers).origin)

    def __repr__(self) -> str:
        return f"OpenAICompatible({self.name!r}, host={self._host!r})"

    def cards(self) -> Sequence[ModelCard]:
        return self._models

    async def send(self, call: Call) -> Reply:
        """Start a call; returns with the head of the answer.

        Raises:
            ProviderUnavailable: no connection, or it broke before the answer began.
            ProviderTimeout: no answer began in time.
            ProviderError: the answer is not HTTP, is a redirect or compressed, or is a refusal of
                the credential (which would read as a refusal of the caller's own).

        Reading `chunks` raises ProviderTimeout when the provider falls silent and ProviderError
        when the answer is cut off.
        """
        total_s = min(call.timeout_s, self._timeout_s)
        timeouts = Timeouts(
            connect_s=_CONNECT_S,
            first_byte_s=total_s,
            idle_s=self._idle_s,
            total_s=total_s,
        )
        accept = "text/event-stream" if call.stream else "application/json"
        try:
            response = await self._client.request(
                "POST",
                self._url,
                headers={**self._headers, "accept": accept},
                body=call.body,
                timeouts=timeouts,
            )
        except HTTPError as error:
            raise self._unanswered(error) from error
        refusal = self._refusal(response)
        if refusal is not None:
            await response.aclose()
            raise refusal
        mask = KeyMask(self._secret)
        return Reply(
            status=response.status,
            headers=_passed_on(response.headers, mask),
            chunks=_Chunks(response, self, mask),
            mask=mask.whole if self._secret else None,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    def cut_off(self, error: HTTPError) -> ProviderError:
        """What a failure in the middle of an answer is called above this adapter."""
        if isinstance(error, ReadTimeout):
            return self._error(ProviderTimeout, f"did not finish its answer: {error}", _FIX_TIME)
        return self._error(ProviderError, f"broke off its answer: {error}", "retry the call")

    def _unanswered(self, error: HTTPError) -> ProviderError:
        if isinstance(error, ReadTimeout):
            return self._error(ProviderTimeout, f"did not answer in time: {error}", _FIX_TIME)
        if isinstance(error, ProtocolError):
            return self._error(ProviderError, f"sent no valid answer: {error}", _FIX_URL)
        if isinstance(error, ConnectError):
            return self._error(ProviderUnavailable, f"could not be reached: {error}", _FIX_URL)
        return self._error(ProviderUnavailable, f"hung up: {error}", "retry the call")

    def _refusal(self, response: Response) -> ProviderError | None:
        """The error for an answer that would mislead if it were passed on."""
        status = response.status
        if status == 401:
            what = "refused Trimtab's credential (HTTP 401)"
            return self._error(ProviderError, what, _FIX_KEY)
        if 300 <= status < 400:
            what = f"answered with a redirect (HTTP {status})"
            return self._error(ProviderError, what, _FIX_REDIRECT)
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding != "identity":
            what = "compressed its answer although it was asked not to"
            return self._error(ProviderError, what, _FIX_CODING)
        return None

    def _error(self, kind: type[ProviderError], what: str, fix: str) -> ProviderError:
        return kind(
            f"the provider {self.name} {what}",
            where=self._host,
            fix=fix.format(name=self.name),
            provider=self.name,
            host=self._host,
        )


class KeyMask:
    """Replaces a key in bytes that arrive in pieces, wherever the pieces are split.

    Everything else passes unchanged and at once: the end of a piece is kept back only where it is
    the beginning of the key. A key that JSON may escape is known in that spelling too.

    Args:
        key: what must not be seen; empty masks nothing.

    >>> mask = KeyMask(b"sk-12345678")
    >>> mask.feed(b"Bearer sk-123"), mask.feed(b"45678 is wrong: s"), mask.flush()
    (b'Bearer ', b'*** is wrong: ', b's')
    """

    def __init__(self, key: bytes) -> None:
        spellings = {key, key.replace(b"/", rb"\/")} if key else set()
        self._key = re.compile(b"|".join(map(re.escape, spellings))) if spellings else None
        starts = {each[:n] for each in spellings for n in range(1, len(each))}
        self._starts = tuple(sorted(starts, key=len, reverse=True))
        # A mask of a byte that the key lacks cannot become part of another key.
        self._mask = bytes([next((byte for byte in _MASKS if byte not in key), 0x7F)]) * 3
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        """What can be shown once these bytes have come; may be empty."""
        if self._key is None:
            return data
        *before, last = self._key.split(self._kept + data)
        self._kept = b""
        if last.endswith(self._starts):
            self._kept = next(start for start in self._starts if last.endswith(start))
            last = last[: -len(self._kept)]
        return self._mask.join([*before, last])

    def flush(self) -> bytes:
        """What was kept back: nothing follows, so it is not the key."""
        kept, self._kept = self._kept, b""
        return kept

    def whole(self, data: bytes) -> bytes:
        """These bytes, with the key masked, and nothing before or after them."""
        return self.feed(data) + self.flush()


class _Chunks:
    """The body of an answer, with errors in Trimtab's words and the credential masked."""

    def __init__(self, response: Response, provider: OpenAICompatible, mask: KeyMask) -> None:
        self._response = response
        self._provider = provider
        self._mask = mask

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            while not (chunk := self._mask.feed(await anext(self._response))):
                pass  # so far it may be the key: what follows will tell
        except (StopAsyncIteration, HTTPError) as end:
            # A body that has ended, in whichever way, ends again on the next call.
            if kept := self._mask.flush():
                return kept
            if isinstance(end, HTTPError):
                raise self._provider.cut_off(end) from end
            raise
        return chunk

    async def aclose(self) -> None:
        await self._response.aclose()


def _checked(name: str, base_url: str, url: str, headers: Mapping[str, str]) -> Address:
    """The address of the calls, after making sure that a request can be made of these settings."""
    where = f"providers[{name}].base_url"
    if "?" in base_url or base_url.rstrip("/").endswith(_PATH):
        raise ConfigError(
            f"the address of {name} is not where an API begins",
            where=where,
            fix=f"give the part before {_PATH}, as in https://api.example.com/v1",
        )
    try:
        address = parse_url(url)
    except ValueError as error:
        raise ConfigError(
            f"the address of {name} cannot be called: {error}",
            where=where,
            fix="give an address like https://api.example.com/v1",
        ) from None
    try:
        encode_head("POST", address, headers, body_bytes=0)
    except ValueError:
        raise ConfigError(
            f"the credential of {name} has a character that HTTP headers cannot hold",
            where=f"providers[{name}].api_key",
            fix="give the key alone, without quotes, spaces or line ends around it",
        ) from None
    return address


def _passed_on(headers: Mapping[str, str], mask: KeyMask) -> dict[str, str]:
    """The headers that mean something to a caller, without the credential."""
    return {
        name: mask.whole(value.encode("latin-1")).decode("latin-1")
        for name, value in headers.items()
        if name in _PASSED_ON or name.startswith("x-ratelimit-")
    }
