"""Rules for single values that a type cannot say. Each returns the complaint, or None.

A complaint never contains the value: it may be, or may hold, a secret.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from trimtab.config.secret import Secret
from trimtab.kit.addresses import is_private, serves_metadata
from trimtab.records import Price

WITHOUT_BASE_URL = frozenset({"azure", "openai_compatible"})
RESERVED_NAME = "trimtab"
STATIC = "static"  # the embedder that is a table, no model of a provider
_ONNX = "onnx:"  # before the folder of one
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_SENT_BY_TRIMTAB = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "expect"),
        *("host", "transfer-encoding"),
    }
)


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
    if serves_metadata(host):
        return "must not lead to a link-local address or a cloud's metadata"
    if parts.query or parts.fragment:
        return "must not contain a query or a fragment"
    if not value.isascii() or not value.isprintable() or " " in value:
        return "must not contain spaces, line breaks or other than ASCII characters"
    return None


def safe_base_url(value: str, *, allow_private: bool) -> str | None:
    """A `base_url` that may be called. What its name resolves to is judged when it is called.

    Args:
        value: the URL.
        allow_private: whether it may be on this machine or in this network, as whoever writes the
            configuration file may say, and whoever has no more than the API may not.

    >>> safe_base_url("http://127.0.0.1:11434/v1", allow_private=False)
    'must not be on this machine or in its network'
    """
    complaint = base_url(value)
    if complaint is None and not allow_private and is_private(urlsplit(value).hostname or ""):
        return "must not be on this machine or in its network"
    return complaint


def is_local_embedder(value: str) -> bool:
    """Whether an embedder runs in this process, and is no model of a provider.

    >>> [is_local_embedder(one) for one in ("static", "onnx:/models/minilm", "openai/small")]
    [True, True, False]
    """
    return value == STATIC or value.startswith(_ONNX)


def word(value: str) -> str | None:
    """A name in small letters and underscores."""
    return None if _WORD.fullmatch(value) else "must be named with small letters and underscores"


def header_name(value: str) -> str | None:
    """A name that a header of one's own may have."""
    if not _HEADER_NAME.fullmatch(value):
        return "must be named with letters, digits and hyphens"
    return "is set by Trimtab itself" if value.lower() in _SENT_BY_TRIMTAB else None


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


def complete_provider(value: Any) -> str | None:
    """A kind that is at no address of its own needs one."""
    if value.kind in WITHOUT_BASE_URL and value.base_url is None:
        return f"needs a `base_url`: {value.kind} can be anywhere"
    return None


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
