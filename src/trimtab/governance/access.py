"""Access: from the headers of a request to its principal.

Local mode (no keys configured) is for loopback only: everything is open to one local principal, and
requests that a browser was tricked into sending are refused. With keys, every request needs one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from trimtab.errors import Forbidden, InvalidRequest, Unauthenticated
from trimtab.records import Principal

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


class Access:
    """Tells who is asking.

    Args:
        keys: the configured credentials; none means local mode.
        project: the project of the local principal.
    """

    def __init__(self, keys: Sequence[Key], *, project: str) -> None:
        self._keys = tuple(keys)
        self._local = Principal(id="local", project=project)

    @property
    def is_local(self) -> bool:
        return not self._keys

    def principal(self, headers: Mapping[str, str]) -> Principal:
        """The principal of a request.

        Raises:
            Unauthenticated: a key is needed and none, or an unknown one, was sent.
            InvalidRequest: local mode, and the project named cannot be one.
            Forbidden: local mode, and the request does not come from this machine's own pages.
        """
        if self.is_local:
            _require_own_pages(headers)
            project = headers.get("x-trimtab-project") or self._local.project
            if not _PROJECT.fullmatch(project):
                raise InvalidRequest(
                    "a project's name is 1 to 64 letters, digits, dots, dashes and underscores",
                    where="x-trimtab-project",
                    fix="send such a name, or leave the header out",
                )
            return Principal(id=self._local.id, project=project)
        sent = False
        for secret in _credentials(headers):
            sent = True
            digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
            for key in self._keys:
                if hmac.compare_digest(key.digest, digest):
                    return Principal(id=key.name, project=key.project, permissions=key.permissions)
        if sent:
            raise Unauthenticated("the key is not known to this server", fix="check access.keys")
        raise Unauthenticated(
            "this server needs a key", fix="send the header `Authorization: Bearer KEY`"
        )


def require(principal: Principal, permission: str) -> None:
    """Raises Forbidden when the principal lacks the permission."""
    if not principal.may(permission):
        raise Forbidden(
            f"the key {principal.id!r} may not {permission}",
            fix=f"add {permission!r} to its permissions in access.keys",
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
