"""What is known of a canary at this moment, in numbers and in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from trimtab.kit.clock import iso
from trimtab.records import Watch, Watched
from trimtab.releases.watching import Figure, Side, Standing, Stretch, is_better_high, is_rate

Sighting = Literal["watched", "asked", "blind"]


class SideReport(msgspec.Struct, frozen=True, kw_only=True):
    """One arm in one figure: its mean over sessions or single calls, with the mean's bounds."""

    name: str
    sessions: int = 0
    calls: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None


class FigureReport(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a canary beside what it runs beside.

    `difference` is canary - main with its bounds, valid at any look. `standing` is `worse` when the
    canary is proved worse by more than `margin`, `within` when it is proved not to be, and
    `unknown` until either is. `clipped` values lay outside of the figure's bounds and count as the
    nearer bound; `left_out` calls have no such figure, as those of unknown price have no cost.
    """

    figure: str
    margin: float
    limit: float | None
    standing: Standing
    canary: SideReport
    main: SideReport
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float
    since_ns: int
    clipped: int = 0
    left_out: int = 0
    sentence: str = ""


class WatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a canary now.

    `sighting` is `watched` where the server looks by itself, `blind` where it cannot at present,
    and `asked` where nobody watches and it was computed for this question. `taken_back` is the
    reason for which a watch has ended it.
    """

    release: str
    beside: str
    state: str
    share: float | None
    since_ns: int
    looked_ns: int
    sighting: Sighting
    watch: Watch | None
    figures: tuple[FigureReport, ...] = ()
    taken_back: str | None = None


def reported(figure: Figure, canary: str, main: str, *, left_out: int = 0) -> FigureReport:
    """A figure as it stands, by what proved it if something did, and else since the beginning.

    Args:
        canary, main: what people call the two.
    """
    stretch = figure.proof or figure.whole
    # Two sides at twice the level: what is asked is asked of one of them.
    confidence = 1 - min(0.999, 2 * stretch.level)
    watched = figure.watched
    found = FigureReport(
        figure=watched.name,
        margin=watched.margin,
        limit=watched.limit,
        standing="unknown",
        canary=_side(canary, stretch.canary, figure, confidence),
        main=_side(main, stretch.main, figure, confidence),
        confidence=confidence,
        since_ns=stretch.began_ns,
        clipped=figure.clipped,
        left_out=left_out,
    )
    if stretch.canary.units and stretch.main.units:
        found = _compared(found, figure, stretch, confidence)
    return msgspec.structs.replace(found, sentence=_sentence(found, watched))


def reason(found: FigureReport) -> str:
    """Why a canary is taken back, for the record."""
    return f"the watch took it back: {found.sentence}"


def _side(name: str, side: Side, figure: Figure, confidence: float) -> SideReport:
    if not side.units:
        return SideReport(name=name)
    low, high = side.harm.interval(confidence)
    mean = side.harm.mean
    if is_better_high(figure.watched):
        mean, low, high = figure.high - mean, figure.high - high, figure.high - low
    else:
        mean, low, high = (figure.low + number for number in (mean, low, high))
    return SideReport(
        name=name, sessions=side.units, calls=side.calls, mean=mean, low=low, high=high
    )


def _compared(
    found: FigureReport, figure: Figure, stretch: Stretch, confidence: float
) -> FigureReport:
    over = stretch.canary.harm.over(stretch.main.harm, confidence)
    standing: Standing = "unknown"
    if figure.proof is not None:
        standing = "worse"
    elif over.value <= over.high <= figure.watched.margin:
        # A difference beyond its own bounds is of calls that were not alike all the time.
        standing = "within"
    value, low, high = over.value, over.low, over.high
    if is_better_high(figure.watched):
        value, low, high = -value, -high, -low
    return msgspec.structs.replace(found, standing=standing, difference=value, low=low, high=high)


def _sentence(found: FigureReport, watched: Watched) -> str:
    sizes = f"{found.canary.sessions:,} against {found.main.sessions:,} sessions"
    since = f"since {iso(found.since_ns)}"
    if found.difference is None:
        return f"nothing is known of {_named(watched)} yet: {sizes} {since}"
    numbers = (
        f"{_amount(found.canary.mean, watched)} against {_amount(found.main.mean, watched)} of"
        f" {found.main.name}, {_change(found.difference, watched)}"
        f" [{_change(found.low, watched)}, {_change(found.high, watched)}]"
        f" at {100 * found.confidence:.4g} %, {sizes} {since}"
    )
    allowed = _amount(found.margin, watched).replace(" %", " points")
    said = {
        "worse": f"is proved worse than {allowed} allow",
        "within": f"is proved not to be worse by more than {allowed}",
        "unknown": "is not known to be worse, nor not to be",
    }[found.standing]
    return f"{_named(watched)} of {found.canary.name} {said} ({numbers})"


def _named(watched: Watched) -> str:
    """What a figure is called in a sentence.

    >>> _named(Watched(figure="slow", limit=800.0))
    'the rate of calls over 800 ms'
    """
    if watched.figure == "slow":
        return f"the rate of calls over {watched.limit:g} ms"
    if watched.figure == "cost":
        return f"the cost of a call, of which at most ${watched.limit:g} count,"
    if watched.figure == "score":
        return f"the score {watched.score}"
    return {"error": "the error rate", "blocked": "the rate of blocked calls"}[watched.figure]


def _amount(value: float | None, watched: Watched) -> str:
    number = value or 0.0
    if is_rate(watched):
        return f"{100 * number:.3g} %"
    return f"${number:.3g}" if watched.figure == "cost" else f"{number:.3g}"


def _change(value: float | None, watched: Watched) -> str:
    number = value or 0.0
    return f"{100 * number:+.1f}" if is_rate(watched) else f"{number:+.3g}"


def standings(figures: Sequence[FigureReport]) -> dict[str, Standing]:
    """How each figure stands, by its name."""
    return {one.figure: one.standing for one in figures}
