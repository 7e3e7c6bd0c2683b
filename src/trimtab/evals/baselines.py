"""What a run is compared with, by whatever name it is given, and what earlier runs there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import Conflict, NotFound
from trimtab.evals.starting import is_same
from trimtab.experiments.suite import TaskRef
from trimtab.records import Result, Run

LAST = "last"
_NAMED = 3


class Base(NamedTuple):
    """A run that others are compared with, or the release that is to be run first.

    `words` say which run it is, where it was not named.
    """

    run: Run | None = None
    results: Sequence[Result] = ()
    release: TaskRef | None = None
    words: str = ""


def base_of(name: str, run: Run, client: Client) -> Base:
    """The baseline of a run.

    Args:
        name: a run's id, the name of a run, a release, or `last` for the newest finished run of
            the suite (of the same cell of its matrix, over the same examples) that stands.
        run: the one that is to be compared.
    Returns:
        One without a run for `last` where there is none yet.
    Raises:
        NotFound: there is nothing of this name.
    """
    if name == LAST:
        return _last(run, client)
    base = _run_called(name, run, client)
    if base is not None:
        return Base(base, results_of(base.run_id, client))
    return Base(release=TaskRef(release=_release(name, client)))


def require_comparable(run: Run, base: Run) -> None:
    """Raises Conflict for a baseline that is the run itself, not done, or over other examples."""
    from trimtab.experiments.decision import require_another

    require_another(run, base)
    if base.status != "done":
        raise Conflict(
            f"run {base.run_id} is {base.status}, not done",
            where="baseline",
            fix="wait for it, or run it again",
        )
    if (run.dataset_digest, run.split) != (base.dataset_digest, base.split):
        raise Conflict(
            f"the runs are over different examples: {run.dataset} and {base.dataset}",
            where="baseline",
            fix="run both over the same rows",
        )


def _last(run: Run, client: Client) -> Base:
    """The newest that stands: what failed, or proved nothing, sets no standard."""
    rows = (run.dataset_digest, run.split)
    found = [
        other
        for other in earlier_runs(run, client)
        if other.role != "baseline" and (other.dataset_digest, other.split) == rows
    ]
    stood = next((other for other in found if other.stands), None)
    over = found[: found.index(stood)] if stood is not None else found
    words = f"compared with run {stood.run_id}, the newest that stands" if stood else _FIRST
    if over:
        words = f"{words}; passed over {_listed(over)}"
        words = words if stood else f"{words}; to compare with one, name its id"
    return Base(stood, results_of(stood.run_id, client) if stood else (), words=words)


_FIRST = "no earlier run to compare with; this one is the first"


def _listed(runs: Sequence[Run]) -> str:
    """The newest runs and what their gates said, and how many more there are."""
    named = [f"run {run.run_id} ({run.verdict.outcome})" for run in runs if run.verdict is not None]
    more = len(named) - _NAMED
    return ", ".join(named[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def earlier_runs(run: Run, client: Client) -> list[Run]:
    """The finished runs of the same suite and cell, newest first."""
    return [
        other
        for other in _runs(client, suite=run.suite)
        if other.status == "done" and other.variant == run.variant and other.run_id != run.run_id
    ]


def unchanged(run: Run, client: Client) -> Run | None:
    """The finished run of exactly the same: suite, task, rows and scorers; None if there is none.

    A run of a fuller tier counts, as it did all that this one would do.
    """
    return next((other for other in earlier_runs(run, client) if is_same(other, run)), None)


def results_of(run_id: str, client: Client) -> list[Result]:
    """The results of a run. Raises NotFound."""
    return msgspec.convert(list(client.results(run_id)), list[Result])


def _run_called(name: str, run: Run, client: Client) -> Run | None:
    """By id, else the newest that has the name: over the same examples, vouched for, and one that
    stands, if there is one."""
    try:
        return msgspec.convert(client.get(api_path("runs", name)), Run)
    except NotFound:
        pass
    named = [
        other
        for other in _runs(client, name=name)
        if other.status == "done" and other.role != "baseline" and other.run_id != run.run_id
    ]
    same = [other for other in named if other.dataset_digest == run.dataset_digest] or named
    same.sort(key=lambda other: not other.vouched)
    return next((other for other in same if other.stands), next(iter(same), None))


def _release(name: str, client: Client) -> str:
    try:
        found = client.get(api_path("releases", name))
    except NotFound:
        raise NotFound(
            f"there is no run and no release {name[:200]!r} to compare with",
            where="baseline",
            fix="give the id or the name of a run, a release as route@1, or `last`",
        ) from None
    return f"{found['route']}@{found['version']}"


def _runs(client: Client, **query: Any) -> list[Run]:
    found = client.get("/api/v1/runs", {"limit": 1000, **query})["data"]
    return msgspec.convert(found, list[Run])
