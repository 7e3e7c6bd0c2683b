"""Markdown into passages: sections by heading, sections into pieces of about so many words.

A document's text goes in, `Passage` records come out, in the order of the document. A passage is a
verbatim slice of one section (a cut table repeats its head): it never crosses a heading and never
cuts a sentence, a table row or a code block. Front matter and HTML comments are left out. It never
reads a file.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import NamedTuple

from trimtab.errors import InvalidRequest
from trimtab.measures.text import sentence_spans, words
from trimtab.records import Passage

__all__ = ["chunk_markdown"]

# Text without any sentence end is cut at white space once it is this many passages long.
_RUNAWAY = 8


def chunk_markdown(text: str, *, source: str, chunk_words: int = 120) -> list[Passage]:
    """Cut a Markdown document into passages of about `chunk_words` words.

    Args:
        text: the document; any line ends, with or without front matter.
        source: its name, the first part of every id (`docs/gateway.md`).
        chunk_words: target size. A section is cut into parts of equal size nearest to the target;
            code blocks and sentences are never cut, so a part may be larger.
    Returns:
        Passages with ids `source#slug/n`: the slug of the nearest heading as GitHub makes it (`top`
        before the first heading) and the place within the section, so an edit of one section
        renames no passage of another. `heading` is the path of headings from the top.
    Raises:
        InvalidRequest: `chunk_words` is below 1.

    >>> for passage in chunk_markdown("# Ports\\nOne.\\n## Default\\nIt is 8321.", source="a.md"):
    ...     print(passage.id, "|", passage.heading, "|", passage.text)
    a.md#ports/0 | Ports | One.
    a.md#default/0 | Ports > Default | It is 8321.
    """
    if chunk_words < 1:
        raise InvalidRequest(
            f"chunk_words must be at least 1, not {chunk_words}",
            where="retrieval.chunk_words",
            fix="correct the retrieval settings of the release",
            got=chunk_words,
        )
    clean = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return [
        Passage(id=f"{source}#{section.slug}/{n}", text=piece, source=source, heading=section.path)
        for section in _sections(_lines(clean.replace("\0", "\ufffd")))
        for n, piece in enumerate(_pieces(section.lines, chunk_words))
    ]


# -- lines -------------------------------------------------------------------------------------


class _Line(NamedTuple):
    text: str
    code: bool


_FENCE = re.compile(r"[ \t]{0,12}(`{3,}(?=[^`]*$)|~{3,})")
_INDENTED = re.compile(r"(?: {4}|\t)")
_META = re.compile(r"[\w.-]+\s*[:=]")


def _lines(text: str) -> Iterator[_Line]:
    """The lines that count, each with whether it is part of a code block."""
    lines = _without_front_matter(text.split("\n"))
    last_close = max((n for n, line in enumerate(lines) if "-->" in line), default=-1)
    fence, comment, indented, blank = "", False, False, True
    for n, line in enumerate(lines):
        if fence:
            yield _Line(line, True)
            mark = line.strip()
            fence = "" if mark.startswith(fence) and not mark.strip(fence[0]) else fence
            continue
        if not comment and (opening := _FENCE.match(line)):
            fence = opening[1]
            yield _Line(line, True)
            continue
        shown, comment = _without_comments(line, comment, n < last_close)
        if shown or not line:
            inside = _INDENTED.match(shown) is not None and (blank or indented)
            blank = not shown.strip()
            indented = inside or (blank and indented)
            yield _Line(shown, indented)


def _without_front_matter(lines: list[str]) -> list[str]:
    """Drop a YAML (`---`) or TOML (`+++`) block at the very start; a lone rule is not one."""
    mark = lines[0].rstrip()
    if mark in ("---", "+++") and len(lines) > 1 and _META.match(lines[1]):
        for n, line in enumerate(lines[1:], start=1):
            if line.rstrip() in (mark, "..."):
                return lines[n + 1 :] or [""]
    return lines


def _without_comments(line: str, inside: bool, closes_later: bool) -> tuple[str, bool]:
    """A line without its HTML comments, and whether one is open at its end.

    A comment that nothing closes is text, and so is one within a code span.
    """
    shown: list[str] = []
    here = at = ticks = 0
    if inside:
        close = line.find("-->")
        if close < 0:
            return "", True
        here = at = close + 3
    while (start := line.find("<!--", at)) >= 0:
        ticks += line.count("`", at, start)
        at = start + 4
        if ticks % 2:
            continue
        close = line.find("-->", at)
        if close < 0 and not closes_later:
            break
        shown.append(line[here:start])
        if close < 0:
            return "".join(shown), True
        here = at = close + 3
    return "".join([*shown, line[here:]]), False


# -- sections ----------------------------------------------------------------------------------


class _Section(NamedTuple):
    path: str
    slug: str
    lines: list[_Line]


_HASHES = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_PLAIN_LINE = re.compile(r" {0,3}(?![-*+|>#]|\d{1,9}[.)])\S")


def _sections(lines: Iterable[_Line]) -> Iterator[_Section]:
    """Split at headings, keeping the path of the headings above."""
    slugs: dict[str, int] = {}
    path: list[tuple[int, str]] = []
    section = _Section("", _unique("top", slugs), [])
    for line in lines:
        heading = None if line.code else _heading(line.text, section.lines)
        if heading is None:
            section.lines.append(line)
            continue
        yield section
        level, title = heading
        path = [above for above in path if above[0] < level] + [(level, title)]
        whole = " > ".join(name for _, name in path if name)
        section = _Section(whole, _unique(_slug(title), slugs), [])
    yield section


def _heading(line: str, above: list[_Line]) -> tuple[int, str] | None:
    """Level and plain text of a heading; takes the text of an underlined one from `above`."""
    if hashes := _HASHES.match(line):
        title = line[hashes.end() :].strip()
        open_title = title.rstrip("#")
        if open_title != title and (not open_title or open_title[-1] in " \t"):
            title = open_title
        return len(hashes[1]), _plain(title)
    underline = _UNDERLINE.match(line)
    if underline and above and _starts_paragraph(above):
        return (1 if underline[1][0] == "=" else 2), _plain(above.pop().text)
    return None


def _starts_paragraph(above: list[_Line]) -> bool:
    """Whether the last line is a paragraph of one line, which an underline makes a heading."""
    before = above[-2] if len(above) > 1 else None
    alone = before is None or before.code or not before.text.strip()
    return alone and not above[-1].code and _PLAIN_LINE.match(above[-1].text) is not None


_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_ANCHOR = re.compile(r"\{#[^{}]*\}$")


def _plain(title: str) -> str:
    """A heading without inline marks: links to their text, no code ticks, stars or anchors."""
    title = _LINK.sub(r"\1", _ANCHOR.sub("", title))
    return " ".join(title.replace("`", "").replace("*", "").split())


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") or "section"


def _unique(slug: str, taken: dict[str, int]) -> str:
    """The slug, or slug-1, slug-2 ... when the document has had it."""
    name = slug
    while name in taken:
        taken[slug] += 1
        name = f"{slug}-{taken[slug]}"
    taken[name] = 0
    return name


# -- pieces ------------------------------------------------------------------------------------


class _Unit(NamedTuple):
    """What is never cut: a sentence, a list item's sentence, a table row, a code block."""

    text: str
    size: int
    table_head: str


def _pieces(lines: list[_Line], chunk_words: int) -> Iterator[str]:
    """The text of each passage of a section."""
    units = _units(lines, chunk_words)
    total = sum(unit.size for unit in units)
    if not total:
        return
    target = total / max(1, round(total / chunk_words))
    before, number, piece = 0, 0, ""
    for unit in units:
        # A unit belongs to the part that its middle falls into.
        here = int((before + unit.size / 2) / target)
        if here > number and piece.strip():
            yield piece.strip("\n").rstrip()
            piece = unit.table_head
        number = here
        piece += unit.text
        before += unit.size
    yield piece.strip("\n").rstrip()


def _units(lines: list[_Line], chunk_words: int) -> list[_Unit]:
    body = "\n".join(line.text for line in lines)
    layout = _layout(lines)
    cuts: list[int] = []
    end = 0
    for start, stop in sentence_spans(body):
        # List markers, rules and blank lines stay with what they stand before.
        line_end = body.find("\n", end, start)
        cut = line_end + 1 if line_end >= 0 else start
        if not cuts:
            cuts = [0]
        elif not layout.is_fixed(cut):
            cuts.append(cut)
        end = stop
    units: list[_Unit] = []
    for start, stop in pairwise([*cuts, len(body)] if cuts else []):
        text, head = body[start:stop], layout.table_head(start)
        parts = [text] if layout.has_fixed(start, stop) else _tamed(text, chunk_words)
        units.extend(_Unit(part, len(words(part)), head) for part in parts)
    return units


class _Layout:
    """Where a section's code blocks and tables are, by offset."""

    def __init__(self) -> None:
        self.fixed: list[tuple[int, int]] = []
        self.tables: list[tuple[int, int, str]] = []

    def is_fixed(self, cut: int) -> bool:
        """Whether a cut here would be inside a block that stays whole."""
        n = bisect_right(self.fixed, (cut,)) - 1
        return n >= 0 and self.fixed[n][0] < cut < self.fixed[n][1]

    def has_fixed(self, start: int, stop: int) -> bool:
        n = bisect_left(self.fixed, (start,))
        return n < len(self.fixed) and self.fixed[n][0] < stop

    def table_head(self, start: int) -> str:
        """The head to repeat when a passage begins at this row of a table."""
        n = bisect_right(self.tables, (start,)) - 1
        inside = n >= 0 and self.tables[n][0] < start < self.tables[n][1]
        return self.tables[n][2] if inside else ""


_DELIMITER = re.compile(r"\s*\|(?=[^-]*-)[\s:|-]+$")


def _layout(lines: list[_Line]) -> _Layout:
    layout = _Layout()
    offset = 0
    for kind, run in groupby(lines, key=_kind):
        block = [line.text + "\n" for line in run]
        end = offset + sum(map(len, block))
        if kind == "code":
            layout.fixed.append((offset, end))
        elif kind == "row" and len(block) > 2 and _DELIMITER.match(block[1]):
            head = block[0] + block[1]
            layout.fixed.append((offset, offset + len(head) + len(block[2])))
            layout.tables.append((offset, end, head))
        offset = end
    return layout


def _kind(line: _Line) -> str:
    if line.code:
        return "code"
    return "row" if line.text.lstrip().startswith("|") else "text"


def _tamed(text: str, chunk_words: int) -> list[str]:
    """Text as one unit, or cut at white space when it runs on for many passages without an end."""
    if len(words(text)) <= _RUNAWAY * chunk_words:
        return [text]
    starts = [match.start() for match in re.finditer(r"\S+", text)][::chunk_words]
    return [text[a:b] for a, b in pairwise([0, *starts[1:], len(text)])]
