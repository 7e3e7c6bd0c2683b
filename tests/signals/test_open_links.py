"""Where a text that grows may be cut so that no link of it is, and what it costs to say so."""

from __future__ import annotations

import time

import pytest

from trimtab.signals.links import OPEN

PROSE = "The order is on its [way](https://a.example/b) and <b class=x>should</b> be there in two. "
SIZE = 64_000


@pytest.mark.parametrize(
    ("text", "at", "place"),
    [
        ("see [the site](https://a.example/b c", 20, 4),
        ("see [the site](https://a.example/b c", 35, 35),
        ("an ![image](", 11, 3),
        ("an ![image", 4, 3),
        ("[a][b](https://a.example)", 4, 3),
        ("a[0] and b", 6, 6),
        ("[[[[[[", 3, 3),
        ("[" + "x" * 1000 + "](//a", 1003, 0),
        ("[" + "x" * 1001 + "](//a", 1004, 1002),
        ("[" + "x" * 2000, 1500, 1500),
        ("![" + "x" * 2000, 1500, 0),
        ("[note]: //a.example", 12, 0),
        ("go <a href='x y", 12, 3),
        ("go <a <b href='x y", 15, 6),
        ("go <a <b> and", 11, 11),
        ("url(https://a", 8, 0),
        ("see https://a.example now", 12, 4),
        ("see https://a.example now", 22, 22),
    ],
)
def test_a_cut_is_beside_what_may_be_a_link(text: str, at: int, place: int) -> None:
    assert OPEN.cut(text, at) == place


def spent(unit: str) -> float:
    text = (unit * SIZE)[:SIZE]
    times = []
    for _ in range(5):
        began = time.process_time()
        OPEN.cut(text, SIZE - 10)
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize(
    "unit", ["[", "![", "[x", "[a]", "<a ", "<a/", "](", "]:<", "](<", "<a x="]
)
def test_a_row_of_beginnings_costs_little_more_than_prose(unit: str) -> None:
    assert spent(unit) < 12 * spent(PROSE) + 0.01
