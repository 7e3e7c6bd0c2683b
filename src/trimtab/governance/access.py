"""Access: from the headers of a request to its principal.

Local mode (no keys configured) is for loopback only: everything is open to one local principal, and
requests that a browser was tricked into sending are refused. With keys, every request needs one.
Virtual keys are known in both: in local mode a request that sends one is that key's, and one that
sends something that looks like one and is not is refused, so that a mistake is not an open door.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from trimtab.errors import Forbidden, InvalidRequest, Unauthenticated
from trimtab.governance.keys import PREFIX
from trimtab.kit.clock import iso
from trimtab.records import Principal, VirtualKey
from trimtab.records.principal import LOCAL

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_KEY_HEADERS = ("x-api-key", "wandb-api-key")
PUBLIC = Principal(id="public", project="", permissions=frozenset())


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A credential, kept only as its SHA-256."""

    name: str
    digest: bytes
    project: str
    permissions: frozenset[str]

    @classmethod
    def of(cls, name: str, secret: str, project: str, permissions: Sequence[str]) -> Key:
        digest = hashlib.sha256(secret.encode()).digest()
        return cls(name=name, digest=digest, project=project, permissions=frozenset(permissions))


class _Known(NamedTuple):
    """Whose a secret is, and until when; `disabled` ones are known so that the answer says why."""

    principal: Principal
    expires_ns: int | None = None
    disabled: bool = False


class Access:
    """Tells who is asking.

    Secrets are found by their SHA-256 in a dict. That needs no comparison in constant time: how
    long a look-up takes tells at most something of a digest, and the digest of a guess is known to
    whoever guesses; it does not lead to the secret, nor to another text with that digest.

    Args:
        keys: the configured credentials; none means local mode.
        project: the project of the local principal.
        now_ns: tells the time, in Unix nanoseconds.
    """

    def __init__(
        self, keys: Sequence[Key], *, project: str, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._configured = {key.digest: _configured(key) for key in keys}
        self._known = self._configured
        self._local = Principal(id=LOCAL, project=project)
        self._now_ns = now_ns

    @property
    def is_local(self) -> bool:
        return not self._configured

    def set_keys(self, keys: Iterable[VirtualKey]) -> None:
        """Know these virtual keys from now on, and no others; requests see all of them or none."""
        virtual = {bytes.fromhex(key.digest): _virtual(key) for key in keys}
        self._known = virtual | self._configured

    def principal(self, headers: Mapping[str, str]) -> Principal:
        """The principal of a request.

        Raises:
            Unauthenticated: a key is needed and none was sent, or the one sent is unknown, disabled
                or has expired.
            InvalidRequest: local mode, and the project named cannot be one.
            Forbidden: local mode, and the request does not come from this machine's own pages.
        """
        sent = ours = False
        for secret in _credentials(headers):
            known = self._known.get(
                hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
            )
            if known is not None:
                if known.disabled or known.expires_ns is not None:
                    _require_valid(known, self._now_ns())
                return known.principal
            sent = True
            ours = ours or secret.startswith(PREFIX)
        # SDKs of model providers refuse to work without a key of some kind.
        if self.is_local and not ours:
            return self._local_principal(headers)
        if sent:
            raise Unauthenticated(
                "the key is not known to this server",
                fix="check it: `trimtab keys list` and access.keys say which there are",
            )
        raise Unauthenticated(
            "this server needs a key", fix="send the header `Authorization: Bearer KEY`"
        )

    def _local_principal(self, headers: Mapping[str, str]) -> Principal:
        _require_own_pages(headers)
        project = headers.get("x-trimtab-project")
        if not project:
            return self._local
        if not _PROJECT.fullmatch(project):
            raise InvalidRequest(
                "a project's name is 1 to 64 letters, digits, dots, dashes and underscores",
                where="x-trimtab-project",
                fix="send such a name, or leave the header out",
            )
        return Principal(id=self._local.id, project=project)


def _configured(key: Key) -> _Known:
    return _Known(Principal(id=key.name, project=key.project, permissions=key.permissions))


def _virtual(key: VirtualKey) -> _Known:
    principal = Principal(
        id=key.name,
        project=key.project,
        permissions=frozenset(key.permissions),
        key=key.key_id,
        user=key.user,
        team=key.team,
        models=key.models,
    )
    return _Known(principal, key.expires_ns, key.disabled)


def _require_valid(known: _Known, now_ns: int) -> None:
    name = known.principal.id
    if known.disabled:
        raise Unauthenticated(
            f"the key {name!r} is disabled", fix="ask for another, or have it enabled"
        )
    if known.expires_ns is not None and known.expires_ns <= now_ns:
        raise Unauthenticated(
            f"the key {name!r} expired at {iso(known.expires_ns)}",
            fix="ask for another, or have its end put off",
        )


def require(principal: Principal, permission: str) -> None:
    """Raises Forbidden when the principal lacks the permission."""
    if not principal.may(permission):
        fix = f"add {permission!r} to its permissions in access.keys"
        if principal.key is not None:
            fix = f"use a key that was issued with the permission {permission!r}"
        raise Forbidden(
            f"the key {principal.id!r} may not {permission}",
            fix=fix,
            permission=permission,
        )


def _credentials(headers: Mapping[str, str]) -> Iterator[str]:
    """Every text of a request that may be its key, from where the SDKs of other platforms put it.

    Bearer, or no scheme at all; Basic, where the key is either half (Langfuse's SDKs send a public
    and a secret key, W&B's the name `api`); and headers of their own.
    """
    scheme, space, value = headers.get("authorization", "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        yield value
    elif scheme.lower() == "basic" and value:
        yield from _halves(value)
    elif scheme and not space and scheme.lower() not in ("bearer", "basic"):
        yield scheme
    for name in _KEY_HEADERS:
        if headers.get(name):
            yield headers[name]


def _halves(value: str) -> Iterator[str]:
    """The halves of a Basic credential (RFC 7617), the password first; none where it is broken."""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return
    yield from (half for half in (password, user) if half)


def _require_own_pages(headers: Mapping[str, str]) -> None:
    """Refuse DNS rebinding (a foreign Host) and cross-site requests (a foreign Origin)."""
    for name in ("host", "origin"):
        value = headers.get(name)
        if value is None:
            continue
        host = _hostname(value if name == "origin" else f"//{value}")
        if host not in LOOPBACK:
            raise Forbidden(
                f"in local mode the {name} must be this machine, not {value[:100]!r}",
                where=name,
                fix="open http://127.0.0.1, or configure access.keys",
            )


def _hostname(value: str) -> str | None:
    try:
        return urlsplit(value).hostname
    except ValueError:
        return None
