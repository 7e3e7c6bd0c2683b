"""What every adapter shares: cases in, one line of figures out. Standard library only.

An adapter runs in the environment of its tool:

    python adapters/NAME.py exact|judge|prose|cut CASES [JUDGE_URL]

The same cases, as dictionaries, go into every tool, and what is measured is from there to the
tool's own report, its conversion of the cases included. Imports and a first run of 20 cases, which
loads what is loaded lazily, are before it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

CONCURRENCY = 64
MARKS = {"prose": "Unparsed: ", "cut": "Cut: "}
RUBRIC = "The answer says the same as the expected answer."
WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
Case = dict[str, str]
Work = Callable[[list[Case]], str]
Judged = Callable[..., str]


def cases(count: int, *, wrong_every: int = 0, mark: str = "", marked: int = 0) -> list[Case]:
    """Questions with expected answers and given ones, of which every n-th is wrong.

    The first few are `marked` for a judge whose answer to them cannot be parsed.
    """
    made = []
    for number in range(count):
        right = f"{mark if number < marked else ''}{number * 7} parcels were sent."
        wrong = wrong_every and number % wrong_every == 0
        made.append(
            {
                "id": f"case-{number}",
                "question": f"How many parcels were sent on day {number}?",
                "expected": right,
                "answer": "No parcel was sent." if wrong else right,
            }
        )
    return made


def main(exact: Work, judge: Judged) -> None:
    """Do what the command line asks for; the last line printed is JSON."""
    what, count = sys.argv[1], int(sys.argv[2])
    url = sys.argv[3] if len(sys.argv) > 3 else ""
    if what == "exact":
        work, load = exact, cases(count, wrong_every=10)
    else:
        work, load = partial(judge, url=url), cases(count, mark=MARKS.get(what, ""), marked=2)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        if what not in MARKS:
            work(cases(20))
        calls = asked(url)
        wall, cpu = time.perf_counter(), used()
        try:
            headline = work(load)
        except Exception as error:
            if what not in MARKS:
                raise
            headline = f"raised {type(error).__name__}: {' '.join(str(error).split())[:160]}"
        cpu, wall = used() - cpu, time.perf_counter() - wall
    figures = {
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_mib": peak_mib(),
        "calls": asked(url) - calls,
        "headline": headline,
    }
    print(said.getvalue(), file=sys.stderr)
    sys.__stdout__.write("\n" + json.dumps(figures) + "\n")
    sys.__stdout__.flush()
    os._exit(0)


def used() -> float:
    """Seconds of CPU of this process, all threads, and of children that have ended."""
    found = [resource.getrusage(who) for who in WHO]
    return sum(each.ru_utime + each.ru_stime for each in found)


def peak_mib() -> float:
    """The largest resident size of this process or of one that it ran."""
    return max(resource.getrusage(who).ru_maxrss for who in WHO) / 1024


def asked(url: str) -> int:
    """How many questions the judge got so far."""
    if not url:
        return 0
    with urllib.request.urlopen(url + "/calls") as response:
        return int(response.read())


def stated(**figures: Any) -> str:
    """A headline as the tool reports it."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
    )
