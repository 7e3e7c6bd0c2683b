"""AWS Signature Version 4: a request and a secret in, the headers that sign it out. Pure.

Source: AWS, "Create a signed AWS API request" (docs.aws.amazon.com/IAM/latest/UserGuide).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urlsplit

import msgspec

_ALGORITHM = "AWS4-HMAC-SHA256"
# Never signed: a proxy may add or change them (the AWS SDKs leave out the same).
_UNSIGNED = frozenset({"connection", "user-agent", "expect", "x-amzn-trace-id", "accept"})


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """An access key; `session_token` goes with temporary ones."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return "Credentials()"  # all of it is secret


class Scope(msgspec.Struct, frozen=True):
    """What a signature is for: a service of a region."""

    region: str
    service: str


def signed_headers(
    credentials: Credentials,
    scope: Scope,
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> dict[str, str]:
    """The headers to add to a request: its time, the session token, and `authorization`.

    Args:
        url: as it goes on the wire, percent-encoded once. Its path is encoded a second time in
            what is signed, as every service but S3 wants it.
        headers: those of the request that are to be signed, names in lower case; `host` is taken
            from the URL unless it is among them.
        at: now, in UTC.

    >>> from datetime import UTC
    >>> added = signed_headers(
    ...     Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="secret"),
    ...     Scope("eu-west-1", "bedrock"), method="POST", url="https://example.com/model/a%3A0/invoke",
    ...     headers={}, body=b"{}", at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC))
    >>> added["authorization"].partition(", Signature=")[0]
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/bedrock/aws4_request,
     SignedHeaders=host;x-amz-date'
    """
    time = at.strftime("%Y%m%dT%H%M%SZ")
    added = {"x-amz-date": time}
    if credentials.session_token:
        added["x-amz-security-token"] = credentials.session_token
    parts = urlsplit(url)
    named = {"host": _host(parts.scheme, parts.netloc), **headers, **added}
    names, canonical = canonical_request(method, parts.path, parts.query, named, body)
    place = f"{time[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = string_to_sign(canonical, time=time, place=place)
    key = signing_key(credentials.secret_access_key, time[:8], scope)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    added["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{place}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return added


def canonical_request(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, str]:
    """The names of the signed headers, and the request in the one form that is signed."""
    values = {
        name.lower(): " ".join(value.split())
        for name, value in headers.items()
        if name.lower() not in _UNSIGNED
    }
    names = ";".join(sorted(values))
    lines = "".join(f"{name}:{values[name]}\n" for name in sorted(values))
    hashed = hashlib.sha256(body).hexdigest()
    head = f"{method}\n{_path(path)}\n{_query(query)}\n"
    return names, f"{head}{lines}\n{names}\n{hashed}"


def string_to_sign(canonical: str, *, time: str, place: str) -> str:
    """What is signed: algorithm, time, scope, and the hash of the canonical request."""
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{_ALGORITHM}\n{time}\n{place}\n{hashed}"


@lru_cache(maxsize=16)  # one a day for each set of credentials
def signing_key(secret: str, day: str, scope: Scope) -> bytes:
    """The key of one day (`20150830`) and scope."""
    key = b"AWS4" + secret.encode()
    for step in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return key


def _host(scheme: str, netloc: str) -> str:
    """As in the `Host` header: without the port that the scheme implies."""
    default = {"https": ":443", "http": ":80"}.get(scheme, "")
    return netloc.lower().removesuffix(default) if default else netloc.lower()


@lru_cache(maxsize=256)
def _path(path: str) -> str:
    """Without dot segments and doubled slashes, each segment encoded (once more)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(quote(segment, safe="-_.~"))
    slash = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + slash


def _query(query: str) -> str:
    """Every name and value encoded exactly once, sorted by name, then by value."""
    pairs = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        pairs.append(tuple(quote(unquote_to_bytes(part), safe="-_.~") for part in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
