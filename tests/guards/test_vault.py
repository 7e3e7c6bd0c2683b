"""Tokens and what they stand for: unlike any text, the same for the same value, never on record."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.guards.vault import LONGEST_TOKEN, Vault, unescaped

EMAIL = "ann@example.org"


def restored(vault: Vault, text: str, *, in_json: bool = False) -> str:
    for start, end, value in reversed(vault.restored(text, in_json=in_json)):
        text = text[:start] + value + text[end:]
    return text


def test_a_value_has_one_token_and_two_values_have_two() -> None:
    vault = Vault()
    tokens = [vault.token("email_address", one) for one in (EMAIL, "bo@example.org", EMAIL)]
    assert tokens == ["<EMAIL_ADDRESS_1>", "<EMAIL_ADDRESS_2>", "<EMAIL_ADDRESS_1>"]


def test_a_conversation_that_is_sent_again_gets_the_same_tokens() -> None:
    turns = [EMAIL, "bo@example.org", "cy@example.org"]
    for upto in range(1, 4):
        vault = Vault()
        assert [vault.token("email_address", one) for one in turns[:upto]] == [
            f"<EMAIL_ADDRESS_{n}>" for n in range(1, upto + 1)
        ]


def test_a_token_that_somebody_wrote_is_not_used() -> None:
    vault = Vault()
    vault.reserve(
        ["say <EMAIL_ADDRESS_1>", '{"a": "\\u003cEMAIL_ADDRESS_2\\u003e"}', "&lt;X_1&gt;"]
    )
    assert vault.token("email_address", EMAIL) == "<EMAIL_ADDRESS_3>"
    assert restored(vault, "<EMAIL_ADDRESS_1> <EMAIL_ADDRESS_3>") == f"<EMAIL_ADDRESS_1> {EMAIL}"


def test_messages_out_of_sight_make_tokens_unlike_any_other() -> None:
    first, second = Vault(), Vault()
    for vault in (first, second):
        vault.set_apart()
    tokens = {vault.token("email_address", EMAIL) for vault in (first, second)}
    assert len(tokens) == 2
    assert restored(first, second.token("email_address", EMAIL)).startswith("<")


@pytest.mark.parametrize(
    "spelling",
    [
        "<EMAIL_ADDRESS_1>",
        "\\u003cEMAIL_ADDRESS_1\\u003e",
        "\\u003CEMAIL_ADDRESS_1\\u003E",
        "&lt;EMAIL_ADDRESS_1&gt;",
        "\\<EMAIL\\_ADDRESS\\_1\\>",
        "<EMAIL\\_ADDRESS\\_1>",
        "%3CEMAIL_ADDRESS_1%3E",
        "<email_address_1>",
    ],
)
def test_a_token_is_known_however_it_is_escaped(spelling: str) -> None:
    vault = Vault()
    vault.token("email_address", EMAIL)
    assert restored(vault, f"to {spelling}.") == f"to {EMAIL}."


@given(st.text(min_size=1), st.text())
def test_in_json_a_value_is_the_string_that_it_was(value: str, around: str) -> None:
    vault = Vault()
    vault.reserve([around, value])
    token = vault.token("person", value)
    arguments = json.dumps({"to": around + token})
    found = json.loads(restored(vault, arguments, in_json=True))
    assert found == {"to": around + value}


@given(st.lists(st.text(min_size=3), min_size=1, max_size=6), st.text())
def test_restored_text_has_its_tokens_again_on_record(values: list[str], between: str) -> None:
    vault = Vault()
    vault.reserve([between, *values])
    said = between.join(vault.token("person", value) for value in values)
    shown = restored(vault, said)
    kept = vault.hidden(shown)
    for value in values:
        # A value may be a part of a token's own words.
        if not re.fullmatch(r"[<>A-Z_0-9]*", value):
            assert value not in re.sub(r"<PERSON_\d+>", "\0", kept)


@given(st.text())
def test_nothing_is_restored_or_hidden_that_was_never_hidden(text: str) -> None:
    vault = Vault()
    assert vault.restored(text) == []
    assert vault.hidden(text) == text
    assert not vault


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_token_is_longer_than_is_held_back_for_it(kind: str, value: str) -> None:
    token = Vault(apart=True).token(kind, value)
    assert re.fullmatch(r"<[A-Z][A-Z0-9_]*>", token)
    assert len(token) + 10 <= LONGEST_TOKEN


@pytest.mark.parametrize(
    ("piece", "said"), [("a", "a"), (r"M\u00fcller", "Müller"), (r"a\"b", 'a"b'), ("a\\", "a\\")]
)
def test_what_stands_in_json_is_read_as_json(piece: str, said: str) -> None:
    assert unescaped(piece) == said
