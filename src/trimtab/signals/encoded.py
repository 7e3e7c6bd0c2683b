"""Text inside a text: what is encoded in it, decoded within bounds, with the way back.

Base64, base32, hexadecimal, decimal and binary codes, and escapes of URLs, source code, HTML and
MIME; also one in another, three deep. What decodes to no text is left out, and so are JSON web
tokens, which are secrets of a kind of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

import re2

from trimtab.signals.encodings import CODES, ESCAPE, Code, Spans, unescaped, wide
from trimtab.signals.layer import Layer, Mixed, Way

MOST_LAYERS = 48
MOST_CHARS = 24_000
"""Of all layers of a text together."""
LONGEST = 8_000
"""Characters of one layer's run; a longer run is several layers, each with an end of the last."""
DEEPEST = 3
MOST_ROWS = 6_000
"""Of escapes."""
MOST_RUNS = 1_500
"""Of each encoding."""

_NEAR = 160
_STEP = LONGEST - 400
_HEAD = 160
_ROW = 7_200  # a multiple of what one escape takes, of 3, 4 or 6 characters
_LEAST = 8
_PRINTABLE = 0.95
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){1,2}")


def layers(plain: str) -> tuple[Layer, ...]:
    """What is encoded in a text; outer layers before those within them.

    >>> [one.text for one in layers("see cGFzc3dvcmQ6IGh1bnRlcjI= and %61nn%40example.org")]
    ['password: hunter2', 'see cGFzc3dvcmQ6IGh1bnRlcjI= and ann@example.org']
    """
    if not _any().Match(plain):
        return ()
    found: dict[tuple[str, int, int], Layer] = {}
    left = MOST_CHARS
    queue = list(_bounded(_of(plain, None), left))
    for depth in range(DEEPEST):
        inner: list[Layer] = []
        for layer in queue:
            if len(found) >= MOST_LAYERS or left <= 0:
                return tuple(found.values())
            known = (layer.text, layer.start, layer.end)
            if known in found:
                continue  # a run that stands beside escapes is in the layer of these as well
            found[known] = layer
            left -= len(layer.text)
            if depth + 1 < DEEPEST:
                inner += islice(_of(layer.text, layer), MOST_LAYERS - len(found))
        queue = inner
    return tuple(found.values())


def _bounded(made: Iterator[Layer], chars: int) -> Iterator[Layer]:
    for layer in islice(made, MOST_LAYERS):
        yield layer
        chars -= len(layer.text)
        if chars <= 0:
            return


def _of(plain: str, outer: Layer | None) -> Iterator[Layer]:
    """The layers that are directly in a text."""
    kinds = _any().Match(plain) or ()
    for kind in sorted(kinds):
        if kind < len(CODES):
            yield from _coded(plain, kind, outer)
        else:
            yield from _escaped(plain, outer)


def _coded(plain: str, kind: int, outer: Layer | None) -> Iterator[Layer]:
    code = CODES[kind]
    has_tokens = "eyJ" in plain
    # Of ASCII, places in bytes are places in the text, and cheaper to come by.
    data = plain.encode() if plain.isascii() else plain
    for found in islice(_patterns()[kind].finditer(data), MOST_RUNS):
        start, end = found.span()
        if has_tokens and _is_token(plain, start, end):
            continue
        for first in range(start, end, _STEP):
            last = min(end, first + LONGEST)
            layer = None
            for skip in _skips(plain, first, start, code):
                layer = _layer(plain, first + skip, last, code, outer)
                if layer is not None:
                    break
            if layer is None and (line := plain.rfind("\n", first, last)) > first:
                layer = _layer(plain, first, line, code, outer)  # the last line is prose
            if layer is None:
                break
            yield layer
            if last == end:
                break


def _skips(plain: str, first: int, start: int, code: Code) -> Iterable[int]:
    """Where a run may begin: anywhere if it was cut; after a word that looks like a part of it."""
    if first > start or start == 0:
        return range(code.units)
    space = plain.find(" ", start, start + 4)
    return (0,) if space < 0 else (0, space + 1 - start)


def _layer(plain: str, start: int, end: int, code: Code, outer: Layer | None) -> Layer | None:
    head = code.undo(plain[start : min(end, start + _HEAD)])
    if head is None:
        return None
    codec = wide(head)
    if _text(head, codec, is_cut=end - start > _HEAD) is None:
        return None
    run = plain[start:end]
    data = code.undo(run)
    text = _text(data, codec, is_cut=True) if data is not None else None
    if text is None:
        return None
    place = (start, end) if outer is None else outer.span(start, end)
    return Layer(text, *place, Way(code, run, start, codec), outer)


def _text(data: bytes, codec: str | None, *, is_cut: bool) -> str | None:
    """Bytes as a text, if they are one."""
    if codec is not None:
        return _seen(data[: len(data) // 2 * 2].decode(codec, "replace"))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if not is_cut or error.start < len(data) - 3:
            return None
        text = data[: error.start].decode("utf-8")
    return _seen(text)


def _seen(text: str) -> str | None:
    """A text that is long enough, and nearly all of it to be seen."""
    if len(text) < _LEAST:
        return None
    seen = len(text) if text.isprintable() else sum(c.isprintable() or c in "\t\r\n" for c in text)
    return text if seen >= _PRINTABLE * len(text) else None


def _is_token(plain: str, start: int, end: int) -> bool:
    """Whether a run is a part of a JSON web token."""
    if plain.find("eyJ", max(start - 2_000, 0), end) < 0:
        return False
    if plain[end : end + 1] == "." and plain.startswith("eyJ", start):
        return _JWT.match(plain, start) is not None
    if plain[start - 1 : start] != ".":
        return False
    first = plain.rfind("eyJ", max(start - 2_000, 0), start)
    found = _JWT.match(plain, first) if first >= 0 else None
    return found is not None and found.end() >= end


def _escaped(plain: str, outer: Layer | None) -> Iterator[Layer]:
    """Stretches with escapes, undone, with some of what stands around them."""
    for rows in _clusters(islice(_patterns()[-1].finditer(plain), MOST_ROWS)):
        if not _is_worth(plain, rows):
            continue
        first = max(0, rows[0][0] - _NEAR)
        last = min(len(plain), rows[-1][1] + _NEAR)
        parts: list[str] = []
        spans: Spans = []
        changed, done = 0, first
        for start, end in rows:
            parts.append(plain[done:start])
            spans += [(at, at + 1) for at in range(done, start)]
            made = list(unescaped(plain[start:end]))
            parts += (char for char, _, _ in made)
            spans += ((start + a, start + b) for _, a, b in made)
            if len(made) < end - start:  # not `&name;`, which is no character
                changed += max(len(made), 1)
            done = end
        if not changed:
            continue
        parts.append(plain[done:last])
        spans += [(at, at + 1) for at in range(done, last)]
        text = "".join(parts)
        place = (rows[0][0], rows[-1][1])
        if outer is not None:
            place = outer.span(*place)
        yield Layer(text, *place, Mixed(spans, changed), outer)


def _clusters(found: Iterable[re.Match[str]]) -> Iterator[Spans]:
    """Rows of escapes that stand near each other, no longer than a run may be."""
    rows: Spans = []
    for one in found:
        for start in range(*one.span(), _ROW):
            end = min(one.end(), start + _ROW)
            if rows and (start - rows[-1][1] > _NEAR or end - rows[0][0] > LONGEST):
                yield rows
                rows = []
            rows.append((start, end))
    if rows:
        yield rows


_TELLING = re.compile("[0-9A-Za-z@+_:.-]")


def _is_worth(plain: str, rows: Spans) -> bool:
    """Whether undoing may change what is read: not one ampersand, nor what looks like MIME once."""
    mime = sum(plain[start] == "=" for start, _ in rows)
    octets = sum(end - start for start, end in rows if plain[start] == "=") // 3
    if mime and octets < 3:
        rows = [row for row in rows if plain[row[0]] != "="]
    if len(rows) >= 2 or any(end - start >= 9 for start, end in rows):
        return True
    return any(
        _TELLING.match(char) is not None
        for start, end in rows
        for char, _, _ in unescaped(plain[start:end])
    )


@lru_cache(maxsize=1)
def _any() -> re2.Set:
    """All of them in one pass: most texts hold none."""
    every = re2.Set.SearchSet()
    for code in CODES:
        every.Add(code.pattern)
    every.Add(ESCAPE)
    every.Compile()
    return every


@lru_cache(maxsize=1)
def _patterns() -> tuple[re2._Regexp[str], ...]:
    return tuple(re2.compile(pattern) for pattern in (*(c.pattern for c in CODES), ESCAPE))
