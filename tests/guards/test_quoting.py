"""Numbers in the JSON of tool calls: what stands in their place is a string, however it comes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.guards.marks import Marks, ready, shown, subject

from trimtab.guards.policy import ReadyPolicy
from trimtab.guards.quoting import Quoting
from trimtab.ports import GuardText, Place
from trimtab.records import GuardRule

CARD = "4111111111111111"
PLACE = Place("assistant", 0, "tool_arguments")


def ruled(policy: ReadyPolicy, text: str) -> str:
    """The arguments of a call in a request after what the guards do to them."""
    for guard in (one for one in policy.begin().guards if one.stage == "input"):
        one = shown(text, "assistant", "tool_arguments")
        ruling = asyncio.run(guard.check(subject(one)))
        for edit in sorted(ruling.edits, key=lambda edit: -edit.start):
            text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def policy(action: Any) -> ReadyPolicy:
    marks = Marks(word=CARD, kind="credit_card", lookback_chars=len(CARD))
    rule = GuardRule(signal="marks", action=action)
    return ready(rule, signals={"marks": marks})


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (f'{{"p":{CARD}}}', '{"p":"X"}'),
        (f'{{"p": {CARD} , "q": [1, {CARD}]}}', '{"p": "X" , "q": [1, "X"]}'),
        (f'{{"p":-{CARD}.5,"q":1}}', '{"p":"X","q":1}'),
        (f'{{"p":"{CARD}"}}', '{"p":"X"}'),
        (f'{{"p":"a, {CARD}, b"}}', '{"p":"a, X, b"}'),
        (f'{{"p":"\\"", "q":"\\\\", "r":{CARD}}}', '{"p":"\\"", "q":"\\\\", "r":"X"}'),
        (f'{{"p":"\\",{CARD}"}}', '{"p":"\\",X"}'),
        (f"pay with {CARD}, please", "pay with X, please"),
    ],
)
@pytest.mark.parametrize(
    ("action", "shows"), [("redact", "[CREDIT_CARD]"), ("tokenise", "<CREDIT_CARD_1>")]
)
def test_in_place_of_a_number_stands_a_string(
    action: str, shows: str, text: str, after: str
) -> None:
    found = ruled(policy(action), text)
    if action == "tokenise" and "-" in text:  # another value, and its own token
        assert json.loads(found) == {"p": "<CREDIT_CARD_1>", "q": 1}
        return
    assert found == after.replace("X", shows)


def test_a_token_in_place_of_a_number_is_restored_as_a_string_of_it() -> None:
    watch = policy("tokenise").begin()
    (guard, restore) = (one for one in watch.guards if one.stage in ("input", "output"))
    asked = shown(f'{{"p":{CARD}}}', "assistant", "tool_arguments")
    (edit,) = asyncio.run(guard.check(subject(asked))).edits
    said = f'{{"p":{edit.text}}}'
    answer = shown(said, "assistant", "tool_arguments")
    (back,) = asyncio.run(restore.check(subject(answer, stage="output"))).edits
    assert json.loads(said[: back.start] + back.text + said[back.end :]) == {"p": CARD}


@pytest.mark.parametrize("size", range(1, 30))
def test_pieces_are_read_as_the_whole(size: int) -> None:
    text = f'{{"a":"\\\\\\", {CARD}, \\\\","b":[{CARD},"\\\\"],"{CARD}":"{CARD}\\""}}'
    whole = Quoting()
    whole.take(GuardText(place=PLACE, text=text))
    pieces = Quoting()
    for start in range(0, len(text), size):
        one = GuardText(place=PLACE, text=text[start : start + 2 * size], offset=start)
        pieces.take(one)
        quoted, known = pieces.of(one), whole.of(one)
        assert quoted is not None
        assert known is not None
        states = [quoted.state(at) for at in range(len(one.text))]
        assert states == [known.state(start + at) for at in range(len(one.text))]
