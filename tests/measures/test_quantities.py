"""Numbers and dates as people write them; what is not one is None and never a guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import MeasureError
from trimtab.measures import quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", 42.0),
        (" -3.50 ", -3.5),
        ("\u22127", -7.0),
        ("+1e-3", 0.001),
        (".5", 0.5),
        ("1,234,567.8", 1234567.8),
        ("1 234 567", 1234567.0),
        ("1\u202f234", 1234.0),
        ("1'000", 1000.0),
        ("$1,200", 1200.0),
        ("-\u20ac5", -5.0),
        ("45%", 0.45),
        ("12.5 %", 0.125),
        ("(1,200)", -1200.0),
        ("3 kg", 3.0),
        ("3.2 km/h", 3.2),
        ("5 million", 5e6),
        ("2.5bn", 2.5e9),
        ("7k", 7000.0),
        ("10 kg", 10.0),
        ("$3 million in sales", 3e6),
    ],
)
def test_a_number_is_read(text: str, expected: float) -> None:
    assert quantities.parse_number(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "about 5",
        "2 or 3",
        "5 to ten",
        "9" * 400,
        "1,23",
        "12,34,567",
        "1.2.3",
        "2025-03-04",
        "5-6",
        "3/4",
        "x1",
    ],
)
def test_what_is_not_one_number_is_none(text: str) -> None:
    assert quantities.parse_number(text) is None


def test_the_decimal_mark_is_the_callers_to_name() -> None:
    assert quantities.parse_number("1,234") == 1234.0
    assert quantities.parse_number("1,234", decimal=",") == pytest.approx(1.234)
    assert quantities.parse_number("1.234.567,5", decimal=",") == pytest.approx(1234567.5)


@given(st.floats(-1e12, 1e12, allow_nan=False), st.booleans())
def test_what_python_formats_is_read_back(value: float, grouped: bool) -> None:
    text = f"{value:,.6f}" if grouped else f"{value:.6f}"
    assert quantities.parse_number(text) == pytest.approx(float(text.replace(",", "")))


@pytest.mark.parametrize(
    ("answer", "expected", "tolerances", "close"),
    [
        ("1,000", 1000, {}, True),
        ("1000.1", "1000", {}, False),
        ("1000.1", "1000", {"relative": 1e-3}, True),
        ("0.4", 0, {"relative": 1.0}, False),
        ("0.4", 0, {"absolute": 0.5}, True),
        ("50%", 0.5, {}, True),
        (float("nan"), 0.0, {}, None),
        ("many", 3, {}, None),
        ("3", "many", {}, None),
    ],
)
def test_numbers_agree_within_a_tolerance(
    answer: str | float, expected: str | float, tolerances: dict[str, float], close: bool | None
) -> None:
    assert quantities.numeric_close(answer, expected, **tolerances) is close


def test_every_number_of_a_text_is_found_and_no_part_of_a_word_or_version() -> None:
    text = "Version 1.2.3 of x86 sold 1,000 units (up 5%) for $2.50, see 10.5."
    assert quantities.numbers(text) == pytest.approx([1000.0, 0.05, 2.5, 10.5])


@pytest.mark.parametrize(
    ("text", "first", "expected"),
    [
        ("2025-03-04", None, date(2025, 3, 4)),
        ("2025-03-04T23:59:00+02:00", None, date(2025, 3, 4)),
        ("20250304", None, date(2025, 3, 4)),
        ("4 March 2025", None, date(2025, 3, 4)),
        ("the 4th of March, 2025", None, date(2025, 3, 4)),
        ("Mar 4, 2025", None, date(2025, 3, 4)),
        ("Tuesday, March 4, 2025", None, date(2025, 3, 4)),
        ("04.03.2025", None, date(2025, 3, 4)),
        ("25/12/2025", None, date(2025, 12, 25)),
        ("12/25/2025", None, date(2025, 12, 25)),
        ("05/05/2025", None, date(2025, 5, 5)),
        ("03/04/2025", None, None),
        ("03/04/2025", "day", date(2025, 4, 3)),
        ("03/04/2025", "month", date(2025, 3, 4)),
        ("25/12/2025", "month", None),
        ("2025-02-30", None, None),
        ("tomorrow", None, None),
        ("2025123", None, None),
        ("", None, None),
    ],
)
def test_a_date_is_read_or_left(text: str, first: str | None, expected: date | None) -> None:
    assert quantities.parse_date(text, first=first) == expected


def test_two_dates_are_the_same_day_or_unknown() -> None:
    assert quantities.same_date("4 Mar 2025", "2025-03-04") is True
    assert quantities.same_date("5 Mar 2025", "2025-03-04") is False
    assert quantities.same_date("03/04/2025", "2025-03-04") is None
    assert quantities.same_date("03/04/2025", "2025-03-04", first="month") is True


@given(st.text())
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    quantities.parse_number(text)
    quantities.numbers(text)
    quantities.parse_date(text)


@pytest.mark.parametrize(
    "call",
    [
        lambda: quantities.parse_number("1", decimal=";"),
        lambda: quantities.numeric_close(1, 1, relative=-1),
        lambda: quantities.parse_date("1", first="year"),
    ],
)
def test_settings_that_mean_nothing_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()
