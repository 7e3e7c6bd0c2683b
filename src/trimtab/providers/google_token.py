"""Access tokens of a Google service account, renewed before they expire and off the request path.

The grant is RFC 7523's: a JWT signed with the account's key is exchanged for a token. Signing needs
`google-auth`; the exchange goes through the provider's own HTTP client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from trimtab.errors import ConfigError, MissingExtra, ProviderError, ProviderUnavailable
from trimtab.kit.http1 import HTTPError, Timeouts
from trimtab.ports import Upstream

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 3600
# Renewed in the background from here on, and waited for only below the second.
_EARLY_S, _LATE_S = 600.0, 30.0
_RETRY_S = 15.0
_TIMEOUTS = Timeouts(connect_s=10.0, first_byte_s=20.0, idle_s=20.0, total_s=30.0)
_MAX_BYTES = 64 * 1024


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = _LIFETIME_S


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What a key file says that a token needs."""

    client_email: str
    private_key: str
    token_uri: str
    private_key_id: str | None = None
    project_id: str | None = None

    def __repr__(self) -> str:
        return f"ServiceAccount({self.client_email!r})"


def service_account(path: str, *, where: str) -> ServiceAccount:
    """The account of a key file.

    Raises:
        ConfigError: the file cannot be read, or is not the key of a service account.
    """
    try:
        return msgspec.json.decode(Path(path).expanduser().read_bytes(), type=ServiceAccount)
    except OSError as error:
        what, cause = "the credentials file cannot be read", error.strerror or "not there"
    except (msgspec.DecodeError, UnicodeDecodeError):
        what, cause = "the credentials file is not the key of a service account", "wrong content"
    raise ConfigError(
        f"{what}: {cause}",
        where=where,
        fix="give the JSON key file of a service account (other kinds are not read yet), or a"
        " static access token as api_key",
    )


class AccessToken:
    """A token that is always fresh; belongs to one event loop.

    Args:
        account: whose token it is.
        upstream: to ask for it.
        where: the setting to name in errors.
        now: seconds since the epoch.
    Raises:
        MissingExtra: `google-auth` is not installed.
        ConfigError: the private key cannot be read.
    """

    def __init__(
        self,
        account: ServiceAccount,
        upstream: Upstream,
        *,
        where: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._upstream = upstream
        self._where = where
        self._now = now
        self._encode = _encoder(account, where)
        self._token = ""
        self._until_s = 0.0
        self._not_before_s = 0.0
        self._renewal: asyncio.Task[None] | None = None

    async def sign(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Mapping[str, str]:
        """The credential of a call, whatever the call is.

        Raises:
            ProviderUnavailable: there is no token, and none could be had.
        """
        del method, url, headers, body
        left_s = self._until_s - self._now()
        if left_s < _EARLY_S:
            await self._renewed(wait=left_s < _LATE_S)
        return {"authorization": f"Bearer {self._token}"}

    async def aclose(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()

    async def _renewed(self, *, wait: bool) -> None:
        """One renewal at a time; whoever needs it at once waits for it."""
        if self._renewal is None or self._renewal.done():
            if not wait and self._now() < self._not_before_s:
                return
            self._not_before_s = self._now() + _RETRY_S
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(_seen)
        if wait:
            # A caller that leaves must not take the others' token with it.
            await asyncio.shield(self._renewal)

    async def _renew(self) -> None:
        granted = await self._granted()
        self._until_s = self._now() + granted.expires_in
        self._token = granted.access_token

    async def _granted(self) -> _Granted:
        form = {"grant_type": _GRANT, "assertion": self._assertion()}
        try:
            response = await self._upstream.request(
                "POST",
                self._account.token_uri,
                headers={
                    "content-type": "application/x-www-form-urlencoded",
                    "accept": "application/json",
                    "accept-encoding": "identity",
                },
                body=urlencode(form).encode(),
                timeouts=_TIMEOUTS,
            )
            body = await _read(response.chunks())
        except HTTPError as error:
            raise self._unavailable(f"could not be asked for a token: {error}") from error
        if response.status != 200:
            raise self._unavailable(f"gave no token (HTTP {response.status})")
        try:
            return msgspec.json.decode(body, type=_Granted)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._unavailable("gave no token that can be read") from None

    def _assertion(self) -> bytes:
        now_s = int(self._now())
        return self._encode(
            {
                "iss": self._account.client_email,
                "scope": SCOPE,
                "aud": self._account.token_uri,
                "iat": now_s,
                "exp": now_s + _LIFETIME_S,
            }
        )

    def _unavailable(self, what: str) -> ProviderError:
        return ProviderUnavailable(
            f"Google {what}",
            where=self._account.token_uri,
            fix=f"check {self._where} and that the service account is enabled",
        )


def _encoder(account: ServiceAccount, where: str) -> Callable[[dict[str, Any]], bytes]:
    """Signs the claims of a JWT with the account's key."""
    try:
        from google.auth import crypt, jwt
    except ImportError:
        raise MissingExtra.named("vertex", needed_for="Google service accounts") from None
    make: Any = crypt.RSASigner.from_string  # without types
    sign: Any = jwt.encode
    try:
        signer = make(account.private_key, account.private_key_id)
    except ValueError:
        raise ConfigError(
            "the private key of the service account cannot be read",
            where=where,
            fix="give the JSON key file as it was downloaded",
        ) from None

    def encode(claims: dict[str, Any]) -> bytes:
        return bytes(sign(signer, claims))

    return encode


async def _read(chunks: Any) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > _MAX_BYTES:
            break
    return body


def _seen(task: asyncio.Task[None]) -> None:
    """A renewal that failed in the background is tried again by a later call."""
    if not task.cancelled():
        task.exception()
