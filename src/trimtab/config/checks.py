"""Rules for single values that a type cannot say. Each returns the complaint, or None.

A complaint never contains the value: it may be, or may hold, a secret.
"""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

from trimtab.config.secret import Secret
from trimtab.records import Price

RESERVED_NAME = "trimtab"


def base_url(value: str) -> str | None:
    """An http or https URL with a host, and nothing in it that belongs elsewhere.

    >>> base_url("https://api.example.com/v1") is None
    True
    >>> base_url("https://me:pw@api.example.com")
    'must not contain credentials; use `api_key`'
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be a URL with a valid host and port"
    if parts.scheme not in ("http", "https") or not host:
        return "must be a URL that starts with http:// or https:// and names a host"
    if "@" in parts.netloc:
        return "must not contain credentials; use `api_key`"
    if parts.query or parts.fragment:
        return "must not contain a query or a fragment"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "must not contain spaces, line breaks or other than ASCII characters"
    return None


def header_value(value: Secret) -> str | None:
    """Something that can be sent in an HTTP header (RFC 9110, section 5.5) and is not empty."""
    text = value.reveal()
    if not text:
        return "must not be empty"
    if text != text.strip():
        return "must not begin or end with a space or a line break"
    if not text.isascii() or not text.isprintable():
        return "must be printable ASCII: it is sent in an HTTP header"
    return None


def not_reserved(value: str) -> str | None:
    """`trimtab` names what is built in."""
    return f"must not be `{RESERVED_NAME}`, which is built in" if value == RESERVED_NAME else None


def price(value: Price) -> str | None:
    """Dollars per million tokens are finite and not negative."""
    for bucket in Price.__struct_fields__:
        rate = getattr(value, bucket)
        if rate is not None and not (rate.is_finite() and rate >= 0):
            return f"must have no negative or infinite amount (`{bucket}`)"
    return None


def day(value: str) -> str | None:
    """A day of the calendar.

    >>> day("2026-02-30")
    'must be a day of the calendar'
    """
    try:
        date.fromisoformat(value)
    except ValueError:
        return "must be a day of the calendar"
    return None
