"""The difference of two versions, by what it means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.prompts.difference import differ
from trimtab.prompts.words import pieces
from trimtab.records import Message, Partial, Prompt, Shots, Variable


def version(*messages: tuple[str, str], **fields: Any) -> Prompt:
    turns = tuple(Message(role=role, content=text) for role, text in messages)
    return Prompt(name="p", version=1, messages=turns, digest="", created_ns=1, **fields)


SYSTEM = ("system", "You help people. Be brief. Cite sources.")
TONE = Variable(name="tone")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (version(SYSTEM), version(SYSTEM), "Nothing changed."),
        (
            version(SYSTEM, parameters={"temperature": 0}),
            version(
                ("system", "You help people. Be kind. Cite sources."),
                variables=("tone",),
                parameters={"temperature": 0.7},
            ),
            "1 of 3 sentences changed, variable `tone` added, `temperature` 0 -> 0.7.",
        ),
        (
            version(SYSTEM),
            version(SYSTEM, ("user", "Well? Go on.")),
            "2 sentences added.",
        ),
        (
            version(SYSTEM),
            version(("system", SYSTEM[1] + " ")),
            "Only spaces or marks changed.",
        ),
        (
            version(("user", "Be brief.")),
            version(("developer", "Be brief.")),
            "Message 0 is of `developer` instead of `user`.",
        ),
        (
            version(SYSTEM, declared=(TONE,), variables=("tone",)),
            version(SYSTEM, declared=(Variable(name="tone", type="integer"),), variables=("tone",)),
            "Variable `tone` is integer instead of string.",
        ),
        (version(SYSTEM, variables=("tone",)), version(SYSTEM), "Variable `tone` removed."),
        (
            version(SYSTEM, partials=(Partial(name="q", ref="q@1", digest="a"),)),
            version(SYSTEM, partials=(Partial(name="q", ref="q@2", digest="b"),)),
            'Partial `q` "q@1" -> "q@2".',
        ),
        (
            version(SYSTEM, tools=({"type": "function", "function": {"name": "look"}},)),
            version(SYSTEM, output_schema={"type": "object"}, shots=Shots(dataset="golden@1")),
            'Tool `look` removed, `output_schema` {"type":"object"}, `shots` added.',
        ),
    ],
)
def test_one_sentence_says_what_it_means(before: Prompt, after: Prompt, says: str) -> None:
    found = differ(before, after)
    assert found.says == says
    assert found.same is (says == "Nothing changed.")


def test_messages_are_compared_with_what_they_came_from() -> None:
    before = version(
        SYSTEM, ("user", "What is the fare to {{ city }}?"), ("assistant", "12 francs.")
    )
    after = version(
        SYSTEM,
        ("user", "An example that was not there."),
        ("user", "What is the fare to {{ town }}?"),
    )
    found = {one.kind: one for one in differ(before, after).messages}
    assert found["changed"].words == [
        ("=", "What is the fare to {{ "),
        ("-", "city"),
        ("+", "town"),
        ("=", " }}?"),
    ]
    assert (found["changed"].before, found["changed"].after) == (1, 2)
    assert (found["added"].before, found["added"].after) == (None, 1)
    assert (found["removed"].before, found["removed"].after) == (2, None)


@given(st.text(alphabet="ab \n.", max_size=60), st.text(alphabet="ab \n.", max_size=60))
@settings(deadline=None)
def test_pieces_make_both_texts_again(before: str, after: str) -> None:
    found = pieces(before, after)
    assert "".join(text for sign, text in found if sign != "+") == before
    assert "".join(text for sign, text in found if sign != "-") == after
    assert all(text for _, text in found)


def test_long_texts_are_compared_all_the_same() -> None:
    before = "\n".join(f"line {n} of it" for n in range(20_000))
    after = before.replace("line 777 of", "row 777 of").replace("line 15000 ", "row 15000 ")
    assert "".join(text for sign, text in pieces(before, after) if sign != "-") == after
    one = "".join(f"word{n} " for n in range(40_000))
    other = "".join(f"other{n} " for n in range(40_000))
    assert pieces(one, other) == [("-", one), ("+", other)]
