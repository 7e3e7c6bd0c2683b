"""Virtual keys: issued once in the clear, kept as a digest, changed and ended.

Whoever issues a key or gives it a new secret may do everything that the key may: a credential never
makes one that is stronger than itself.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import msgspec

from trimtab.errors import Forbidden, InvalidRequest
from trimtab.kit import ids
from trimtab.ports import Clock, KeyStore
from trimtab.records import Principal, VirtualKey
from trimtab.records.principal import permission_complaint

PREFIX = "tt-"
"""What every secret that Trimtab issues begins with."""

_SECRET_BYTES = 32


class KeyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is issued for; the fields are those of `VirtualKey`."""

    name: str
    user: str | None = None
    team: str | None = None
    permissions: tuple[str, ...] = ("gateway:call",)
    models: tuple[str, ...] | None = None
    expires_ns: int | None = None


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A key with its secret, which nobody can be told again."""

    key: VirtualKey
    secret: str

    def __repr__(self) -> str:
        return f"Issued(key={self.key!r}, secret=***)"


class Keys:
    """Issues virtual keys and changes them."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def issue(self, terms: KeyTerms, *, by: Principal) -> Issued:
        """A new key of the project of whoever issues it.

        Raises:
            InvalidRequest: it has no name, or could never be used.
            Forbidden: it would be allowed more than whoever issues it.
            Conflict: the name is taken.
        """
        now_ns = self._clock.now_ns()
        _check(terms, now_ns)
        _require_no_more(terms.permissions, terms.models, by)
        secret = _secret()
        key = VirtualKey(
            key_id=f"key-{ids.uuid7(now_ns)}",
            name=terms.name,
            project=by.project,
            digest=digest_of(secret),
            hint=_hint(secret),
            user=terms.user,
            team=terms.team,
            permissions=terms.permissions,
            models=terms.models,
            expires_ns=terms.expires_ns,
            created_ns=now_ns,
            created_by=by.id,
        )
        self._store.add(key, by=by.id)
        return Issued(key=key, secret=secret)

    def rotate(self, ref: str, *, by: Principal) -> Issued:
        """A new secret for a key; the old one is refused from now on.

        Raises:
            NotFound: there is no such key.
            Forbidden: the key may do more than whoever rotates it.
        """
        key = self._store.get(by.project, ref)
        _require_no_more(key.permissions, key.models, by)
        secret = _secret()
        rotated = self._store.rotate(
            by.project, key.key_id, digest=digest_of(secret), hint=_hint(secret), by=by.id
        )
        return Issued(key=rotated, secret=secret)

    def disable(self, ref: str, *, disabled: bool, by: Principal) -> VirtualKey:
        """Refuse a key from now on, or accept it again. Raises NotFound."""
        return self._store.disable(by.project, ref, disabled=disabled, by=by.id)

    def expire(self, ref: str, *, expires_ns: int | None, by: Principal) -> VirtualKey:
        """Set when a key ends, in Unix nanoseconds; None for never. Raises NotFound."""
        return self._store.expire(by.project, ref, expires_ns=expires_ns, by=by.id)


def digest_of(secret: str) -> str:
    """SHA-256 in hex. 256 random bits cannot be guessed, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def _hint(secret: str) -> str:
    return secret[-4:]


def _check(terms: KeyTerms, now_ns: int) -> None:
    for field, empty in (
        ("user", terms.user is not None and not terms.user.strip()),
        ("team", terms.team is not None and not terms.team.strip()),
        ("permissions", not terms.permissions),
        ("models", terms.models is not None and not all(one.strip() for one in terms.models)),
    ):
        if empty:
            raise InvalidRequest(f"{field} is empty", where=field, fix="name one, or leave it out")
    for permission in terms.permissions:
        if complaint := permission_complaint(permission):
            raise InvalidRequest(
                f"the permission {permission!r} {complaint}",
                where="permissions",
                fix="correct it, or leave it out",
            )
    if terms.expires_ns is not None and terms.expires_ns <= now_ns:
        raise InvalidRequest(
            "the key would have expired already", where="expires_ns", fix="choose a time to come"
        )


def _require_no_more(
    permissions: Sequence[str], models: Sequence[str] | None, by: Principal
) -> None:
    lacking = next((one for one in permissions if not by.may(one)), None)
    if lacking is not None:
        raise Forbidden(
            f"the key {by.id!r} may not give the permission {lacking}, which it has not itself",
            where="permissions",
            fix="leave it out, or use a key that has it",
            permission=lacking,
        )
    if by.models is not None and not set(models or ("*",)) <= set(by.models):
        raise Forbidden(
            f"the key {by.id!r} may not give models that it may not ask for itself",
            where="models",
            fix=f"give some of {', '.join(by.models)}",
        )
