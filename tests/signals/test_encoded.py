"""What is encoded in a text: decoded within bounds, and found again by the place of its code."""

from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.signals.disguises import CODES, NESTING, SPELLINGS
from tests.signals.pii_sentences import sentences, spans
from tests.signals.secret_values import SHAPES, filled

from trimtab.signals.encoded import LONGEST, MOST_CHARS, MOST_LAYERS, layers
from trimtab.signals.pii.signal import Pii
from trimtab.signals.secrets.signal import Secrets
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

SECRETS, PII = Secrets(), Pii()
EACH = pytest.mark.parametrize
KINDS = sorted(set(SHAPES) - {"password", "generic_secret"})
BY_CHARACTER = (
    "hexadecimal",
    "hexadecimal apart",
    "\\x",
    "\\u",
    "\\u{}",
    "octal",
    "percent",
    "entities",
    "hexadecimal entities",
    "quoted-printable",
    "decimal",
    "binary",
)
NUMBERS = {
    "email_address": "write to ann.smith@example.org today",
    "credit_card": "the card is 4111 1111 1111 1111, thanks",
    "iban_code": "my IBAN: GB82 WEST 1234 5698 7654 32",
    "us_ssn": "my SSN is 536-90-4399 as you know",
    "phone_number": "call me at +44 20 7946 0958 tonight",
    "ip_address": "the server is 203.0.113.77 here",
}


def found(of: Signal, raw: str) -> set[tuple[int, int, str]]:
    return {(one.start, one.end, one.kind) for one in of.read(Text(raw)).findings}


@EACH("name", CODES)
def test_a_layer_is_the_text_that_was_encoded_and_leads_back_to_its_code(name: str) -> None:
    said = "Meet me at the old mill: bring 2 lanterns, a rope & the map."
    code = CODES[name](said)
    raw = f"see {code} there"
    layer = next(one for one in layers(raw) if said in one.text)
    at = layer.text.index(said)
    assert layer.span(at, at + len(said)) == (4, 4 + len(code))
    if name in BY_CHARACTER:
        part = layer.text.index("lanterns")
        start, end = layer.span(part, part + 8)
        assert raw[start:end].lower() == CODES[name]("lanterns").lower()


@EACH("name", CODES)
def test_encoded_secrets_are_found_by_their_kinds(name: str) -> None:
    for seed, kind in enumerate(KINDS):
        row = filled(f"value: {{{{{kind}}}}} end\n", random.Random(seed))
        raw = f"take {CODES[name](row.text)} ok"
        assert [one.kind for one in SECRETS.read(Text(raw)).findings] == [kind]


@EACH("name", BY_CHARACTER)
def test_an_encoded_secret_is_found_where_its_characters_stand(name: str) -> None:
    row = filled("use {{groq_api_key}} now", random.Random(5))
    ((start, end, kind),) = row.spans
    key = CODES[name](row.text[start:end])
    raw = f"take {CODES[name](row.text)} ok"
    ((first, last, own),) = found(SECRETS, raw)
    assert (own, raw[first:last]) == (kind, key)


@EACH("outer", NESTING)
@EACH("inner", NESTING)
def test_a_secret_encoded_twice_is_found(outer: str, inner: str) -> None:
    row = filled("use {{anthropic_api_key}} now", random.Random(5))
    raw = CODES[outer](CODES[inner](row.text))
    assert {kind for _, _, kind in found(SECRETS, raw)} == {"anthropic_api_key"}


@EACH("name", CODES)
@EACH("kind", NUMBERS)
def test_encoded_personal_data_is_found_by_its_kind(name: str, kind: str) -> None:
    raw = f"take {CODES[name](NUMBERS[kind])} ok"
    assert kind in {own for _, _, own in found(PII, raw)}


@EACH("spell", [SPELLINGS["zero-width"], SPELLINGS["full width"], SPELLINGS["tags"]])
@EACH("kind", NUMBERS)
def test_unseen_and_wide_characters_hide_no_personal_data(spell, kind: str) -> None:  # type: ignore[no-untyped-def]
    assert kind in {own for _, _, own in found(PII, spell(NUMBERS[kind]))}


@EACH("name", ["zero-width", "full width", "tags", "selectors"])
def test_unseen_and_wide_characters_hide_no_secret(name: str) -> None:
    row = filled("use {{groq_api_key}} now", random.Random(5))
    assert {kind for *_, kind in found(SECRETS, SPELLINGS[name](row.text))} == {"groq_api_key"}


@EACH("one", ["%2D", "&#45;", "\\u002d", "\\x2d"])
def test_one_escaped_character_hides_no_secret(one: str) -> None:
    row = filled("{{anthropic_api_key}}", random.Random(5))
    raw = "key " + row.text.replace("-", one, 1) + " end"
    assert found(SECRETS, raw) == {(4, len(raw) - 4, "anthropic_api_key")}


def test_an_address_in_a_query_is_found_whole() -> None:
    raw = "https://example.com/unsubscribe?user=ann.smith%40example.org&list=7"
    start = raw.index("ann")
    mail = (start, start + len("ann.smith%40example.org"), "email_address")
    assert mail in found(PII, raw)


def test_what_is_found_as_it_stands_is_not_found_again_decoded() -> None:
    for one in sentences():
        if not one.text.isascii():
            continue
        raw = f"{one.text} &nbsp; a%20b%20c"
        assert {s for s in spans(raw, PII) if s[1] <= len(one.text)} == spans(one.text, PII)


def test_a_named_key_within_an_unnamed_one_names_it() -> None:
    row = filled("{{anthropic_api_key}}", random.Random(5))
    raw = f'api_key = "{CODES["base64"](row.text)}"'
    assert [kind for _, _, kind in found(SECRETS, raw)] == ["anthropic_api_key"]


def token(payload: dict[str, object]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, payload)
    code = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    return ".".join([*code, "c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4tMDEyMzQ1"])


def test_a_web_token_is_a_secret_of_its_own_kind_and_is_not_looked_into() -> None:
    raw = "bearer is " + token({"sub": "1234567890", "email": "ann.smith@example.org"})
    assert [kind for _, _, kind in found(SECRETS, raw)] == ["jwt"]
    assert layers(raw) == ()
    assert "email_address" not in {kind for _, _, kind in found(PII, raw)}


CHANCE = random.Random(9)
NOTHING = {
    "a picture": "data:image/png;base64," + base64.b64encode(CHANCE.randbytes(4_000)).decode(),
    "hashes": " ".join(CHANCE.randbytes(size).hex() for size in (16, 20, 32, 64) * 50),
    "fingerprints": " ".join(CHANCE.randbytes(32).hex(":").upper() for _ in range(20)),
    "digests": " ".join(base64.b64encode(CHANCE.randbytes(32)).decode() for _ in range(50)),
    "numbers": ", ".join(str(CHANCE.randrange(1, 127)) for _ in range(2_000)),
    "a dump": "\n".join(f"{at:08x}  {CHANCE.randbytes(16).hex(' ')}" for at in range(0, 999, 16)),
    "a drawing": "data:image/svg+xml;base64,"
    + CODES["base64"]('<svg viewBox="0 0 24 24"><path d="M12 2C6.48 2 2 6.48 2 12"/></svg>'),
    "a path": "https://example.org/%E4%BD%A0%E5%A5%BD/caf%C3%A9%20menu%20%26%20more.html",
    "prose": "Caf&eacute; &amp; Bar &mdash; open 9&nbsp;am&ndash;5&nbsp;pm, 20% off &copy; 2024",
    "source": 'x = "\\x1b[31m\\u00e9\\u2026" + "\\033[0m" # 100%, a=3D, b=20',
}


@EACH("name", NOTHING)
def test_what_is_harmless_in_code_and_digests_holds_neither_keys_nor_persons(name: str) -> None:
    assert SECRETS.read(Text(NOTHING[name])).findings == ()
    decoded = [hit for layer in layers(NOTHING[name]) for hit in PII._decoded(layer)]
    assert decoded == []


@EACH("cut", range(0, 40, 3))
def test_a_run_that_is_cut_at_its_beginning_is_read_from_there(cut: int) -> None:
    filler = "All of this is but a log of a server that had a long and quiet day. "
    row = filled("token: {{groq_api_key}} end", random.Random(5))
    whole = CODES["base64"](filler * 12 + row.text + filler)
    (full,) = found(SECRETS, whole)
    assert found(SECRETS, whole[cut:]) == {(full[0] - cut, full[1] - cut, full[2])}


def test_a_secret_far_into_a_long_run_is_found() -> None:
    filler = "All of this is but a log of a server that had a long and quiet day. "
    row = filled("token: {{groq_api_key}} end", random.Random(5))
    for name in ("base64", "hexadecimal", "percent"):
        raw = CODES[name](filler * 150 + row.text)
        assert len(raw) > LONGEST
        assert [kind for *_, kind in found(SECRETS, raw)] == ["groq_api_key"]


@EACH("piece", [*NESTING, "decimal", "binary", "quoted-printable"])
def test_work_is_bounded_however_much_is_encoded(piece: str) -> None:
    code = CODES[piece]("this is one of very many harmless lines")
    made = layers((code + " , ") * (300_000 // len(code)))
    assert 0 < len(made) <= MOST_LAYERS
    assert sum(len(one.text) for one in made) <= MOST_CHARS + LONGEST


ODD = st.text(st.sampled_from([*"%&#;\\ux=0123456789abcdefABCDEF{} \r\n", "\ud800", "é", "\u200b"]))


@given(ODD, st.sampled_from(sorted(CODES)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_and_every_place_lies_within_it(raw: str, name: str) -> None:
    encoded = raw.encode("utf-8", "ignore").decode()
    for text in (raw, f"x {CODES[name](encoded)} y"):
        plain = Text(text).plain
        for layer in layers(plain):
            assert 0 <= layer.start < layer.end <= len(plain)
            size = len(layer.text)
            for start, end in ((0, size), (size // 2, size // 2 + 1), (size - 1, size)):
                first, last = layer.span(start, end)
                assert 0 <= first < last <= len(plain)
        for of in (SECRETS, PII):
            assert all(
                0 <= one.start < one.end <= len(text) for one in of.read(Text(text)).findings
            )
