"""Secrets: keys of every kind in many surroundings, and what only looks like one."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.signals.secret_values import SHAPES, Row, filled

from trimtab.signals.secrets.kinds import KINDS
from trimtab.signals.secrets.signal import Secrets
from trimtab.signals.text import Text

DATA = Path(__file__).parent / "data" / "secrets.jsonl"
SECRETS = Secrets()


def rows(seed: int) -> list[Row]:
    """Every template with values of its own."""
    rng = random.Random(seed)
    return [filled(json.loads(line)["text"], rng) for line in DATA.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("seed", range(5))
def test_precision_and_recall_are_at_least_97_in_100(seed: int) -> None:
    found = expected = hits = right_kind = 0
    for text, spans in rows(seed):
        findings = SECRETS.read(Text(text)).findings
        found += len(findings)
        expected += len(spans)
        for start, end, kind in spans:
            same = [one for one in findings if abs(one.start - start) + abs(one.end - end) <= 2]
            hits += bool(same)
            right_kind += any(one.kind == kind for one in same)
    assert expected > 200
    assert hits / found >= 0.97
    assert hits / expected >= 0.97
    assert right_kind / hits >= 0.95


def test_there_are_kinds_of_at_least_a_hundred_vendors() -> None:
    assert len({kind.name for kind in KINDS}) >= 100


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - {"password", "generic_secret"}))
def test_a_key_is_known_by_its_kind(kind: str) -> None:
    row = filled(f"value: {{{{{kind}}}}}\n", random.Random(4))
    findings = SECRETS.read(Text(row.text)).findings
    assert [(one.start, one.end, one.kind) for one in findings] == list(row.spans)


def test_a_key_with_hidden_characters_in_it_is_found_whole() -> None:
    key = filled("{{groq_api_key}}", random.Random(1)).text
    raw = "use " + key[:9] + "\u200b" + key[9:] + " now"
    (found,) = SECRETS.read(Text(raw)).findings
    assert (found.start, found.end) == (4, 5 + len(key))


def test_text_of_other_scripts_does_not_move_a_finding() -> None:
    text, ((start, end, _),) = filled("пароль 日本 😀: {{github_token}} да", random.Random(2))
    (found,) = SECRETS.read(Text(text)).findings
    assert (found.start, found.end, found.score) == (start, end, 1.0)


def test_the_keys_of_documentation_count_if_asked_for() -> None:
    text = Text("AKIA" + "IOSFODNN7EXAMPLE")
    assert SECRETS.read(text).findings == ()
    assert [one.kind for one in Secrets(placeholders=True).read(text).findings] == [
        "aws_access_key_id"
    ]


def test_no_value_is_in_a_reading() -> None:
    row = filled("password: {{password}}", random.Random(3))
    (start, end, _), *_ = row.spans
    assert row.text[start:end] not in repr(SECRETS.read(Text(row.text)))


@given(st.text(st.sampled_from(list("sk-antAKIA_pw=: \"'@/.eyJ0123456789\n\u00e9")), max_size=80))
def test_any_text_is_read(raw: str) -> None:
    reading = SECRETS.read(Text(raw))
    assert all(0 <= one.start < one.end <= len(raw) for one in reading.findings)
    assert list(reading.findings) == sorted(reading.findings)


@pytest.mark.parametrize(
    "text",
    [
        "jina_embeddings_v3_base_en_model_with_long_name",
        "fc-layer-1, fc-0123456789abcdef",
        "st.title and st.sidebar.header",
        "rpa_process_definition_for_invoices_of_the_month",
        "bb_live_in",
        "the phx_router of Phoenix",
        "AQ.Ab8",
    ],
)
def test_names_that_begin_as_keys_do_are_none(text: str) -> None:
    assert SECRETS.read(Text(text)).findings == ()


_KEY = "sk-proj-Ab3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z"
_IN_64 = {
    codec: "in " + base64.b64encode(f"use {_KEY} now".encode(codec)).decode()
    for codec in ("utf-16-le", "utf-16-be", "utf-16")
}


@pytest.mark.parametrize(
    ("raw", "first", "last"),
    [
        ("".join(f"{char}\u0301" for char in _KEY), 0, 2 * len(_KEY)),
        ("k\u00e9y \u015b\u1e31-" + _KEY[3:], 4, 4 + len(_KEY)),
        (f"sk-**proj**-{_KEY[8:]}", 0, 4 + len(_KEY)),
        (f"{_KEY[:12]}<b>{_KEY[12:20]}</b>{_KEY[20:]}", 0, 7 + len(_KEY)),
        (f"{_KEY[:12]}``{_KEY[12:]}", 0, 2 + len(_KEY)),
        *((raw, 14, 130) for raw in _IN_64.values()),
        ("at " + f"use {_KEY}".encode("utf-16-le").hex(" "), 27, 278),
    ],
)
def test_a_key_that_a_reader_would_put_together_is_found(raw: str, first: int, last: int) -> None:
    (found,) = Secrets().read(Text(raw)).findings
    assert found.kind == "openai_api_key"
    assert abs(found.start - first) <= 6
    assert abs(found.end - last) <= 6


@pytest.mark.parametrize("raw", ["2**10 + a*b*c", "**bold** and `code`", "x<b>y</b>z" * 4_000])
def test_markup_alone_is_no_key(raw: str) -> None:
    assert Secrets().read(Text(raw)).findings == ()


def test_colours_of_a_terminal_hide_no_key() -> None:
    key = filled("{{groq_api_key}}", random.Random(1)).text
    raw = "use " + "\x1b[0m".join(key) + " now"
    assert {one.kind for one in SECRETS.read(Text(raw)).findings} == {"groq_api_key"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Das Passwort lautet: Sommer2024!x und gilt.", "Sommer2024!x"),
        ("Mein Passwort ist Sommer2024!x", "Sommer2024!x"),
        ("La contrase\u00f1a es Sommer2024!x", "Sommer2024!x"),
        ("Le mot de passe est Sommer2024!x", "Sommer2024!x"),
        ("sshpass -p Zu7gkWq93x ssh ann@host", "Zu7gkWq93x"),
        ("mysql -u root -pZu7gkWq93x shop", "Zu7gkWq93x"),
        ("ConvertTo-SecureString 'Zu7gkWq93x' -AsPlainText -Force", "Zu7gkWq93x"),
        ("WIFI:T:WPA;S:Home;P:Zu7gkWq93x;;", "Zu7gkWq93x"),
        ("Authorization: SSWS 00QCjAl4MlV-WPXM-ABcdEfGhi12Jk", "00QCjAl4MlV-WPXM-ABcdEfGhi12Jk"),
    ],
)
def test_what_commands_and_other_languages_call_a_password_is_found(text: str, value: str) -> None:
    findings = SECRETS.read(Text(text)).findings
    assert [text[one.start : one.end] for one in findings] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Das Passwort ist falsch. Le mot de passe est requis.",
        "mysql -u root -p shop < dump.sql",
        'ssh -p 2222 ann@host and sshpass -p "$PASSWORD" ssh ann@host',
    ],
)
def test_a_password_that_is_only_spoken_of_is_none(text: str) -> None:
    assert SECRETS.read(Text(text)).findings == ()


@pytest.mark.parametrize("kind", ["openai_api_key", "aws_access_key_id", "github_token"])
@pytest.mark.parametrize("sign", [" ", "\n", ", ", '", "', "|", None])
def test_a_key_told_letter_by_letter_or_backwards_is_found(kind: str, sign: str | None) -> None:
    key = filled(f"{{{{{kind}}}}}", random.Random(3)).text
    told = key[::-1] if sign is None else sign.join(key)
    findings = SECRETS.read(Text(f"It is: {told} ")).findings
    assert [(one.start, one.end, one.kind) for one in findings] == [(7, 7 + len(told), kind)]


@pytest.mark.parametrize(
    "text",
    ["a b c d e f g h i j k l m n o p q r s t u v w x y z", "1, 2, 3, 4, 5, 6, 7, 8, 9, 1, " * 4],
)
def test_single_letters_that_make_no_key_are_none(text: str) -> None:
    assert SECRETS.read(Text(text)).findings == ()


@pytest.mark.parametrize("width", [4, 8, 12, 20, 40, 64])
@pytest.mark.parametrize("end", ["\n-----END RSA PRIVATE KEY-----", ""])
def test_a_private_key_is_found_however_it_is_wrapped(width: int, end: str) -> None:
    code = base64.b64encode(random.Random(9).randbytes(600)).decode()
    lines = "\n".join(code[at : at + width] for at in range(0, len(code), width))
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{lines}{end}"
    findings = SECRETS.read(Text(f"It is {block}\nso.")).findings
    expected = [(6, 6 + len(block), "private_key")] if end or width >= 20 else []
    assert [(one.start, one.end, one.kind) for one in findings] == expected


def test_a_private_key_that_is_only_told_of_is_none() -> None:
    said = "put the lines of your own key in here, as many of them as there are, and no more"
    for text in (said, said.replace(" ", "\n"), "\n".join(["your", "keys"] * 20)):
        block = f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----"
        assert SECRETS.read(Text(block)).findings == ()
