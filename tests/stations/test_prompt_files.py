"""Prompts as files: what is written is what is read, and no side's work is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.errors import InvalidRequest
from trimtab.prompts.prompt_files import PromptFile, file_name, read, written
from trimtab.prompts.sync import Known, Lock, Synced, in_order, said, standings
from trimtab.prompts.write import Draft
from trimtab.records import Message, Shot, Shots, Variable

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
HARD = st.one_of(
    TEXT,
    st.lists(
        st.sampled_from(
            [
                "## user",
                "## system (json)",
                "\\## user",
                "---",
                "",
                " ",
                "a: b",
                "\r",
                "\u2028x",
                "\ttab",
            ]
        ),
        max_size=5,
    ).map("\n".join),
)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30).filter(
    lambda name: not set(name) & set("@/") and name not in (".", "..")
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | HARD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HARD, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(HARD, VALUES, max_size=3)
PARTS = st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": HARD}), min_size=1, max_size=2
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
MESSAGES = st.builds(
    Message,
    role=ROLES,
    content=HARD | PARTS,
    name=st.none() | NAMES,
    tool_call_id=st.none() | NAMES,
)
DEFAULTS = {
    "string": HARD,
    "integer": st.integers(),
    "boolean": st.booleans(),
    "array": st.lists(HARD),
}


@st.composite
def declared(draw: st.DrawFn) -> tuple[Variable, ...]:
    found = []
    names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
    for name in draw(st.lists(names, unique=True, max_size=3)):
        kind: Any = draw(st.sampled_from(sorted(DEFAULTS)))
        required = draw(st.booleans())
        default = None if required else draw(st.none() | DEFAULTS[kind])
        found.append(
            Variable(
                name=name,
                type=kind,
                required=required,
                default=default,
                description=draw(HARD),
            )
        )
    return tuple(found)


SHOTS = st.builds(
    Shots,
    examples=st.lists(st.builds(Shot, variables=OBJECTS, answer=HARD), max_size=2).map(tuple),
    dataset=st.none() | NAMES,
    k=st.integers(1, 100),
    choose=st.sampled_from(["first", "nearest"]),
    by=HARD,
    question=HARD,
)
DRAFTS = st.builds(
    Draft,
    name=NAMES,
    messages=st.lists(MESSAGES, min_size=1, max_size=4).map(tuple),
    syntax=st.sampled_from(["jinja", "mustache"]),
    declared=declared(),
    shots=st.none() | SHOTS,
    parameters=OBJECTS,
    tools=st.lists(OBJECTS, max_size=2).map(tuple),
    output_schema=st.none() | OBJECTS,
    labels=st.lists(NAMES, max_size=2).map(tuple),
)
FILES = st.builds(
    PromptFile,
    draft=DRAFTS,
    folder=HARD,
    tags=st.lists(HARD, max_size=2).map(tuple),
    description=HARD,
)


def one(text: str, name: str = "p", **fields: Any) -> PromptFile:
    return PromptFile(
        draft=Draft(name=name, messages=(Message(role="system", content=text),), **fields)
    )


@given(FILES)
@example(one("\n"))
@example(one(""))
@example(one("a\r\nb"))
@example(one("## user\n\\## user\n\\\\## user (json)"))
@example(one("x", declared=(Variable(name="on"), Variable(name="y", required=False, default=""))))
@example(one("x", parameters={"a": 1e-07, "b": 0.0, "c": 0, "2024-01-01": "2024-01-01", "": "no"}))
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_again(file: PromptFile) -> None:
    assert read(written(file), f"prompts/{file_name(file.draft.name)}") == file


@given(NAMES, NAMES)
def test_two_names_are_two_files(name: str, other: str) -> None:
    assert (file_name(name) == file_name(other)) is (name == other)


def test_a_file_reads_as_a_person_would_write_it() -> None:
    file = replace(
        one(
            "You are {{ tone }}.\nBe brief.",
            name="support",
            declared=(Variable(name="tone", required=False, default="kind"), Variable(name="q")),
            parameters={"temperature": 0.2},
        ),
        folder="mail",
        tags=("a", "b"),
    )
    assert (
        written(file)
        == """---
folder: mail
tags:
- a
- b
variables:
  tone:
    type: string
    default: kind
  q: string
parameters:
  temperature: 0.2
---

## system

You are {{ tone }}.
Be brief.
"""
    )


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("Be brief.", ["Be brief."]),
        ("\n\n## system\nBe brief.\n\n\n## user   \n\n\n{{ q }}\n\n", ["Be brief.", "{{ q }}"]),
        ("---\r\nfolder: a\r\n---\r\n## user\r\n\r\none\r\ntwo\r\n", ["one\ntwo"]),
        ("\ufeff---\n---\n## user\nx", ["x"]),
        ("## user\n### not a heading\n## Nor this\n", ["### not a heading\n## Nor this"]),
        ("", []),
    ],
)
def test_a_file_need_not_be_written_by_a_program(text: str, contents: list[str]) -> None:
    assert [one.content for one in read(text, "a.prompt.md").draft.messages] == contents


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("---\nfolder: a\n", "line 1", "do not end"),
        ("---\nfolder: [\n---\nx", "line 3", "not YAML"),
        ("---\nfoldr: a\n---\nx", "a.prompt.md", "foldr"),
        ("---\nvariables: {a: text}\n---\nx", "a.prompt.md", "settings are wrong"),
        ("---\n- a\n---\nx", "a.prompt.md", "settings are wrong"),
        ("---\nfolder: a\n---\nHello\n## user\nx", "line 4", "before the first heading"),
        ('## user (json)\n{"role": "system", "content": "x"}', "line 1", "'system'"),
        ("## user (json)\n{", "line 1", "JSON"),
        ("---\na: &a [*a]\n---\nx", "a.prompt.md", "alias"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what) as caught:
        read(text, "a.prompt.md")
    assert where in f"{caught.value.where} {caught.value}"


class TestStandings:
    base, mine, theirs = one("base"), one("mine"), one("theirs")

    @pytest.mark.parametrize(
        ("local", "remote", "synced", "state"),
        [
            (base, base, base, "same"),
            (base, base, None, "same"),
            (mine, base, base, "to push"),
            (mine, None, None, "to push"),
            (base, theirs, base, "to pull"),
            (None, theirs, None, "to pull"),
            (None, theirs, base, "to pull"),
            (mine, theirs, base, "conflict"),
            (mine, theirs, None, "conflict"),
            (mine, mine, base, "same"),
            (mine, None, base, "conflict"),
        ],
    )
    def test_who_moved_decides(
        self,
        local: PromptFile | None,
        remote: PromptFile | None,
        synced: PromptFile | None,
        state: str,
    ) -> None:
        known = {} if remote is None else {"p": Known(version=4, file=remote)}
        lock = {} if synced is None else {"p": Synced(version=3, digest=said(synced))}
        files = [] if local is None else [local]
        (found,) = standings(files, known, Lock(prompts=lock))
        assert found.state == state
        assert found.version == (4 if remote is not None else 0)

    def test_examples_may_be_named_without_their_version(self) -> None:
        open_, pinned = (one("x", shots=Shots(dataset=ref)) for ref in ("golden", "golden@2"))
        (found,) = standings([open_], {"p": Known(version=1, file=pinned)}, Lock())
        assert found.state == "same"

    def test_a_label_that_is_missing_is_to_be_set(self) -> None:
        labelled = one("x", labels=("staging",))
        for labels, state in ((("staging", "production"), "same"), ((), "to push")):
            known = {"p": Known(version=1, file=one("x"), labels=labels)}
            assert [found.state for found in standings([labelled], known, Lock())] == [state]


def test_what_is_taken_in_comes_first() -> None:
    files = [one('{% include "b" %}', "a"), one('{% include "c" %}', "b"), one("x", "c")]
    assert [file.draft.name for file in in_order(files)] == ["c", "b", "a"]
    with pytest.raises(InvalidRequest, match="take in each other"):
        in_order([one('{% include "b" %}', "a"), one('{% include "a" %}', "b")])
