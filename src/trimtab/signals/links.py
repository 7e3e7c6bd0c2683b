"""Links of a text: every address that a renderer would load, follow or show, and by what means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import re2

_LOADED_TAGS = {
    *("img", "image", "input", "script", "iframe", "frame", "embed", "object", "video", "audio"),
    *("source", "track", "link", "use", "body", "table", "td", "base", "applet", "bgsound"),
}
_SCHEMES = "https?|ftps?|wss?|file"
_TARGET = r"<?[ \t]*([^\s<>()]+(?:\([^\s<>()]*\)[^\s<>()]*)*)"


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
            "inline": r"(?:(!?)\[([^\[\]]*))?\]\([ \t]*" + _TARGET,
            "reference": r"(?m)^[ \t>]{0,8}\[([^\[\]\n]+)\]:[ \t]*" + _TARGET,
            "image": r"!\[([^\[\]]*)\](?:\[([^\[\]]*)\])?",
            "tag": r"(?i)<([a-z]+)[\s/]([^<>=]*=(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*)",
            "attribute": (
                r"(?i)(?:^|[\s/\"'])(src|srcset|href|action|formaction|data|poster|background"
                r"|content|xlink:href|ping|manifest)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)"
            ),
            "style": r"(?i)(?:url\(|@import)\s*[\"']?([^\"'()\s;]+)",
            "bare": rf"(?i)(?:{_SCHEMES})://[^\s<>\"`]+|data:text/html[^\s<>\"`]+",
            "refresh": r"(?i)url\s*=\s*[\"']?([^\"'\s>]+)",
        }[name]
    )


def _inline(plain: str) -> Iterator[Link]:
    if "](" not in plain:
        return
    for found in _pattern("inline").finditer(plain):
        loads = found.group(1) == "!"
        kind = "markdown_image" if loads else "markdown_link"
        label = found.group(2) or ""
        yield Link(found.start(), found.end(), found.start(3), found.group(3), kind, loads, label)


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
        yield Link(found.start(), found.end(), found.start(2), found.group(2), kind, loads)


def _tags(plain: str) -> Iterator[Link]:
    if "<" not in plain:
        return
    for found in _pattern("tag").finditer(plain):
        tag = found.group(1).lower()
        for named in _pattern("attribute").finditer(found.group(2)):
            link = _attribute(found, tag, named)
            if link is not None:
                yield link


def _attribute(tag_found: Any, tag: str, named: Any) -> Link | None:
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
    elif tag in _LOADED_TAGS and name != "content":
        kind = "html_image" if tag in {"img", "image", "input"} else f"html_{tag}"
        loads = True
    elif name in {"href", "xlink:href", "ping"}:
        kind, loads = "html_link", name == "ping"
    else:
        return None
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
