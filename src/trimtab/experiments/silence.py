"""Runs of which nothing is heard any more: their executor died, or was cut off for good.

Whoever executes a run says now and then that it is at it, with results or without; the time is on
the run's record. A run of which nothing is heard for long ends as interrupted, whichever server
sees that first. What is heard of after all goes on.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from trimtab.errors import NotFound
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock, RunStore
from trimtab.records import Run

BEAT_S = 20.0
"""How often an executor says that it is at it."""

SILENT_S = 300.0
"""After how long without a word a run counts as abandoned."""

_SILENT_HERE_S = 90.0  # a server always says it, and no laptop lid closes on it

HERE = "trimtab"
"""`Run.source` of a run that a server executes itself."""

SILENT = "whoever executes it has not been heard of"


def heard(runs: RunStore, run: Run, clock: Clock) -> None:
    """Put on record that a run is executed now; one that was given up for its silence goes on.

    The record is written every `BEAT_S` at most: results come more often.
    """
    now_ns = clock.now_ns()
    given_up = run.status == "interrupted" and (run.error or "").startswith(SILENT)
    fresh = now_ns - _last_ns(run) < BEAT_S * NS_PER_S / 2
    if given_up or (run.status == "running" and not fresh):
        fields = {"status": "running", "error": None, "ended_ns": None, "heard_ns": now_ns}
        runs.put(msgspec.structs.replace(run, **fields))


def give_up(runs: RunStore, clock: Clock) -> list[Run]:
    """End the runs of which nothing is heard as interrupted; their results so far are kept."""
    ended = []
    for seen in runs.running():
        if not _is_silent(seen, clock):
            continue
        with suppress(NotFound):
            run = runs.get(seen.project, seen.run_id)  # it may have ended just now
            if run.status == "running" and _is_silent(run, clock):
                error = f"{SILENT} for {_patience_s(run):g} s"
                done = sum(1 for _ in runs.results(run.project, run.run_id))
                fields = {"status": "interrupted", "error": error, "ended_ns": _last_ns(run)}
                fields["done"] = max(run.done, done)  # an executor may say it at the end only
                ended.append(msgspec.structs.replace(run, **fields))
                runs.put(ended[-1])
    return ended


def _is_silent(run: Run, clock: Clock) -> bool:
    return clock.now_ns() - _last_ns(run) > _patience_s(run) * NS_PER_S


def _patience_s(run: Run) -> float:
    return _SILENT_HERE_S if run.source == HERE else SILENT_S


def _last_ns(run: Run) -> int:
    return run.started_ns if run.heard_ns is None else run.heard_ns
