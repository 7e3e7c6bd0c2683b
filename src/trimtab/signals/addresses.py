"""Addresses as a browser would take them: the host, and what an address carries away."""

from __future__ import annotations

import re
import string
from base64 import b64decode
from typing import NamedTuple
from urllib.parse import unquote_plus

from trimtab.signals.normal import normal

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}\Z")
_NEAR = re.compile(
    r"(?:(?:127|10)(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2}"
    r"|\[::1\]|0\.0\.0\.0)\Z"
)
_PLACEHOLDER = re.compile(
    r"(?:^|[^\w\\)}])(?:\$?\{\{?|<|\[|\$)[ ]?[A-Za-z_][\w .-]{2,}(?:\b|[\]>})])|\{\{|<[A-Z_]+_\d|%s"
    r"|\b(?:DATA|SECRET|PASSWORD|PROMPT|CONTENT|SUMMARY|HISTORY|MESSAGES?|INSERT)\b"
)
# Not the picture@2x.png of a dense screen, nor the package@1.2.3 of a registry.
_ADDRESS = re.compile(r"[\w.+-]{1,64}@(?!\d+(?:x\.|\.\d))[\w-]{1,64}\.\w")
_KEY = re.compile(
    r"\b(?:sk-|pk-|ghp_|AKIA|AIza|xox[bp]-)[\w-]{8}|\beyJ[\w-]{8,}\.eyJ|\b\d{15,16}\b"
    r"|\b(?:\d{4}[ +_.-]){3}\d{3,4}\b"
)
# Letters and digits need no escape, so that it hides what they say.
_ESCAPED = re.compile(r"%(?:3\d|[46][1-9a-fA-F]|[57][0-9aA])")
_CODE = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_CARRYING = frozenset(
    {
        *("c", "chat", "content", "contents", "context", "conversation", "convo", "creds", "d"),
        *("data", "dump", "email", "exfil", "history", "info", "key", "leak", "log", "mail"),
        *("message", "messages", "msg", "note", "p", "pass", "password", "payload", "prompt"),
        *("pw", "secret", "secrets", "session", "stolen", "summary", "system", "t", "text"),
        *("token", "user", "value", "x"),
    }
)
_ASKING = frozenset({"q", "query", "search", "s", "keywords", "k"})
_SIGNING = re.compile(r"(?i)sig|x-amz|x-goog|hmac|expires|policy|hash|etag|utm_|gclid|fbclid")
_CREDENTIAL = re.compile(r"[A-Z0-9]{16,24}/\d{8}/[a-z0-9-]{4,30}/\w{1,20}/aws4_request\Z")
_HEX = re.compile(r"[0-9A-Fa-f]+\Z")
_READABLE = frozenset(string.printable.encode())
_LEAST_READ = 10  # bytes
_LEAST_ESCAPED = 6
_LONG = 200  # characters of a query, those that only sign it left out
_VERY_LONG = 1200
_MOST = 4096
_LOADERS = frozenset({"javascript", "vbscript", "livescript"})


class Address(NamedTuple):
    """An address in parts; `host` is empty where it is relative or has none."""

    scheme: str
    user: str
    host: str
    tail: str


def parsed(target: str) -> Address:
    """The parts of an address, never refused: browsers follow what parsers turn away.

    >>> parsed("https://bank.example@evil.test/a?b").host
    'evil.test'
    """
    # Browsers drop tabs and line breaks, and take backslashes for slashes (WHATWG URL, 4.4).
    cleaned = re.sub(r"[\t\r\n]", "", target).strip()
    scheme_found = _SCHEME.match(cleaned)
    scheme = scheme_found.group(1).lower() if scheme_found else ""
    rest = cleaned[scheme_found.end() :] if scheme_found else cleaned
    slashed = rest.replace("\\", "/")
    if not slashed.startswith("//"):
        return Address(scheme, "", "", rest)
    end = re.search(r"[/?#]", slashed[2:])
    stop = 2 + end.start() if end else len(slashed)
    user, _, place = slashed[2:stop].rpartition("@")
    return Address(scheme, user, _host(place), rest[stop:])


def _host(place: str) -> str:
    if place.startswith("["):
        return place[: place.find("]") + 1] or place
    return unquote_plus(place.partition(":")[0]).rstrip(".").lower()


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, in any of the spellings that browsers take."""
    return host.startswith("[") or bool(_NUMBER.match(host))


def is_near(host: str) -> bool:
    """Whether a host is this machine or one of a private network, written as anybody would.

    >>> is_near("127.0.0.1"), is_near("0x7f.1"), is_near("169.254.169.254")
    (True, False, False)
    """
    return _NEAR.match(host) is not None


def is_script(address: Address) -> bool:
    """Whether following an address runs what it says."""
    return address.scheme in _LOADERS


def shown_host(host: str) -> str:
    """How a host in Punycode is shown, as far as it can be decoded."""
    parts = []
    for part in host.split("."):
        try:
            parts.append(part[4:].encode().decode("punycode") if part.startswith("xn--") else part)
        except UnicodeError:
            parts.append(part)
    return ".".join(parts)


def is_disguised(host: str) -> bool:
    """Whether a host passes for another one: letters of other scripts that look like Latin ones."""
    shown = shown_host(host)
    return not shown.isascii() and normal(shown).text.isascii()


def within(host: str, allowed: str) -> bool:
    """Whether a host is the allowed one, or lies below `*.` of it.

    >>> within("a.example.org", "*.example.org"), within("example.org", "*.example.org")
    (True, False)
    """
    if allowed.startswith("*."):
        return host.endswith(allowed[1:])
    return host == allowed


def carries(address: Address) -> float:
    """How likely an address carries data away, in [0, 1], by its query, path, fragment and host."""
    path, _, after = address.tail.partition("?")
    query, _, fragment = after.partition("#")
    most = 0.7 if len(_ESCAPED.findall(address.tail[:_MOST])) >= _LEAST_ESCAPED else 0.0
    said = len(fragment)
    for pair in re.split(r"[&;]", query)[:64]:
        name, _, value = pair.partition("=")
        most = max(most, _value(name.lower(), value) if value else _value("", name))
        said += 0 if _SIGNING.search(name) else len(pair)
    if said > _LONG or len(after) > _VERY_LONG:
        most = max(most, 0.6)
    for part in path.split("/")[-8:]:
        most = max(most, _coded(part), _marked(unquote_plus(part)))
    most = max(most, _coded(fragment), _marked(unquote_plus(fragment)))
    most = max(most, _marked(address.host))
    return max(most, max(map(_label, address.host.split(".")), default=0.0))


def _value(name: str, value: str) -> float:
    said = unquote_plus(value[:_MOST])
    if name == "x-amz-credential" and _CREDENTIAL.match(said):
        return 0.0
    risk = max(_marked(said), _coded(value))
    if len(said) >= 24 and len(said.split()) >= 4:
        risk = max(risk, 0.3 if name in _ASKING else 0.6)
    if name in _CARRYING and len(said) >= 8 and not said.isdigit():
        # A short token, such as of a badge, is nothing that was said.
        is_token = name in {"key", "token"} and len(said) <= 12 and said.isalnum()
        risk = max(risk, 0.3 if is_token else 0.7)
    return risk / 2 if _SIGNING.search(name) else risk


def _marked(said: str) -> float:
    said = said[:_MOST]
    if _ADDRESS.search(said) or _KEY.search(said):
        return 0.9
    return 0.8 if _PLACEHOLDER.search(said) else 0.0


def _coded(part: str) -> float:
    """Of a part that looks like base64 or hexadecimal; more of one that says something so."""
    most = 0.0
    for found in _CODE.findall(part[:_MOST]):
        head = found[:256]
        if _says(head) or _says(head[::-1]):
            return 0.7
        classes = sum(any(map(test, head)) for test in _CLASSES)
        if classes == 3 or (len(found) >= 32 and found.isalnum() and classes == 2):
            most = _UNREADABLE
    return most


_CLASSES = (str.isdigit, str.islower, str.isupper)
# Names of files, ids of pages and signatures look like this, and say nothing.
_UNREADABLE = 0.3


def _says(code: str) -> bool:
    """Whether a code is one of readable text."""
    made: list[bytes] = []
    if len(code) % 2 == 0 and _HEX.match(code):
        made.append(bytes.fromhex(code))
    plain = code.replace("-", "+").replace("_", "/").rstrip("=")
    for start in range(4):
        # A code within a name begins anywhere.
        each = plain[start:]
        made.append(b64decode(each[: len(each) // 4 * 4].replace("=", "A")))
    return any(_is_readable(one) for one in made)


def _is_readable(data: bytes) -> bool:
    seen = sum(one in _READABLE for one in data)
    return len(data) >= _LEAST_READ and seen >= 0.95 * len(data)


def _label(label: str) -> float:
    return 0.7 if len(label) >= 30 and not label.startswith("xn--") else 0.0
