"""What an operator wrote about a provider, checked and made ready for requests.

Every fault is a `ConfigError` that names the setting and never shows a credential.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from trimtab.errors import ConfigError
from trimtab.kit.http1 import Fields, parse_url
from trimtab.providers.wire import PASSTHROUGH, Account, Wire
from trimtab.version import __version__

# Shorter ones are the placeholders ("none", "EMPTY") given to servers that want no credential.
_SECRET_BYTES = 8
_SECRET_HEADER = re.compile(r"auth|cookie|key|password|secret|token", re.IGNORECASE)


def spoken(wire: Wire, account: Account) -> tuple[str, ...]:
    """The dialects of an account: the kind's own, or those it names."""
    known = (*wire.paths, PASSTHROUGH)
    for dialect in account.speaks:
        if dialect not in known:
            raise ConfigError(
                f"{account.name} cannot be asked in {dialect}",
                where=f"providers[{account.name}].speaks",
                fix=f"name some of {', '.join(known)}",
            )
    return account.speaks or wire.speaks


def base(wire: Wire, account: Account) -> tuple[str, str]:
    """Where the API begins, and the host and port to name in errors."""
    where = f"providers[{account.name}].base_url"
    if not account.base_url:
        raise ConfigError(
            f"nothing says where {account.name} is",
            where=where,
            fix="give the address where its API begins, as in https://api.example.com/v1",
        )
    begins = account.base_url.rstrip("/")
    path = next((path for path in wire.paths.values() if begins.endswith(path)), None)
    if path is not None or "?" in begins:
        raise ConfigError(
            f"the address of {account.name} is not where an API begins",
            where=where,
            fix=f"give the part before {path or '?'}, as in https://api.example.com/v1",
        )
    try:
        origin = parse_url(begins).origin
    except ValueError as error:
        raise ConfigError(
            f"the address of {account.name} cannot be called: {error}",
            where=where,
            fix="give an address like https://api.example.com/v1",
        ) from None
    return begins, str(origin)


def query(wire: Wire, account: Account) -> str:
    """What every URL ends in, without the question mark."""
    fields = dict(wire.query)
    if wire.credential_query and account.api_key:
        fields[wire.credential_query] = account.api_key
    return urlencode(fields, quote_via=quote)


def fields(wire: Wire, account: Account) -> Fields:
    """The headers of every call."""
    where = f"providers[{account.name}]"
    common = {
        # Bytes are forwarded as they come, so they must come uncompressed.
        "accept-encoding": "identity",
        "user-agent": f"trimtab/{__version__}",
        **wire.headers,
    }
    own = {name.lower(): value for name, value in account.headers.items()}
    try:
        known = Fields({**common, **own})
    except ValueError as error:
        raise ConfigError(
            f"the headers of {account.name} cannot be sent: {error}",
            where=f"{where}.headers",
            fix="give names and values that HTTP headers can hold",
        ) from None
    if not account.api_key or not wire.credential:
        return known
    try:
        return known.plus({wire.credential: f"{wire.scheme}{account.api_key}"})
    except ValueError:
        raise ConfigError(
            f"the credential of {account.name} has a character that HTTP headers cannot hold",
            where=f"{where}.api_key",
            fix="give the key alone, without quotes, spaces or line ends around it",
        ) from None


def secrets(account: Account, more: Sequence[str]) -> list[bytes]:
    """What must not be seen in an answer."""
    headers = [value for name, value in account.headers.items() if _SECRET_HEADER.search(name)]
    known = [account.api_key or "", *headers, *account.credentials.values(), *more]
    spelt = [secret.encode("latin-1", "replace") for secret in known]
    return [secret for secret in spelt if len(secret) >= _SECRET_BYTES]
