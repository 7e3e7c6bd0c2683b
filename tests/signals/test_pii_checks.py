"""Check digits agree with an independent implementation, python-stdnum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import bitcoin, iban, luhn

from trimtab.signals.pii.bank import is_iban
from trimtab.signals.pii.cards import is_luhn
from trimtab.signals.pii.devices import is_vin
from trimtab.signals.pii.wallets import is_base58check

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
