"""Keys that show whose they are, found in one pass over the text."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import re2

from trimtab.signals.secrets.kinds import KINDS, NEAR
from trimtab.signals.secrets.placeholders import is_placeholder

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STORES = re.compile(
    r"(?i)postgres|mysql|mariadb|mongodb|redis|valkey|amqp|mssql|sqlserver|oracle|clickhouse|"
    r"cockroach|jdbc|kafka|nats|ldap|snowflake|cassandra|neo4j|bolt"
)
# Without its scheme, which any letter may begin: to count from each would fill RE2's automaton.
_LOGIN = r"://[^\s/:@\"'<>]{0,100}:[^\s/@\"'<>]{3,200}@[^\s@]"
_BLOCK = (
    r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-[^-])*-----END [A-Z0-9 ]{1,50}-----|(?:(?:\s|\\n)*[0-9A-Za-z+/=]{16,})+)"
)
_PUTTY = (
    r"PuTTY-User-Key-File-[23]: (?:[^P]|P[^r]|Pr[^i])*(?:Private-Lines: \d+\s[0-9A-Za-z+/=\s]*)?"
)
_PRIVATE = (
    r"-----BEGIN (?:[A-Z0-9]{1,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-[^-])*(?:-{1,5}(?:END [A-Z0-9 ]{0,50}-{0,5})?)?"
)
_PUTTY_OPEN = (
    r"PuTTY-User-Key-File-[23]: (?:[^P]|P[^r]|Pr[^i])*"
    r"(?:Pri(?:vate-Lines: \d+\s[0-9A-Za-z+/=\s]*)?)?"
)
_NONE_OPEN = (
    r";base64,[0-9A-Za-z+/=\s]+"
    r"|-----BEGIN (?:CERTIFICATE|[A-Z ]{0,12}PUBLIC KEY|PGP MESSAGE|PGP SIGNATURE)[A-Z -]*[^-]*"
)
BLOCKS = (_PRIVATE, _PUTTY_OPEN, _NONE_OPEN)
"""What is read as one thing, from its beginning on, of any length."""
_CODED = re.compile(r"[0-9A-Za-z+/=]+\Z")
_BODY = re.compile(r"[0-9A-Za-z+/=]{24}")
# Long codes that are none: pictures, checksums, certificates, public keys.
_NONE = (
    r";base64,[0-9A-Za-z+/=\s]+|sha(?:1|224|256|384|512)[-:=][0-9A-Za-z+/=]{20,}"
    r"|-----BEGIN (?:CERTIFICATE|[A-Z ]{0,12}PUBLIC KEY|PGP MESSAGE|PGP SIGNATURE)[A-Z -]*"
    r"[^-]*|ssh-(?:rsa|dss|ed25519) AAAA[0-9A-Za-z+/=]*"
)
_BASE64 = re.compile(r"[0-9A-Za-z+/]{24}")


class Key(NamedTuple):
    start: int
    end: int
    kind: str
    score: float


_Named = tuple[str, re.Pattern[str]]


class _Shapes(NamedTuple):
    """`every`: all of them, for RE2; `by_start`: those that begin with two characters, or any."""

    every: re.Pattern[bytes]
    by_start: dict[str, list[_Named]]
    near: tuple[tuple[re.Pattern[str], _Named], ...]


def keys(text: str, data: bytes, *, placeholders: bool = False) -> Iterator[Key]:
    """The keys of a text, in the order of their places.

    Args:
        data: the text with one byte for each character.
        placeholders: whether those of documentation count.
    """
    for found in _shapes().every.finditer(data):
        key = _key(text, *found.span())
        if key is not None and (
            placeholders
            or not is_placeholder(text[key.start : key.end], is_key=key.kind not in _LOGINS)
        ):
            yield key


_LEAST_NEAR = 32


def named(text: str, start: int, end: int) -> str | None:
    """Whose a value without a mark of its own is, by the words before it."""
    if end - start < _LEAST_NEAR:
        return None
    before = text[max(start - NEAR, 0) : start]
    value = text[start:end]
    for word, (name, pattern) in _shapes().near:
        if pattern.fullmatch(value) and word.search(before):
            return name
    return None


@cache
def _shapes() -> _Shapes:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 64 << 20
    options.log_errors = False  # of a text that needs more, RE2 would tell standard error
    marked = [kind for kind in KINDS if not kind.near]
    each = "|".join(kind.pattern for kind in marked)
    every = re2.compile(f"{_NONE}|{_BLOCK}|{_PUTTY}|{_LOGIN}|\\b(?:{each})".encode(), options)
    starts = [re.match(r"[0-9A-Za-z_-]*(?![?*+{])", kind.pattern) for kind in marked]
    literal = [found.group()[:2] if found else "" for found in starts]
    by_start: dict[str, list[_Named]] = {}
    for start in {"", *literal}:
        by_start[start] = [
            (kind.name, re.compile(kind.pattern))
            for kind, own in zip(marked, literal, strict=True)
            if len(own) < 2 or own == start
        ]
    near = tuple(
        (re.compile(f"(?i){kind.near}"), (kind.name, re.compile(kind.pattern)))
        for kind in KINDS
        if kind.near
    )
    return _Shapes(every, by_start, near)


_LINES = re.compile(r"(?:\s|\\n|\\r)+")
_LEAST_BODY = 64
_LEAST_LINE = 4


def _is_wrapped(block: str) -> bool:
    """Whether a block holds a code in short lines, which are as long as each other but the last."""
    parts = block.split("-----")
    lines = list(filter(_CODED.match, _LINES.split(parts[2] if len(parts) > 2 else "")))
    widths = {len(line) for line in lines[:-1]}
    body = "".join(lines)
    is_even = len(widths) == 1 and _LEAST_LINE <= max(widths) >= len(lines[-1])
    return is_even and len(body) >= _LEAST_BODY and _is_random(body)


_LOGINS = {"connection_string", "basic_auth_url"}
_LONGEST_SCHEME = 21
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+\Z")


def _key(text: str, start: int, end: int) -> Key | None:
    head = text[start : start + 5]
    if head in {"-----", "PuTTY"}:
        is_whole = _BODY.search(text, start, end) is not None or _is_wrapped(text[start:end])
        is_private = "PRIVATE" in text[start : start + 60] or head == "PuTTY"
        return Key(start, end, "private_key", 1.0) if is_whole and is_private else None
    by_start = _shapes().by_start
    for name, pattern in by_start.get(head[:2], by_start[""]):
        if (found := pattern.match(text, start)) is not None and found.end() >= end:
            if _is_in_base64(text, start) or (name in _LOOSE and not _is_random(text[start:end])):
                return None
            return Key(start, end, name, _sure(name, text, start, end))
    return _login(text, start, end)


def _login(text: str, start: int, end: int) -> Key | None:
    """The password of an address, which ends before an at-sign and the character after it."""
    scheme = _SCHEME.search(text, max(start - _LONGEST_SCHEME, 0), start)
    colon = text.find(":", start + 3, end)
    if scheme is None or not text.startswith("://", start) or colon < 0:
        return None
    kind = "connection_string" if _STORES.match(scheme[0]) else "basic_auth_url"
    return Key(colon + 1, end - 2, kind, 0.9)


_LOOSE = {
    *("voyage_api_key", "fireworks_api_key", "resend_api_key", "render_api_key"),
    "composio_api_key",
}
"""With marks so short that names in programs have them too."""


def _is_random(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isupper, value))


def _is_in_base64(text: str, start: int) -> bool:
    return text[start - 1 : start] in {"/", "+"} and bool(
        _BASE64.fullmatch(text, max(start - 25, 0), start - 1)
    )


def _sure(kind: str, text: str, start: int, end: int) -> float:
    """How sure a key is what it looks like; GitHub's end in a checksum of what is before it."""
    if kind != "github_token" or end - start != 40:
        return 0.95
    rest = zlib.crc32(text[start + 4 : end - 6].encode())
    digits = ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    return 1.0 if digits == text[end - 6 : end] else 0.8
