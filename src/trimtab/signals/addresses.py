"""Addresses as a browser would take them: the host, and what an address carries away."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_plus

from trimtab.signals.normal import normal

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}\Z")
_PLACEHOLDER = re.compile(
    r"[{}<>\[\]$]|%s|\b(?:DATA|SECRET|PASSWORD|PROMPT|CONTENT|SUMMARY|HISTORY|MESSAGES?|INSERT)\b"
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.\w")
_KEY = re.compile(
    r"\b(?:sk-|pk-|ghp_|AKIA|AIza|xox[bp]-)[\w-]{8}|\beyJ[\w-]{8,}\.eyJ|\b\d{15,16}\b"
)
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
    most = 0.6 if len(after) > 200 else 0.0
    for pair in re.split(r"[&;]", query)[:64]:
        name, _, value = pair.partition("=")
        most = max(most, _value(name.lower(), value) if value else _value("", name))
    for part in path.split("/")[-8:]:
        most = max(most, _coded(part), _marked(unquote_plus(part)))
    most = max(most, _coded(fragment), _marked(unquote_plus(fragment)))
    return max(most, max(map(_label, address.host.split(".")), default=0.0))


def _value(name: str, value: str) -> float:
    said = unquote_plus(value[:_MOST])
    risk = max(_marked(said), _coded(value))
    if len(said) >= 24 and len(said.split()) >= 4:
        risk = max(risk, 0.3 if name in _ASKING else 0.6)
    if name in _CARRYING and len(said) >= 8 and not said.isdigit():
        risk = max(risk, 0.7)
    return risk / 2 if _SIGNING.search(name) else risk


def _marked(said: str) -> float:
    said = said[:_MOST]
    if _ADDRESS.search(said) or _KEY.search(said):
        return 0.9
    return 0.8 if _PLACEHOLDER.search(said) else 0.0


def _coded(part: str) -> float:
    """Of a part that looks like base64 or hexadecimal rather than a name."""
    for found in _CODE.findall(part[:_MOST]):
        head = found[:256]
        classes = sum(any(map(test, head)) for test in _CLASSES)
        if classes == 3 or (len(found) >= 32 and found.isalnum() and classes == 2):
            return 0.5 if "-" in head else 0.7
    return 0.0


_CLASSES = (str.isdigit, str.islower, str.isupper)


def _label(label: str) -> float:
    return 0.7 if len(label) >= 30 and not label.startswith("xn--") else 0.0
