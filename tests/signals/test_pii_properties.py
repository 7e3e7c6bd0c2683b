"""Whatever a text is, and wherever in it personal data stands, the same is found in linear work."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.signals.pii_sentences import SEVEN, Sentence, sentences, spans

from trimtab.signals.normal import normal
from trimtab.signals.pii.names import cued, near_cues
from trimtab.signals.pii.signal import Pii
from trimtab.signals.text import Text

PII = Pii()
SENTENCES = sentences()
PROSE = (
    "The committee met again in the spring to talk about the plans for the new library, and "
    "whether it would be ready in time. Nobody could say what would happen to the reading room. "
) * 12
ODD = st.text(
    st.one_of(
        st.sampled_from("0123456789 .-/()+@:,;=xX#$"),
        st.sampled_from("abcZ\u00e9\n\t\u200b\uff11\ud800\x00"),
    ),
    max_size=300,
)


@given(st.one_of(ODD, st.text(), st.binary().map(lambda data: data.decode("latin-1"))))
@settings(max_examples=400)
def test_any_text_is_read_and_its_findings_lie_within_it(raw: str) -> None:
    reading = PII.read(Text(raw))
    assert (reading.score == 0) == (not reading.findings)
    for one in reading.findings:
        assert 0 <= one.start < one.end <= len(raw)
        assert 0 < one.score <= 1
    places = [(one.start, one.end) for one in reading.findings if one.kind != "url"]
    assert all(before[1] <= after[0] for before, after in pairwise(places))


@given(ODD)
@settings(max_examples=300)
def test_the_normalised_text_reads_the_same(raw: str) -> None:
    plain = normal(raw).text
    first, second = Text(raw), Text(plain)
    mapped = {(*first.raw_span(one.start, one.end), one.kind) for one in PII.read(second).findings}
    assert mapped == {(one.start, one.end, one.kind) for one in PII.read(first).findings}


@given(st.sampled_from([one for one in SENTENCES if one.spans]), st.integers(0, len(PROSE) - 1))
@settings(max_examples=300)
def test_a_sentence_is_read_the_same_at_any_place_of_a_long_text(one: Sentence, at: int) -> None:
    at = PROSE.find(" ", at) + 1
    before = PROSE[:at] + ".\n"
    found = spans(before + one.text + "\n" + PROSE[at:], PII)
    shifted = {(a - len(before), b - len(before), kind) for a, b, kind in found}
    assert shifted == spans(one.text, PII)


def test_the_look_back_is_enough_for_every_find() -> None:
    """What is found in a text is found in any part of it that reaches the look-back either side."""
    generator = random.Random(7)
    lookback = PII.lookback_chars
    assert lookback is not None
    chosen = SENTENCES * 2
    generator.shuffle(chosen)
    whole = " \n".join(one.text for one in chosen)
    for start, end, kind in spans(whole, PII):
        # A position within a find is decided by the look-back, so the longest find is within it.
        first, last = max(0, end - lookback), start + lookback
        assert first <= start
        assert end <= last
        part = whole[max(0, start - lookback) : end + lookback]
        offset = max(0, start - lookback)
        assert (start - offset, end - offset, kind) in spans(part, PII), whole[start:end]


HOSTILE = {
    "digits": "1" * 100_000,
    "groups": "1234567890 " * 9_000,
    "dashes": "1-" * 50_000,
    "brackets": "(1" * 50_000,
    "at": "@" * 100_000,
    "dots": "a." * 50_000,
    "octets": "1." * 50_000,
    "colons": "a:" * 50_000,
    "hex": "ab:cd:" * 16_000,
    "schemes": "://" * 33_000,
    "one url": "http://" + "a" * 100_000,
    "capitals": "Abc " * 25_000,
    "greetings": "Dear " * 20_000,
    "ibans": "GB82" * 25_000,
    "wallet": "0x" + "a" * 100_000,
    "streets": "12 Aaa Bbb Ccc Ddd " * 5_200,
    "spaces": " " * 100_000,
    "telephones": "call 555-123-4567 " * 5_500,
    "words": "passport licence ssn nhs tax vat bsn 123456789 " * 2_000,
    "letters": "x" * 100_000,
    "noise": "".join(random.Random(3).choices("0123456789 .-/()+@:abcxABC", k=100_000)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_read_in_time(text: str) -> None:
    """Each takes some 10 to 150 ms; what is not linear in the length takes minutes."""
    began = time.process_time()
    PII.read(Text(text))
    assert time.process_time() - began < 3


def test_ordinary_prose_holds_none_of_the_seven_kinds() -> None:
    assert {one.kind for one in PII.read(Text(PROSE)).findings}.isdisjoint(SEVEN)


_CUES = st.sampled_from(
    [
        "Dear Ann,",
        "Mr Oduya ",
        "my name is Lena Voss. ",
        "Kind regards\nTom\n",
        "x " * 120,
        "hi ",
        "\n",
    ]
)


@given(st.lists(_CUES, max_size=12).map("".join))
def test_names_near_their_cues_are_those_of_the_whole_text(plain: str) -> None:
    near = [hit for place in near_cues(plain) for hit in cued(plain, *place)]
    assert sorted(near) == sorted(cued(plain, 0, len(plain)))


def test_after_very_many_cues_the_rest_is_read_as_one() -> None:
    plain = f"{'Dear Ann, ' * 1_500}{'x ' * 300}\nDear Bob, "
    assert [*near_cues(plain)] == [(0, len(plain))]
