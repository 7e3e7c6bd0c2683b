"""Addresses of the internet: e-mail, URLs, domain names, IP and hardware addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

import re2

from trimtab.signals.pii.near import near
from trimtab.signals.pii.tlds import KNOWN, SPOKEN, WORDS
from trimtab.signals.pii.view import GATES, Hit, View, Words

NAMES = ("email_address", "url", "domain_name", "ip_address", "mac_address")

_LONGEST = 110
"""Longer ones are no address that anyone uses, and of a URL only as much is pointed at: so that a
text that grows is never decided about from further away than `Pii.lookback_chars`."""

_LABEL = r"[^\W_](?:[\w\-]{0,61}[^\W_])?"
_TOP = r"(?:xn--[a-z0-9\-]{2,40}|[^\W\d_]{2,24})"
_HOST = rf"(?:{_LABEL}\.){{1,5}}{_TOP}"

_MAIL_GATE = GATES.add(r"(?i)@[\pL\pN][\pL\pN\-.]*\.(?:\pL\pL|xn--)|[\[({]\s?at\s?[\])}]")
_SPELT_GATE = GATES.add(r"(?i)[\[({]\s?at\s?[\])}]")
_LOCAL = re.compile(r"[\w.%+~'\-]{1,64}")
_MAIL_HOST = re.compile(_HOST)
_SPELT = re.compile(
    r"(?i)(?<![\w.])[\w.+\-]{1,40}\s?[\[({]\s?at\s?[\])}]\s?[\w\-]{1,40}"
    r"(?:\s?(?:\.|[\[({]\s?dot\s?[\])}])\s?[a-z]{2,12}){1,2}\b"
)
_SPACED_GATE = GATES.add(r"(?i)[\pL\pN] @ [\pL\pN]|[\pL\pN] dot (?:com|org|net|edu|gov|io|de|uk)\b")
_SPACED = re.compile(
    r"(?i)(?<![\w.])[\w.+\-]{2,40} (?:@ [\w\-]{1,40}(?:\.[\w\-]{1,40}){0,2}\."
    r"(?:com|org|net|edu|gov|io|de|uk)|at [\w\-]{1,40}(?: dot [\w\-]{1,40}){0,2} dot "
    r"(?:com|org|net|edu|gov|io|de|uk))\b"
)
_URL = re.compile(r"(?i)(?<![^\W_])(?:https?|ftps?|wss?)://[^\s<>\"'`{}|\\^]{3,110}")
_URL_PARTS = re.compile(r"(?i)[a-z]+://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::[0-9]+)?(/?)(.*)")
_TOPPED = re2.compile(rf"(?i)[\pL\pN]\.(?:{'|'.join(sorted(KNOWN))}|xn--[a-z0-9]+)\b")
"""What every name ends in: RE2 says in a moment where one may be."""

_DOMAIN_GATE = GATES.add(_TOPPED.pattern)
# From a class of characters on, which `re` looks for quickly; so the next ones.
_DOMAIN = re.compile(
    rf"[^\W_](?<![\w@.\-/\\=$][^\W_])(?:[\w\-]{{0,61}}[^\W_])?\.(?:{_LABEL}\.){{0,4}}{_TOP}"
    r"(?![\w@(])(?!\.\w)(?!-\w)"
)
_REACH = 512
"""Longer than any name that `_DOMAIN` finds."""
_V4_GATE = GATES.add(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_V4 = re.compile(
    r"[0-9](?<![\w.\-][0-9])[0-9]{0,2}\.(?:[0-9]{1,3}\.){2}[0-9]{1,3}(?![\w\-])(?!\.[0-9])"
)
_NOBODY = re.compile(r"(?:127|255)\.|0\.0\.0\.0\Z")
"""Of every machine itself, and masks of networks."""

_V6_GATE = GATES.add(r"(?i)[0-9a-f]:[0-9a-f]{0,4}:|::[0-9a-f]")
_V6 = re.compile(
    r"[0-9A-Fa-f:](?<![\w:.][0-9A-Fa-f:])(?:(?<=:)|(?=[0-9A-Fa-f]*:))[0-9A-Fa-f:]{1,38}"
    r"(?:(?<=:)[0-9.]{7,15})?(?![\w:])"
)
_MAC_GATE = GATES.add(r"(?i)(?:[0-9a-f]{2}[:\-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}")
_MAC = re.compile(
    r"(?i)(?<![\w:.\-])(?:[0-9a-f]{2}(?:([:\-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}"
    r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?![\w:]|[.\-]\w)"
)
_SITE = Words(
    """website websites site web homepage domain domains url link visit host hostname dns blog page
    webseite domäne sitio dominio www browse subdomain nameserver at from"""
)
_RELEASE = Words(
    """version versions release released build firmware ver upgrade upgraded v revision section
    chapter clause figure paragraph oid python java node ruby php go
    chrome firefox ios android kernel driver"""
)


def find(view: View) -> Iterator[Hit]:
    """Everything of this family."""
    if "@" in view.plain or "at" in view.folded:
        yield from emails(view)
    if "://" in view.plain:
        yield from urls(view)
    if "." in view.plain:
        yield from domains(view)
    if view.has_digits:
        yield from addresses(view)


def emails(view: View) -> Iterator[Hit]:
    """E-mail addresses, with `[at]` and `(dot)` spelt out too."""
    text = view.plain
    at = text.find("@") if view.has(_MAIL_GATE) else -1
    while at >= 0:
        local = _LOCAL.match(text[max(0, at - 65) : at][::-1])
        host = _MAIL_HOST.match(text, at + 1, at + 110)
        if local and host and local.end() + host.end() - at < _LONGEST and local.end() < 65:
            start = at - len(local[0].rstrip(".'-~"))
            end = at + 1 + len(_whole(host[0]))
            if start < at and not _remote(text, start, end):
                yield Hit(start, end, "email_address", 0.95)
        at = text.find("@", at + 1)
    if view.has(_SPELT_GATE):
        for match in _SPELT.finditer(text):
            yield Hit(match.start(), match.end(), "email_address", 0.7)
    if view.has(_SPACED_GATE):
        for match in _SPACED.finditer(text):
            yield Hit(match.start(), match.end(), "email_address", 0.6)


def urls(view: View) -> Iterator[Hit]:
    """URLs. One that is no more than a host is that host: a domain name or an IP address."""
    for match in _URL.finditer(view.plain):
        start = match.start()
        found = _trimmed(match[0])
        parts = _URL_PARTS.match(found)
        if parts is None or not parts[1]:
            continue
        host, rest = parts[1], parts[3]
        if rest or "@" in found:
            yield Hit(start, start + len(found), "url", 0.9)
        elif _is_name(host):
            yield Hit(start, start + len(found), "domain_name", 0.9)
        elif not _is_address(host.strip("[]")):
            yield Hit(start, start + len(found), "url", 0.6)


def domains(view: View) -> Iterator[Hit]:
    """Names without a scheme: `www.` or an ending that is no word, or a word near that says so."""
    if not view.has(_DOMAIN_GATE):
        return
    for first, last in near(_TOPPED, view.plain, _REACH):
        for match in _DOMAIN.finditer(view.plain, first, last):
            if match.end() + 2 > last and last < len(view.plain):
                break  # cut off, for what a name ends in is far from there
            hit = _domain(view, match.start(), _whole(match[0]))
            if hit is not None:
                yield hit


def _domain(view: View, start: int, found: str) -> Hit | None:
    labels = found.split(".")
    top = labels[-1].lower()
    if len(found) > _LONGEST or (top not in KNOWN and not top.startswith("xn--")):
        return None
    end = start + len(found)
    if labels[0].lower() == "www" and len(labels) > 2:
        return Hit(start, end, "domain_name", 0.9)
    if not _is_written_as_a_name(labels):
        return None
    is_told = view.around(start, end).says(_SITE)
    is_likely = is_told or len(labels) > 2 or (top in SPOKEN and len(labels[0]) > 5)
    if top in WORDS and not is_likely:
        return None
    return Hit(start, end, "domain_name", 0.8 if is_told else 0.6)


def addresses(view: View) -> Iterator[Hit]:
    """IPv4, IPv6 and hardware addresses, without a port or the length of a prefix."""
    yield from _version_4(view)
    text = view.plain
    if view.has(_V6_GATE):
        for match in _V6.finditer(text):
            found = match[0]
            if found.endswith(":") and not found.endswith("::"):
                found = found[:-1]
            if _is_v6(found):
                score = 0.3 if found == "::1" else 0.9
                yield Hit(match.start(), match.start() + len(found), "ip_address", score)
    if view.has(_MAC_GATE):
        for match in _MAC.finditer(text):
            if any(char.isdigit() for char in match[0]):
                yield Hit(match.start(), match.end(), "mac_address", 0.9)


def _version_4(view: View) -> Iterator[Hit]:
    if view.has(_V4_GATE):
        for match in _V4.finditer(view.plain):
            if _is_v4(match[0]):
                score = 0.3 if _NOBODY.match(match[0]) or _is_release(view, match) else 0.9
                yield Hit(match.start(), match.end(), "ip_address", score)


def _remote(text: str, start: int, end: int) -> bool:
    """`git@host:path`, the address of a repository; or the user of a URL."""
    return (text[start : start + 4] == "git@" and text[end : end + 1] == ":") or (
        text[max(0, start - 3) : start] == "://"
    )


def _whole(host: str) -> str:
    """A host without the next sentence: of `example.com.Then`, `example.com`."""
    labels = host.split(".")
    last = labels[-1]
    if len(labels) > 2 and last.istitle() and labels[-2].islower() and labels[-2] in KNOWN:
        return host[: -len(last) - 1]
    return host


def _trimmed(url: str) -> str:
    """A URL without the punctuation of the sentence it stands in."""
    found = url.rstrip(".,;:!?*_~")
    while found.endswith((")", "]")) and found.count("(") < found.count(")") + found.count("]"):
        if found.endswith("]") and "[" in found:
            break
        found = found[:-1].rstrip(".,;:!?")
    return found


def _is_name(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return len(labels) > 1 and labels[-1][:1].isalpha() and all(labels)


def _is_written_as_a_name(labels: list[str]) -> bool:
    """`Hello.It` is the end of a sentence and the start of the next; `e.g.`, `U.S` are no names."""
    top, name = labels[-1], labels[-2]
    cased = top.islower() or (top.isupper() and name.isupper() and len(name) > 2)
    return cased and (len(name) > 1 or top in ("com", "co", "org", "net"))


def _is_release(view: View, match: re.Match[str]) -> bool:
    """Whether four numbers are a version, as the one or two words before them say."""
    if not view.mentions(_RELEASE):
        return False
    return not _RELEASE.whole.isdisjoint(view.around(*match.span()).before[:2])


def _is_v4(text: str) -> bool:
    parts = text.split(".")
    return all(int(part) < 256 and (part[0] != "0" or part == "0") for part in parts)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_v6(text: str) -> bool:
    if text.count(":") < 2 or not any(char.isdigit() for char in text) or len(text) < 3:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
