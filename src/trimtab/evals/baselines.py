"""What a run is compared with, by whatever name it is given, and what earlier runs there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import Conflict, NotFound
from trimtab.evals.perform import is_same
from trimtab.experiments.suite import TaskRef
from trimtab.records import Result, Run

LAST = "last"


class Base(NamedTuple):
    """A run that others are compared with, or the release that is to be run first."""

    run: Run | None = None
    results: Sequence[Result] = ()
    release: TaskRef | None = None


def base_of(name: str, run: Run, client: Client) -> Base | None:
    """The baseline of a run.

    Args:
        name: a run's id, the name of a run, a release, or `last` for the newest finished run of
            the suite (of the same cell of its matrix).
        run: the one that is to be compared.
    Returns:
        None for `last` where there is none yet.
    Raises:
        NotFound: there is nothing of this name.
        Conflict: that run did not come to its end, or is over other examples.
    """
    if name == LAST:
        found = newest(run, client)
        return None if found is None else Base(found, results_of(found.run_id, client))
    base = _run_called(name, run, client)
    if base is not None:
        _require_comparable(run, base)
        return Base(base, results_of(base.run_id, client))
    return Base(release=TaskRef(release=_release(name, client)))


def newest(run: Run, client: Client) -> Run | None:
    """The newest finished run of the same suite and cell, over the same examples.

    Runs that were made only to be compared with do not count.
    """
    return next(
        (
            other
            for other in earlier_runs(run, client)
            if other.role != "baseline"
            and (other.dataset_digest, other.split) == (run.dataset_digest, run.split)
        ),
        None,
    )


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
    """By id, else the newest that has the name and is over the same examples."""
    try:
        return msgspec.convert(client.get(api_path("runs", name)), Run)
    except NotFound:
        pass
    named = [
        other
        for other in _runs(client, name=name)
        if other.status == "done" and other.role != "baseline" and other.run_id != run.run_id
    ]
    same = [other for other in named if other.dataset_digest == run.dataset_digest]
    return next(iter(same or named), None)


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


def _require_comparable(run: Run, base: Run) -> None:
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


def _runs(client: Client, **query: Any) -> list[Run]:
    found = client.get("/api/v1/runs", {"limit": 1000, **query})["data"]
    return msgspec.convert(found, list[Run])
