"""Personal data is found by kind and place, and what only looks like it is left alone."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterable

import pytest
from tests.signals.pii_sentences import SEVEN, sentences, spans

from trimtab.errors import ConfigError
from trimtab.signals.catalogue import signal
from trimtab.signals.pii.recogniser import Presidio, Span
from trimtab.signals.pii.signal import KINDS, Pii
from trimtab.signals.signal import Signal
from trimtab.signals.text import Text

PII = Pii()


def kinds(text: str, pii: Pii = PII) -> set[str]:
    return {one.kind for one in pii.read(Text(text)).findings}


def parts(text: str, pii: Pii = PII) -> dict[str, str]:
    return {one.kind: text[one.start : one.end] for one in pii.read(Text(text)).findings}


def test_the_signal_is_in_the_catalogue_and_has_25_kinds_and_many_more() -> None:
    assert isinstance(signal("pii"), Signal)
    assert len(KINDS) >= 75
    assert {*SEVEN, "person", "location", "date_of_birth", "mac_address", "crypto"} <= set(KINDS)


def test_sentences_of_many_countries_are_read_right() -> None:
    hits, extra, missed = Counter[str](), Counter[str](), Counter[str]()
    for text, expected in sentences():
        found = spans(text, PII)
        hits.update(kind for *_, kind in found & expected)
        extra.update(kind for *_, kind in found - expected)
        missed.update(kind for *_, kind in expected - found)
    assert hits.total() > 230
    assert f1(hits, extra, missed, SEVEN) >= 0.98
    assert f1(hits, extra, missed, ["phone_number"]) >= 0.97
    assert f1(hits, extra, missed, KINDS) >= 0.98


def f1(hits: Counter[str], extra: Counter[str], missed: Counter[str], of: Iterable[str]) -> float:
    right = sum(hits[kind] for kind in of)
    wrong = sum(extra[kind] + missed[kind] for kind in of)
    return 2 * right / (2 * right + wrong)


def test_every_kind_but_the_hints_has_a_sentence_that_finds_it() -> None:
    found = {kind for text, _ in sentences() for *_, kind in spans(text, PII)}
    others = {
        "license plate AB12 CDE": "license_plate",
        "meet me at 12 Long Lane": "address",
        "My name is Zorblax Quon": "person",
        "She lives in Montevideo": "location",
        "bank account 12345678901": "us_bank_number",
        "Personalausweis L01X00T471": "de_id_card",
        "passeport 12AB34567": "passport",
        "UTR 1955839661": "uk_utr",
        "NIP 856-734-62-15": "pl_nip",
        "SVNR 1237 010180": "at_social_security",
        "NIT 213.123.432-1": "co_nit",
        "ACN 004 085 616": "au_acn",
        "Thai ID 1-2345-45678-78-1": "th_pin",
        "NIK 3171011708450001": "id_nik",
        "MyKad 770305-02-1234": "my_nric",
        "身分證 A123456789": "tw_id",
    }
    found |= {kind for text, kind in others.items() if kind in kinds(text)}
    assert set(KINDS) - found == set()


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ("555-867-5309", "phone 555-867-5309"),
        ("4111111111111111", "card 4111111111111111"),
        ("536-22-8726", "SSN 536-22-8726"),
        ("in 12345678Z", "DNI 12345678Z"),
        ("see flower.com", "visit flower.com"),
    ],
)
def test_a_word_nearby_makes_a_find_surer(weak: str, strong: str) -> None:
    low, high = PII.read(Text(weak)).score, PII.read(Text(strong)).score
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize(
    "text",
    [
        "card 4111 1111 1111 1112",  # a check digit is wrong
        "IBAN GB82 WEST 1234 5698 7654 33",
        "CPF 390.533.447-06",
    ],
)
def test_a_mistyped_number_is_found_where_a_word_says_what_it_is(text: str) -> None:
    assert PII.read(Text(text)).score in (0.4, 0.5)
    assert kinds(text.split(" ", 1)[1]) == set()


@pytest.mark.parametrize("tail", ["!!!!", " - 1", ".  .  ", " -- ab cd", " 1234 1 . 2", ""])
def test_the_start_of_an_iban_is_none(tail: str) -> None:
    assert "iban_code" not in kinds("IBAN GB82 WEST 1234" + tail)


def test_what_holds_another_is_the_find_but_a_url_stands_beside_what_is_in_it() -> None:
    assert kinds("write to ann@mail.example.org") == {"email_address"}
    assert kinds("http://example.org/") == {"domain_name"}
    assert kinds("https://example.org/a?b=c") == {"url"}
    assert kinds("https://example.org/?to=ann@example.org") == {"url", "email_address"}
    assert kinds("https://example.org/orders/4155550132/555-867-5309") == {"url"}


def test_spans_are_of_the_raw_text() -> None:
    raw = "tel \uff10\uff17\uff17\uff10\uff10 \u200b900\u200b461, or a\u200bnn@example.org"
    found = parts(raw)
    assert found["phone_number"] == "\uff10\uff17\uff17\uff10\uff10 \u200b900\u200b461"
    assert found["email_address"] == "a\u200bnn@example.org"


def test_only_the_kinds_asked_for_are_reported() -> None:
    text = "Ann Smith, ann@example.org, 10.0.0.7, tel 07700 900461"
    assert kinds(text, Pii(kinds=["ip_address", "phone_number"])) == {"ip_address", "phone_number"}


def test_what_is_allowed_is_not_reported() -> None:
    pii = Pii(allow=["Support@Example.org", r"/10[.].*/"])
    text = "support@example.org 10.0.0.7 ann@example.org 192.168.0.7"
    assert parts(text, pii) == {"email_address": "ann@example.org", "ip_address": "192.168.0.7"}


def test_a_region_makes_its_own_numbers_count_without_a_word() -> None:
    text = "it was 15123456789 again"
    assert kinds(text) == set()
    assert kinds(text, Pii(regions=["de"])) == {"phone_number"}


def test_min_score_decides_what_is_reported() -> None:
    text = "Ann Smith, ann@example.org"
    assert kinds(text) == {"person", "email_address"}
    assert kinds(text, Pii(min_score=0.6)) == {"email_address"}


def test_settings_are_part_of_the_version() -> None:
    assert Pii().version == Pii().version
    assert len({Pii().version, Pii(kinds=["url"]).version, Pii(regions=["GB"]).version}) == 3


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"kinds": ["email_adress"]}, "email_address"), ({"allow": ["/(?=x)/"]}, "RE2")],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, list[str]], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Pii(**settings)  # type: ignore[arg-type]


def test_a_recogniser_adds_its_kinds_and_wins_where_it_is_surer() -> None:
    def organisations(text: str) -> list[Span]:
        at = text.index("Ann Smith")
        span = Span(start=at, end=at + 13, kind="organization", score=0.9)
        return [span, Span(start=0, end=999, kind="organization", score=0.9)]

    pii = Pii(recogniser=organisations)
    assert parts("call Ann Smith Ltd now", pii) == {"organization": "Ann Smith Ltd"}
    assert pii.lookback_chars is None


def test_presidio_is_asked_through_its_own_interface() -> None:
    class Engine:
        def analyze(self, *, text: str, language: str, entities: list[str]) -> list[object]:
            assert (language, entities) == ("de", ["PERSON"])
            start = text.index("Quon")
            kind = type("Found", (), {"start": start, "end": start + 4, "score": 0.8})
            kind.entity_type = "PERSON"  # type: ignore[attr-defined]
            return [kind]

    recogniser = Presidio(language="de", entities=("PERSON",), engine=Engine())
    assert parts("und Quon kam", Pii(recogniser=recogniser)) == {"person": "Quon"}


@pytest.mark.skipif(
    importlib.util.find_spec("presidio_analyzer") is not None, reason="presidio is installed"
)
def test_without_presidio_the_recogniser_says_how_to_install_it() -> None:
    with pytest.raises(ConfigError, match="pip install presidio-analyzer"):
        Pii(recogniser=Presidio()).read(Text("Ann"))
