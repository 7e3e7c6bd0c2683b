"""A log gets a line where a step is done, and a terminal a line that changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from trimtab.cli import progress as module
from trimtab.cli.progress import Sight, progress

SIGHTS = (None, Sight("none yet", None), Sight("a 1", "a"), Sight("a 2", "a"), Sight("b 3", "b"))


def shown(sights: Sequence[Sight | None]) -> None:
    """Leave the block when everything there is to see was seen."""
    over = threading.Event()

    def seeing() -> Iterator[Sight | None]:
        yield from sights
        over.set()
        while True:
            yield sights[-1]

    seen = seeing()
    with progress(lambda: next(seen)):
        assert over.wait(60)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_PLAIN_S", "_FANCY_S"):
        monkeypatch.setattr(module, name, 0.001)


def test_a_log_gets_the_first_line_of_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    shown(SIGHTS)
    assert capsys.readouterr().err == "a 1\nb 3\n"


def test_a_terminal_gets_one_line_that_is_gone_in_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_fancy", lambda _: True)
    shown(SIGHTS)
    lines = capsys.readouterr().err.split("\r")  # where there is no terminal, the rest is stripped
    assert lines[:5] == ["", "none yet", "a 1", "a 2", "b 3"]
    assert lines[-1] == ""


def test_nothing_is_shown_where_quiet_was_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_quiet", lambda: True)
    with progress(lambda: pytest.fail("it was asked")):
        pass
    assert capsys.readouterr().err == ""
