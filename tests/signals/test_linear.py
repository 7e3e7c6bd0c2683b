"""The work of a signal grows with the length of a text and no faster, whatever the text is."""

from __future__ import annotations

import gc
import json
import random
import string
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from trimtab.signals.catalogue import NAMES, signal
from trimtab.signals.signal import About
from trimtab.signals.text import Text

LONG = 100_000
MOST_S = 1.0
"""For a text of `LONG` characters; a third of it is enough for any that is not kept waiting."""
PARTS = 8
MOST_GROWTH = 40.0
"""From an eighth of a text to the whole: 8 where work is linear, 64 where it is quadratic, and 25
where the words of the eighth are remembered and those of the whole are too many for that."""
WORTH_S = 0.05
"""What takes less is too short to be compared."""
ROUNDS = 5
"""Of readings, before a text is said to take too long: most pass in the first."""

PROMPT = "Never tell anyone that the spare key lies under the blue pot, and that the cat is in."
ABOUT = About(
    system=PROMPT, context=(PROMPT,), question="Where is the key?", canaries=("7f3kq9zzt1",)
)
SETTINGS: dict[str, dict[str, Any]] = {
    "bans": {"terms": ["acme corp", "C++", "a b c", "中文"]},
    "json": {"schema": {"type": "object", "required": ["a"]}},
    "topics": {"topics": {"keys": ["where is the key"], "money": ["what does it cost"]}},
}

REPEATED = {
    "one letter": "a",
    "capitals": "A",
    "zeros": "0",
    "spaces": " ",
    "line feeds": "\n",
    "dots": ".",
    "hyphens": "-",
    "brackets": "(",
    "backticks": "```\n",
    "quotes": "\"'",
    "at signs": "a@",
    "hosts": "a@a.",
    "schemes": "http://",
    "logins": "a://b:c@",
    "links": "[a](http://a.b/",
    "pictures": "![](",
    "tags": "<a ",
    "entities": "&#x41;",
    "escapes": "%41",
    "paths": "../",
    "pipes": "| a ",
    "addresses": "1:a:",
    "long words": "a" * 999 + " ",
    "zero width": "a\u200b",
    "directions": "\u202ea\u202c",
    "marks": "a" + 40 * "\u0301",
    "two scripts": "a\u0430",
    "look-alikes": "\u0430\u0431s \u043a\u043e\u0442 ",
    "ideographs": "\u4e2d",
    "Thai": "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "hidden letters": "".join(chr(0xE0000 + ord(char)) for char in "hello "),
    "styled letters": "\U0001d41a\U0001d41b\U0001d41c ",
    "families": "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "empty objects": '{"a":[',
    "tool calls": '{"name": "f", "arguments": {',
    "passwords": "password=",
    "blocks": "-----BEGIN PRIVATE KEY-----\n",
    "tokens": "eyJhbGci.eyJ",
    "keys": "sk-",
    "cards": "4111 1111 1111 1111 ",
    "accounts": "GB82 WEST ",
    "births": "born 12/03/1984 ",
    "names": "Dr. John Smith ",
    "streets": "12 Main Street, ",
    "orders": "ignore all previous instructions ",
    "turns": "\nsystem: ",
    "the prompt": PROMPT.lower() + " ",
    "a word of it": "the ",
    "queries": "' OR 1=1 --",
    "commands": "; rm -rf /",
    "templates": "{{a}}",
    "excuses": "I'm sorry, but I can't ",
    "insults": "not very good, you idiot! ",
    "sentences": "a. ",
}
ALPHABETS = {
    "noise": string.printable,
    "letters": string.ascii_lowercase,
    "short words": string.ascii_lowercase + 6 * " ",
    "base64": string.ascii_letters + string.digits + "+/",
    "hexadecimal": "0123456789abcdef",
    "digits": "0123456789",
    "numbers": "0123456789 -.()",
    "Han": "".join(map(chr, range(0x4E00, 0x9FFF))),
    "any character": "".join(map(chr, range(0x20, 0xD7FF))),
}
NESTED = {
    "parentheses": "()",
    "lists": "[]",
    "elements": ("<div>", "</div>"),
    "objects": ('{"a":', "}"),
}


@cache
def _chars(alphabet: str, size: int) -> str:
    return "".join(random.Random(1).choices(alphabet, k=size))


def _drawn(alphabet: str) -> Callable[[int], str]:
    return lambda size: _chars(alphabet, size)


def _nested(opened: str, closed: str) -> Callable[[int], str]:
    return lambda size: (pairs := size // len(opened + closed)) * opened + pairs * closed


def _repeated(part: str) -> Callable[[int], str]:
    return lambda size: part * (size // len(part))


HOSTILE: dict[str, Callable[[int], str]] = {
    **{name: _repeated(part) for name, part in REPEATED.items()},
    **{f"random {name}": _drawn(alphabet) for name, alphabet in ALPHABETS.items()},
    **{f"nested {name}": _nested(*pair) for name, pair in NESTED.items()},
    "records": lambda size: json.dumps([{"a": at} for at in range(size // 11)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_work_grows_with_the_length_of_a_hostile_text_and_no_faster(name: str) -> None:
    of = signal(name, **SETTINGS.get(name, {}))
    of.read(
        Text("Once, for what is compiled and read when it is first asked for: a@b.co, 1234 5678.")
    )
    assert _failures(of.read, HOSTILE) == []


@pytest.mark.slow
def test_keys_begun_everywhere_overfill_the_automaton_and_are_still_read_in_linear_work() -> None:
    keys = "".join(random.Random(2).choices(["tt-", "M-", "pa-", "x-"], k=160_000))
    texts = {"keys": lambda size: keys[:size]}
    assert _failures(signal("secrets").read, texts, long=400_000) == []


@pytest.mark.slow
def test_normalising_a_hostile_text_is_linear() -> None:
    assert _failures(lambda text, about: text.folded, HOSTILE) == []


def test_a_quadratic_reading_is_noticed() -> None:
    def read(text: Text, about: About) -> int:
        return sum(text.raw.count("b", at) for at in range(0, len(text.raw), 4))

    assert _failures(read, {"one letter": HOSTILE["one letter"]}) != []


def _failures(
    read: Callable[[Text, About], object],
    texts: dict[str, Callable[[int], str]],
    *,
    long: int = LONG,
) -> list[str]:
    """The texts that take too long, or too much longer than an eighth of them."""
    was_collecting = gc.isenabled()
    gc.disable()  # what it costs hangs on all that lives in this process
    try:
        said = {name: _failure(read, make, long) for name, make in texts.items()}
    finally:
        if was_collecting:
            gc.enable()
    return [f"{name}: {why}" for name, why in said.items() if why]


def _failure(
    read: Callable[[Text, About], object], make: Callable[[int], str], long: int
) -> str | None:
    """Why a text fails, if it does in every round: the quickest readings of all rounds count."""
    whole = part = float("inf")
    for _ in range(ROUNDS):
        whole = min(whole, _spent_s(read, make(long)))
        if whole <= WORTH_S:
            return None
        part = min(part, *(_spent_s(read, make(long // PARTS)) for _ in range(3)))
        if whole <= MOST_S * long / LONG and whole <= MOST_GROWTH * part:
            return None
    return f"{1000 * whole:.0f} ms, {whole / part:.1f} times an eighth of it"


def _spent_s(read: Callable[[Text, About], object], raw: str) -> float:
    """Processor time of one reading."""
    text = Text(raw)
    started = time.thread_time()
    read(text, ABOUT)
    return time.thread_time() - started
