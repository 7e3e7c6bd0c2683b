"""Links of a text: every address that a renderer would load, follow or show, and by what means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import re2

from trimtab.signals.growing import Stretches

LOADED_TAGS = {
    *("img", "image", "input", "script", "iframe", "frame", "embed", "object", "video", "audio"),
    *("source", "track", "link", "use", "body", "table", "td", "base", "applet", "bgsound"),
}
_SCHEMES = "https?|ftps?|wss?|file"
# In angle brackets an address may hold spaces; without them any sign but a space (CommonMark, 6.3).
_TARGET = r"(?:<[ \t]*([^<>\n]+)>|<?[ \t]*([^\s()<][^\s()]*(?:\([^\s()]*\)[^\s()]*)*))"
_CLOSED = r"(?:\s{1,9}(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}'))?[ \t]*\)"
_STAND_IN = r"(?-i:<[A-Z][A-Z0-9_]*_\d+>)"  # what stands for data that will be put in again
_BARE = rf"(?:{_STAND_IN}|[^\s<>\"`])+"
_LABEL = 1000  # characters of what a link says; what is longer stands beside it
_GOES_ON = (
    r"(?:\][:(][ \t]*(?:<[^<>\n]*(?:>|\z)|<?[ \t]*[^\s()]*(?:\([^\s()]*\)?[^\s()]*)*)?"
    rf"(?:{_CLOSED})?)"
)
_OTHERS = Stretches(
    (
        r"(?i)(?:url\(|@import)\s*[\"']?[^\"'()\s;]*",
        rf"(?i)(?:{_SCHEMES})://{_BARE}|data:text/html{_BARE}",
    )
)


class Link(NamedTuple):
    """An address and what would be done with it.

    `start`, `end`: the whole construct in the text; `at`: where `target` begins. `kind` names the
    means, `loads` says that a renderer fetches it unasked. `label` is what a reader
    sees in place of the address.
    """

    start: int
    end: int
    at: int
    target: str
    kind: str
    loads: bool
    label: str = ""


class _Open:
    """Links, images, tags and addresses as far as there is of them.

    Texts of nothing but brackets are sought through by what is fast at it: patterns that find each
    of them cost ten times as much as prose.
    """

    def cut(self, plain: str, at: int) -> int:
        """The last place up to `at` that lies within none of them.

        >>> OPEN.cut("see [the site](https://a", 20), OPEN.cut("[[[[[[", 3)
        (4, 3)
        """
        return _OTHERS.cut(plain, _cut_tag(plain, _cut_link(plain, at)))


OPEN = _Open()


def _cut_link(plain: str, at: int) -> int:
    if plain[max(0, at - 1) : at + 1] == "![":
        at -= 1
    for one in _pattern("goes_on").finditer(plain):
        start, end = one.span()
        if start >= at:
            break
        if at < end:
            at = start
            break
    opened = plain.rfind("[", 0, at)
    ends = plain[at : at + 2]
    goes_on = ends in ("](", "]:")
    if (
        opened < 0
        or plain.find("]", opened, at) >= 0
        or (ends[:1] in ("", "[", "]") and not goes_on)
    ):
        return at
    if plain.endswith("!", 0, opened):
        return opened - 1
    return opened if at - opened <= _LABEL + goes_on else at


def _cut_tag(plain: str, at: int) -> int:
    for one in _pattern("tags").finditer(plain):
        start, end = one.span()
        if start >= at:
            break
        if at < end:
            # Only the last of a row is one: a tag before it would go on with the sign of the next.
            equals = plain.find("=", start, end)
            last = plain.rfind("<", start, end if equals < 0 else equals)
            return min(at, last)
    return at


def links(plain: str) -> Iterator[Link]:
    """Links of Markdown, HTML and CSS, then addresses that stand by themselves.

    An address is told once, by the first of these that holds it.
    """
    seen: set[int] = set()
    for find in (_inline, _references, _tags, _styles, _bare):
        for link in find(plain):
            if link.at not in seen:
                seen.add(link.at)
                yield link


@cache
def _pattern(name: str) -> Any:
    return re2.compile(
        {
            "inline": rf"(?:!\[([^\[\]]*)|\[([^\[\]]{{0,{_LABEL}}}))?\]\([ \t]*{_TARGET}"
            rf"(?:{_CLOSED})?",
            "broken": r"(?i)\]\([ \t]*((?:java|vb)\s*s\s*c\s*r\s*i\s*p\s*t\s*:"
            r"|j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t\s*:)",
            "reference": r"(?m)^[ \t>]{0,8}\[([^\[\]\n]+)\]:[ \t]*" + _TARGET,
            "image": r"!\[([^\[\]]*)\](?:\[([^\[\]]*)\])?",
            "tag": (
                rf"(?i)<([a-z]+)[\s/]([^<>=]*=\s*(?:\"[^\"]*\"|'[^']*'|[^<>\"'\s])"
                rf"(?:\"[^\"]*\"|'[^']*'|{_STAND_IN}|[^<>\"'])*)(?:>(?:</(?:i?frame|script)>)?)?"
            ),
            "goes_on": _GOES_ON,
            "tags": rf"(?i)(?:<[a-z]+[\s/][^<>=]*)+(?:=\s*"
            rf"(?:\"[^\"]*\"?|'[^']*'?|{_STAND_IN}|[^<>\"'])*)?",
            "style": r"(?i)(?:@import\s+url\(|url\(|@import)\s*[\"']?([^\"'()\s;]+)",
            "bare": rf"(?i)(?:{_SCHEMES})://{_BARE}|data:text/html{_BARE}",
            "refresh": r"(?i)url\s*=\s*[\"']?([^\"'\s>]+)",
        }[name]
    )


def _inline(plain: str) -> Iterator[Link]:
    if "](" not in plain:
        return
    for found in _pattern("broken").finditer(plain):
        target = _SPACE.sub("", found.group(1))
        yield Link(found.start(), found.end(), found.start(1), target, "markdown_link", loads=False)
    for found in _pattern("inline").finditer(plain):
        loads = found.group(1) is not None
        kind = "markdown_image" if loads else "markdown_link"
        label = found.group(1) or found.group(2) or ""
        at, target = _target(found, 3)
        yield Link(found.start(), found.end(), at, target, kind, loads, label)


def _references(plain: str) -> Iterator[Link]:
    if "]:" not in plain:
        return
    shown = {
        (found.group(2) or found.group(1)).strip().casefold()
        for found in _pattern("image").finditer(plain)
    }
    for found in _pattern("reference").finditer(plain):
        loads = found.group(1).strip().casefold() in shown
        kind = "markdown_image" if loads else "reference_link"
        yield Link(found.start(), found.end(), *_target(found, 2), kind, loads)


def _target(found: Any, group: int) -> tuple[int, str]:
    """The address of a link and where it begins: in angle brackets, or without."""
    group += found.group(group) is None
    return found.start(group), found.group(group)


def _tags(plain: str) -> Iterator[Link]:
    if "<" not in plain:
        return
    for found in _pattern("tag").finditer(plain):
        tag = found.group(1).lower()
        for named in _ATTRIBUTE.finditer(found.group(2)):
            link = _attribute(found, tag, named)
            if link is not None:
                is_closed = tag == "a" and plain[found.end() - 1] == ">"
                shown = _SHOWN.match(plain, found.end()) if is_closed else None
                yield link._replace(label=shown.group(1)) if shown else link


_SPACE = re.compile(r"\s+")
_BREAKS = re.compile("[\t\r\n]")
_SHOWN = re.compile(r"\s*([^<>]{1,300})<")

# Not RE2, which costs more a match: quotes are closed in a tag, so that this is linear too.
_ATTRIBUTE = re.compile(
    r"(?ai)(?:^|[\s/\"'])(src|srcset|href|action|formaction|data|poster|background"
    r"|content|xlink:href|ping|manifest)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)"
)


def _attribute(tag_found: Any, tag: str, named: re.Match[str]) -> Link | None:
    name = named.group(1).lower()
    value = named.group(2).strip("\"'")
    at = tag_found.start(2) + named.start(2) + (named.group(2)[0] in "\"'")
    if tag == "meta":
        refresh = _pattern("refresh").search(value) if name == "content" else None
        if refresh is None:
            return None
        kind, loads, at, value = "html_refresh", True, at + refresh.start(1), refresh.group(1)
    elif name in {"action", "formaction"}:
        kind, loads = "html_form", False
    elif tag in LOADED_TAGS and name != "content":
        kind = "html_image" if tag in {"img", "image", "input"} else f"html_{tag}"
        loads = True
    elif name in {"href", "xlink:href", "ping"}:
        kind, loads = "html_link", name == "ping"
    else:
        return None
    value = _BREAKS.sub("", value)  # as browsers do
    first = value.split(None, 1)[0] if value.strip() else ""
    return Link(tag_found.start(), tag_found.end(), at, first, kind, loads) if first else None


def _styles(plain: str) -> Iterator[Link]:
    folded = plain.lower()
    if "url(" not in folded and "@import" not in folded:
        return
    for found in _pattern("style").finditer(plain):
        yield Link(
            found.start(), found.end(), found.start(1), found.group(1), "css_url", loads=True
        )


def _bare(plain: str) -> Iterator[Link]:
    if ":" not in plain:
        return
    for found in _pattern("bare").finditer(plain):
        target = _END.sub("", found.group())
        end = found.start() + len(target)
        yield Link(found.start(), end, found.start(), target, "url", loads=False)


_END = re.compile(r"[.,;:!?'*_)\]}|]+\Z")
