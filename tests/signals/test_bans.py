"""Ban lists: whole words, exceptions, case, signs and scripts, in their thousands."""

from __future__ import annotations

import base64

import pytest

from trimtab.errors import ConfigError
from trimtab.signals.bans import Bans
from trimtab.signals.text import Text


def found(bans: Bans, raw: str) -> list[str]:
    return [raw[one.start : one.end] for one in bans.read(Text(raw)).findings]


@pytest.mark.parametrize(
    ("terms", "raw", "parts"),
    [
        (["cat"], "concatenate the Cat, a cat's cats", ["Cat", "cat"]),
        (["new deal"], "a New\n deal, newdeal, new-deal", ["New\n deal", "new-deal"]),
        (["new", "new deal"], "new deal new", ["new deal", "new"]),
        (["C++"], "c, C++ and c+", ["C++"]),
        (["#launch"], "launch the #Launch", ["#Launch"]),
        (
            ["acme"],
            "\uff21\uff23\uff2d\uff25 a\u200bcme \u0430cme",
            ["\uff21\uff23\uff2d\uff25", "a\u200bcme", "\u0430cme"],
        ),
        (["\u9999\u6e2f"], "\u6211\u5728\u9999\u6e2f\u5de5\u4f5c", ["\u9999\u6e2f"]),
        (["stra\u00dfe"], "Die STRA\u00dfE hier", ["STRA\u00dfE"]),
        (["\u043f\u0438\u0432\u043e"], "\u041f\u0418\u0412\u041e!", ["\u041f\u0418\u0412\u041e"]),
        ([], "anything", []),
    ],
)
def test_terms_are_found_as_whole_words(terms: list[str], raw: str, parts: list[str]) -> None:
    assert found(Bans(terms=terms), raw) == parts


_CODED = base64.b64encode(b"they sell it to acme corp").decode()
_ESCAPED = "buy%20ac%6de now"


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("a c m e, b\u00a0a\u00a0d", ["a c m e", "b\u00a0a\u00a0d"]),
        ("so b a d it is, a.c.m.e a_c_m_e", ["b a d", "a.c.m.e", "a_c_m_e"]),
        ("ac-me b**a**d ac-\nme", ["ac-me", "b**a**d", "ac-\nme"]),
        ("\u00e1cm\u00e9 and b\u00e4d and \u00c1CME", ["\u00e1cm\u00e9", "b\u00e4d", "\u00c1CME"]),
        ("_acme_ and acme_id", ["acme", "acme"]),
        ("n e w  d e a l, ne-w deal", ["n e w  d e a l", "ne-w deal"]),
        ("n-e-w dealers", ["n-e-w"]),
        ("YmFk QUNNRQ== QWNtZQ", ["YmFk", "QUNNRQ", "QWNtZQ"]),
        (f"see {_CODED}", [_CODED[21:27]]),
        (_ESCAPED, ["ac%6de"]),
        ("x a c m e x, b a d e", ["a c m e"]),
        ("b, a, d and ba d and a-bad-e", ["bad"]),
        ("glac-mer, the bade, newdeal, good.by", []),
        ("9.1.1 or 9-11", []),
    ],
)
def test_terms_are_seen_through_what_hides_them(raw: str, parts: list[str]) -> None:
    terms = ["acme", "bad", "new", "new deal", "911"]
    assert found(Bans(terms=terms), raw) == parts
    plain = found(Bans(terms=terms, disguises=False), raw)
    assert all(part in ("acme", "bad", "new") for part in plain)


def test_what_is_allowed_is_so_in_disguise() -> None:
    bans = Bans(terms=["ano", "amazon"], allow=["a\u00f1o", "amazon river"])
    assert found(bans, "el a\u00f1o, el ano, a-m-a-zon r i v e r, amaz-on") == ["ano", "amaz-on"]


def test_an_exception_covers_only_its_own_place() -> None:
    bans = Bans(terms=["amazon"], allow=["the amazon river", "amazon rainforest"])
    assert found(bans, "Amazon sells the Amazon river and the Amazon rainforest: Amazon") == [
        "Amazon",
        "Amazon",
    ]


def test_case_and_parts_of_words_are_settings() -> None:
    assert found(Bans(terms=["Apple"], case_sensitive=True), "an apple by Apple") == ["Apple"]
    assert found(Bans(terms=["schiff"], whole_words=False), "Dampfschifffahrt") == ["schiff"]


def test_lists_name_their_findings_and_change_the_version() -> None:
    bans = Bans(terms={"competitor": ["acme"], "slang": ["gonna"]})
    assert [one.kind for one in bans.read(Text("acme is gonna win")).findings] == [
        "competitor",
        "slang",
    ]
    assert bans.version != Bans(terms=["acme"]).version


@pytest.mark.parametrize("settings", [{"terms": "acme"}, {"terms": [" "]}, {"allow": "x"}])
def test_a_list_that_is_none_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Bans(**settings)  # type: ignore[arg-type]


def test_thousands_of_terms_are_found_in_a_long_text() -> None:
    terms = [f"term{n} of{n}" for n in range(5000)]
    raw = " ".join(f"term{n} of{n + n % 2}" for n in range(10_000))
    assert len(Bans(terms=terms).read(Text(raw)).findings) == 2500
