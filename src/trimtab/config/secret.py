"""Values that must not be shown: secrets, and URLs that may carry a password."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn

MASK = "***"
_USER_PASSWORD = re.compile(r"^([^:/]+://[^:@/]*):.*@", re.DOTALL)
_PASSWORD_FIELD = re.compile(r"((?:password|passwd|secret|token|key)\s*=)[^&\s]*", re.IGNORECASE)


class Secret:
    """A string that shows itself as `***`; only `reveal` returns it.

    It cannot be pickled or encoded as JSON by accident, and comparing two takes the same time
    wherever they differ.

    >>> secret = Secret("sk-12345678")
    >>> f"{secret} {secret!r}", secret.reveal()
    ('*** ***', 'sk-12345678')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere; pass reveal() on purpose")


class ConnectionUrl(str):
    """A URL or connection string that may carry a password: usable as it is, masked when shown.

    >>> url = ConnectionUrl("postgresql://ann:pa@ss@db/trimtab")
    >>> url
    'postgresql://ann:***@db/trimtab'
    >>> url.has_password, ConnectionUrl("postgresql://db/trimtab").has_password
    (True, False)
    """

    __slots__ = ()

    @property
    def masked(self) -> str:
        text = _USER_PASSWORD.sub(rf"\1:{MASK}@", str.__str__(self))
        return _PASSWORD_FIELD.sub(rf"\1{MASK}", text)

    @property
    def has_password(self) -> bool:
        return self.masked != str.__str__(self)

    def __repr__(self) -> str:
        return repr(self.masked)


def _bytes(text: str) -> bytes:
    """Environment variables may hold lone surrogates (undecodable bytes)."""
    return text.encode("utf-8", "surrogatepass")
