"""What live traffic decides: how often a watch errs, how soon it acts, and what a bandit loses.

    python bench/watch.py [--runs 500]

Everything is simulated, with the code that a server runs. Sessions have one to five calls that are
much alike; three figures are watched that go together; in the middle of each life of a canary that
is no worse there is an outage in which calls of both arms fail.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from trimtab.records import Bandit, Watch, Watched
from trimtab.releases.bandit import learnt
from trimtab.releases.watching import Arm, Figure, Sight, figures_of

_S = 1_000_000_000
_EVERY_S = 30
_SESSIONS = 12  # between two looks, on average
_FIGURES = (
    Watched(figure="error"),
    Watched(figure="slow", limit=2_000),
    Watched(figure="score", score="helpful"),
)
_WATCH = Watch(figures=_FIGURES, every_s=_EVERY_S, window_s=1_500)
_MOST = 20_000


class Regression(NamedTuple):
    """How a canary differs from what it runs beside: the chance of a bad call of each."""

    name: str
    watched: Watched
    main: float
    canary: float


_REGRESSIONS = (
    Regression("errors 1 % -> 10 %", _FIGURES[0], 0.01, 0.10),
    Regression("errors 1 % -> 3 %", _FIGURES[0], 0.01, 0.03),
    Regression("all calls fail", _FIGURES[0], 0.01, 1.0),
    Regression("slow calls 5 % -> 15 %", _FIGURES[1], 0.05, 0.15),
    Regression("score 0.8 -> 0.6", _FIGURES[2], 0.2, 0.4),
)


def alarm(run: int, *, share: float, looks: int) -> bool:
    """Whether a canary that is no worse is ever taken back, in so many looks."""
    draw = np.random.default_rng([11, run])
    figures = figures_of(_WATCH, 0)
    for look in range(looks):
        outage = looks // 2 <= look < looks // 2 + 9
        _see(figures, _sessions(draw, look, share, outage=outage))
        if any(figure.look() for figure in figures):
            return True
    return False


def _sessions(
    draw: np.random.Generator, look: int, share: float, *, outage: bool
) -> list[tuple[Arm, str, tuple[float, float, float]]]:
    found: list[tuple[Arm, str, tuple[float, float, float]]] = []
    for session in range(int(draw.poisson(_SESSIONS))):
        arm: Arm = "canary" if draw.random() < share else "main"
        trouble = draw.beta(0.2, 0.4 if outage else 4.0)
        for _ in range(int(draw.integers(1, 6))):
            bad = float(draw.random() < trouble)
            slow = float(draw.random() < 0.5 * trouble + 0.2 * bad)
            values = (bad, slow, 1 - 0.7 * bad - 0.3 * float(draw.random()))
            found.append((arm, f"{look} {session}", values))
    return found


def _see(
    figures: Sequence[Figure], calls: Sequence[tuple[Arm, str, tuple[float, float, float]]]
) -> None:
    for place, figure in enumerate(figures):
        figure.see(
            Sight(arm, unit, int(unit.split()[0]) * _EVERY_S * _S, values[place])
            for arm, unit, values in calls
        )


def needed(run: int, *, change: Regression, share: float, late: int = 0) -> tuple[int, int]:
    """How many calls of the canary, and in all, until it is taken back.

    Args:
        late: as many calls before it begins to be worse.
    """
    draw = np.random.default_rng([12, run])
    figures = figures_of(Watch(figures=_FIGURES, every_s=_EVERY_S), 0)
    figure = next(one for one in figures if one.watched == change.watched)
    at_s = 0.0
    if late:
        _take(figure, draw, late, share, (change.main, change.main), at_s)
        at_s = 7_200.0
    canary = total = 0
    while figure.look() is None and total < _MOST:
        canary += _take(figure, draw, 20, share, (change.canary, change.main), at_s)
        total += 20
        at_s += _EVERY_S
    return canary, total


def _take(
    figure: Figure,
    draw: np.random.Generator,
    number: int,
    share: float,
    chances: tuple[float, float],
    at_s: float,
) -> int:
    """Calls of sessions of their own; how many were the canary's."""
    is_canary = draw.random(number) < share
    bad = draw.random(number) < np.where(is_canary, *chances)
    values = 1.0 - bad if figure.watched.figure == "score" else 1.0 * bad
    figure.see(
        Sight("canary" if one else "main", f"{at_s} {place}", int(at_s * _S), float(value))
        for place, (one, value) in enumerate(zip(is_canary, values, strict=True))
    )
    return int(is_canary.sum())


def life(run: int, *, means: Sequence[float], looks: int = 100) -> tuple[float, float, float]:
    """Of a bandit: regret beside that of even shares, the best one's last share, the least share.

    A hundred sessions between two looks.
    """
    draw = np.random.default_rng([13, run])
    bandit = Bandit(score="helpful")
    weights = dict.fromkeys(range(len(means)), 1.0)
    counts = dict.fromkeys(weights, (0.0, 0))
    now, least, lost = [1 / len(means)] * len(means), 1.0, 0.0
    for _ in range(looks):
        for version, number in enumerate(draw.multinomial(100, now)):
            good, units = counts[version]
            drawn = float(draw.binomial(number, means[version]))
            counts[version] = (good + drawn, units + int(number))
            lost += float(number) * (max(means) - means[version])
        now = [one.share for one in learnt(bandit, weights, counts)]
        least = min(least, *now)
    even = 100 * looks * (max(means) - sum(means) / len(means))
    return lost / even if even else 0.0, now[int(np.argmax(means))], least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    runs = parser.parse_args().runs
    print("`python bench/watch.py`\n")
    print(f"{platform.machine()}, Python {platform.python_version()}; simulated, seeds fixed\n")
    with ProcessPoolExecutor(2) as pool:
        _alarms(pool.map, runs)
        _delays(pool.map, max(20, runs // 5))
        _lives(pool.map, max(20, runs // 10))


def _alarms(each: Callable[..., Iterator[Any]], runs: int) -> None:
    print("## Canaries that are no worse\n")
    print(f"Three figures at alpha 0.05 together, {runs} canaries, 200 looks at each.\n")
    print("| share | taken back | 95 % interval |\n|---|---|---|")
    for share in (0.05, 0.5):
        found = sum(each(partial(alarm, share=share, looks=200), range(runs), chunksize=10))
        low, high = binomtest(found, runs).proportion_ci()
        print(f"| {share:.0%} | {found / runs:.1%} | [{low:.1%}, {high:.1%}] |", flush=True)


def _delays(each: Callable[..., Iterator[Any]], runs: int) -> None:
    print("\n## Canaries that are worse\n")
    print(f"Three figures are watched at alpha 0.05 together, margin 0; {runs} canaries each.\n")
    print("| regression | share | calls of the canary: median | 90 % | calls in all: median |")
    print("|---|---|---|---|---|")
    rows = [(change, share, 0) for change in _REGRESSIONS for share in (0.05, 0.2, 0.5)]
    rows += [(_REGRESSIONS[0], 0.2, 10_000)]
    for change, share, late in rows:
        work = partial(needed, change=change, share=share, late=late)
        found = list(each(work, range(runs), chunksize=5))
        total = np.array([calls if calls < _MOST else np.inf for _, calls in found])
        own = np.where(np.isinf(total), np.inf, [canary for canary, _ in found])
        name = f"{change.name}, after {late:,} good calls" if late else change.name
        own_90 = np.quantile(own, 0.9, method="higher")
        print(
            f"| {name} | {share:.0%} | {_known(np.median(own))} | {_known(own_90)} |"
            f" {_known(np.median(total))} |",
            flush=True,
        )


def _known(calls: float) -> str:
    """A number of calls, where it was reached within those there are."""
    return f"{calls:,.0f}" if np.isfinite(calls) else f"not within {_MOST:,} in all"


def _lives(each: Callable[..., Iterator[Any]], runs: int) -> None:
    print("\n## Bandits\n")
    print(f"10,000 sessions, 100 between two looks, floor 5 %, {runs} splits each.\n")
    print("| true means | regret beside even shares | last share of the best | least share ever |")
    print("|---|---|---|---|")
    for means in ((0.5, 0.6), (0.5, 0.6, 0.7), (0.6, 0.62), (0.6, 0.6)):
        found = list(each(partial(life, means=means), range(runs)))
        regret, best, least = (np.array(column) for column in zip(*found, strict=True))
        alike = max(means) == min(means)
        print(
            f"| {', '.join(map(str, means))} | {'none' if alike else f'{regret.mean():.0%}'} |"
            f" {np.median(best):.0%} (from {best.min():.0%} to {best.max():.0%}) |"
            f" {least.min():.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
