"""Scanning: what every signal says of a text, in a form that can be written down.

Rows of a file go in as they stand there and come out in the same order, one a line; a row that
cannot be read comes out as an error and ends nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trimtab.errors import ConfigError, InvalidRequest
from trimtab.guards.listing import WITH_SETTINGS
from trimtab.guards.rows import Row, read_row
from trimtab.signals.catalogue import NAMES, signal
from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About, Signal
from trimtab.signals.text import Text

DIGITS = 4
"""Of scores that are written down."""

MOST_FINDINGS = 10_000
"""Of one kind of one signal that are written of a text, in the order of their places. Counted by
kind, so that thousands of one thing do not hide another."""

DEFAULT_NAMES = tuple(name for name in NAMES if name not in WITH_SETTINGS)
"""The signals that say something without settings of a user's."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, and whose it is; `start` and `end` count characters of the text as given."""

    signal: str
    kind: str
    start: int
    end: int
    score: float


class Scanned(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the signals say of one text.

    Args:
        scores: by signal; null where `reasons` says why there is none.
        labels: the words of signals that name something.
        findings: sorted by place.
        findings_left_out: how many more there are, where there are too many to be written.
    """

    scores: dict[str, float | None]
    labels: dict[str, str] = {}
    findings: list[Found] = []
    reasons: dict[str, str] = {}
    findings_left_out: int = 0


class Scanner:
    """Some signals, loaded once.

    Args:
        settings: of signals, by their names.
    """

    def __init__(
        self,
        names: Sequence[str] = DEFAULT_NAMES,
        *,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        given = settings or {}
        wanted = dict.fromkeys((*names, *given))
        self.signals: tuple[Signal, ...] = tuple(made(name, given.get(name, {})) for name in wanted)

    def scan(self, row: Row) -> Scanned:
        """Read a text with every signal.

        >>> Scanner(["length"]).scan(Row(text="four")).scores
        {'length': 4.0}
        """
        text = Text(row.text)
        scanned = Scanned(scores={}, labels={}, findings=[], reasons={})
        for one in self.signals:
            _add(scanned, one.name, one.read(text, row.about))
        scanned.findings.sort(key=lambda found: (found.start, found.end, found.signal))
        return scanned

    def lines(
        self, lines: Iterable[str | bytes | None], about: About = NOBODY
    ) -> Iterator[dict[str, Any]]:
        """One object for each line of JSON.

        A line that is no row, an empty one too, gives `{"line": n, "error": ...}`, and so does
        None, one that was too long to be kept.

        Args:
            about: what a row is judged against that does not say so itself.
        """
        for number, line in enumerate(lines, 1):
            try:
                row = read_row(line, about)
            except InvalidRequest as error:
                yield {"line": number, "error": str(error)}
                continue
            named = {"line": number} if row.id is None else {"line": number, "id": row.id}
            yield named | told(self.scan(row))


def made(name: str, settings: Mapping[str, Any]) -> Signal:
    """A signal by its name and settings. Raises ConfigError when it does not take them."""
    try:
        return signal(name, **settings)
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"the signal {name!r} does not take these settings: {error}",
            where="settings",
            fix=f"see `trimtab guard card {name}`",
        ) from None


def told(scanned: Scanned) -> dict[str, Any]:
    """A scan as JSON: every member is there, empty or not.

    Where there are more findings of a kind than `MOST_FINDINGS`, `findings_left_out` says how many
    are not there, of all kinds.
    """
    listed = scanned.findings
    if len(listed) > MOST_FINDINGS:
        listed = list(_listed(listed))
    whole = {
        "scores": scanned.scores,
        "labels": scanned.labels,
        "findings": [msgspec.to_builtins(found) for found in listed],
        "reasons": scanned.reasons,
    }
    left_out = len(scanned.findings) - len(listed)
    return whole | {"findings_left_out": left_out} if left_out else whole


def _listed(findings: Iterable[Found]) -> Iterator[Found]:
    counts: Counter[tuple[str, str]] = Counter()
    for found in findings:
        counts[found.signal, found.kind] += 1
        if counts[found.signal, found.kind] <= MOST_FINDINGS:
            yield found


def _add(scanned: Scanned, name: str, reading: Reading) -> None:
    scanned.scores[name] = None if reading.score is None else round(float(reading.score), DIGITS)
    if reading.label is not None:
        scanned.labels[name] = reading.label
    if reading.score is None and reading.reason:
        scanned.reasons[name] = reading.reason
    for one in reading.findings:
        scanned.findings.append(
            Found(
                signal=name,
                kind=one.kind,
                start=one.start,
                end=one.end,
                score=round(float(one.score), DIGITS),
            )
        )
