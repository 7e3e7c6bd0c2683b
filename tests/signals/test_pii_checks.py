"""Check digits agree with an independent implementation, python-stdnum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import bitcoin, iban, luhn

from trimtab.signals.pii.bank import is_iban
from trimtab.signals.pii.cards import is_luhn
from trimtab.signals.pii.devices import is_vin
from trimtab.signals.pii.signal import Pii
from trimtab.signals.pii.wallets import is_base58check
from trimtab.signals.text import Text

DIGITS = st.text("0123456789", min_size=2, max_size=19)
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@given(DIGITS)
def test_luhn(digits: str) -> None:
    assert is_luhn(digits) == luhn.is_valid(digits)
    assert is_luhn(digits + luhn.calc_check_digit(digits))


@given(st.text("0123456789", min_size=18, max_size=18), st.integers(2, 98))
def test_iban(account: str, check: int) -> None:
    text = f"DE{check:02}{account}"
    assert is_iban(text) == iban.is_valid(text, check_country=False)
    assert is_iban(f"DE{iban.calc_check_digits('DE00' + account)}{account}")


@pytest.mark.parametrize(
    "address", ["1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"]
)
@given(place=st.integers(1, 33), char=st.sampled_from(BASE58))
def test_base58check(address: str, place: int, char: str) -> None:
    changed = address[:place] + char + address[place + 1 :]
    assert is_base58check(address)
    assert is_base58check(changed) == bitcoin.is_valid(changed)


def test_vin() -> None:
    assert is_vin("11111111111111111")  # the standard's own test of an implementation
    assert is_vin("1HGCM82633A004352")
    assert not is_vin("1HGCM82634A004352")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ИНН 500100732259", "ru_inn"),
        ("ИНН: 7707083893", "ru_inn"),
        ("NPI: 1234567893", "us_npi"),
        ("Medicare ID 1EG4-TE5-MK73", "us_medicare_mbi"),
        ("account no. 12345678 sort code 20-00-00", "uk_bank_account"),
        ("sort code 20-00-00", "uk_sort_code"),
        ("เลขประจำตัวประชาชน 1-1017-00230-70-8", "th_pin"),
        ("дата рождения 12.03.1981", "date_of_birth"),
        ("doğum tarihi 12.03.1981", "date_of_birth"),
        ("生于1981年3月12日", "date_of_birth"),
        ("8-916-123-45-67", "phone_number"),
        ("Ruf mich an: 0176 12345678", "phone_number"),
        ("llámame al 612 345 678", "phone_number"),
        ("手机号 13800138000", "phone_number"),
        (
            "card " + "4111 1111 1111 1111".translate({48 + at: 0x660 + at for at in range(10)}),
            "credit_card",
        ),
        ("jane&#0000000064;example.org", "email_address"),
        ("write to jane @ example.org", "email_address"),
        ("write to jane.doe at example dot com", "email_address"),
        *(
            (f"charge {one} now", "credit_card")
            for one in (
                "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
                "4111_1111_1111_1111",
                "4111/1111/1111/1111",
                "4111 1111\n1111 1111",
                "4111 **1111** 1111 1111",
                "4111 - 1111 - 1111 - 1111",
                "3782_822463_10005",
            )
        ),
    ],
)
def test_what_a_label_or_a_check_digit_tells_is_found(text: str, kind: str) -> None:
    found = [one for one in Pii().read(Text(text)).findings if one.score >= 0.5]
    assert kind in {one.kind for one in found}


@pytest.mark.parametrize(
    "text",
    [
        "INN 500100732258",
        "The inn has 12 rooms and was built in 1654.",
        "NPI: 1234567890",
        "sort by date 24-12-99",
        "sort the list 12345678",
        "python 3.11.7.1",
        "listen on 0.0.0.0",
        "listen on 127.0.0.1:80 and on ::1",
        "the mask is 255.255.255.0",
        "libfoo 1.2+20151223-1 is out",
        "part 13800138000",
        "the row is 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2",
        "from 4111_1111_1111_1112 on",
        "1 2 3 4 5 6 7 8 9 10 11 12 13",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert [one for one in Pii().read(Text(text)).findings if one.score >= 0.5] == []
