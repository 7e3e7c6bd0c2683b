"""Arguments: what a program gives `trimtab.evaluate`, read into a suite, options and a place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, get_args

import msgspec

from trimtab.errors import InvalidRequest, MeasureError
from trimtab.experiments.replies import Mode
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import DataRef, Suite, SuiteGate, TaskRef, data_of, rows_in

if TYPE_CHECKING:
    from trimtab.evals.options import Given, Options, Site


class Settings(TypedDict, total=False):
    """What `evaluate` takes beside task, rows, scorers, judge and baseline."""

    rules: Sequence[GateRule | Mapping[str, Any]]
    repeat: int
    concurrency: int
    seed: int
    max_cost_usd: float | str | Decimal
    timeout_s: float | None
    cache: Mode
    url: str
    key: str
    folder: str | Path
    resume: bool
    allow_uncalibrated: bool
    commit: str


def site_of(settings: Settings) -> Site:
    """Where it happens; takes its part of the settings."""
    from trimtab.client import Client
    from trimtab.evals.options import Site

    url = settings.pop("url", None) or os.environ.get("TRIMTAB_URL")
    key = settings.pop("key", None) or os.environ.get("TRIMTAB_KEY")
    folder = settings.pop("folder", None)
    client = Client(url, key=key) if url else None
    return Site(client, key, None if folder is None else Path(folder))


def options_of(settings: Settings, judge: Any, baseline: Any) -> Options:
    from trimtab.evals.options import Options

    given: dict[str, Any] = {**settings}
    _require_possible(given)
    most = given.pop("max_cost_usd", None)
    rules = given.pop("rules", ())
    unknown = sorted(set(given) - set(Options.__struct_fields__))
    if unknown:
        raise InvalidRequest(
            f"evaluate takes no {unknown[0]!r}", where=unknown[0], fix="see help(trimtab.evaluate)"
        )
    return Options(
        max_cost_usd=None if most is None else Decimal(str(most)),
        judge=judge if isinstance(judge, str) else None,
        baseline=baseline if isinstance(baseline, str) else None,
        rules=tuple(_rule(rule, number) for number, rule in enumerate(rules)),
        **given,
    )


def _rule(rule: Any, number: int) -> GateRule:
    if isinstance(rule, GateRule):
        return rule
    where = f"rules[{number}]"
    try:
        return msgspec.convert(rule, GateRule)
    except (msgspec.ValidationError, MeasureError) as error:
        raise InvalidRequest(
            f"not a rule: {error}",
            where=where,
            fix='write {"metric": NAME, "margin": 0.02, "floor": 0.9}, or a trimtab.GateRule',
        ) from None


def _require_possible(given: Mapping[str, Any]) -> None:
    """Raises InvalidRequest for a value that no run could have."""
    modes = get_args(Mode)
    if given.get("cache", modes[0]) not in modes:
        raise InvalidRequest(
            f"cache is {given['cache']!r}", where="cache", fix=f"use {', '.join(modes)}"
        )
    for name in ("repeat", "concurrency"):
        number = given.get(name, 1)
        if not isinstance(number, int) or number < 1:
            raise InvalidRequest(f"{name} is {number!r}", where=name, fix="give 1 or more")


def _scorers(scorers: Any) -> list[Any]:
    """A list of scorers; one that is given by itself is the only one."""
    if isinstance(scorers, str | Mapping) or callable(scorers) or hasattr(scorers, "score"):
        return [scorers]
    if not scorers:
        raise InvalidRequest(
            "there is nothing to judge the answers with",
            where="scorers",
            fix='give scorers=["exact"]; `trimtab scorers list` shows what there is',
        )
    return list(scorers)


def suite_of(task: Any, data: Any, scorers: Sequence[Any], name: str | None) -> tuple[Suite, Any]:
    """The suite, and the task where it is an object."""
    if isinstance(task, Suite):
        return task, None
    if data is None:
        raise InvalidRequest("there are no rows", where="data", fix="give rows, a file or a name")
    reference = task if isinstance(task, TaskRef) else TaskRef()
    called = name or (getattr(task, "__name__", "") if callable(task) else "") or "evaluation"
    suite = Suite(
        name=called.replace("<lambda>", "evaluation"),
        data=DataRef() if _is_rows(data) else data_of(data),
        task=reference,
        scorers=_scorers(scorers),
        gate=SuiteGate(),
    )
    return suite, None if isinstance(task, TaskRef) else task


def given_of(task: Any, data: Any, judge: Any) -> Given:
    """What of it is there as objects. Raises InvalidRequest where there are no rows."""
    from trimtab.evals.options import Given

    return Given(
        task=task,
        rows=_rows(data) if _is_rows(data) else None,
        judge=judge if _is_judge(judge) else None,
    )


def _rows(data: Any) -> list[Any]:
    """Rows that are there once and for all. Raises InvalidRequest where there are none."""
    if isinstance(data, Mapping) or not isinstance(data, Iterable):
        return rows_in(data)
    return list(data)


def _is_rows(data: Any) -> bool:
    return data is not None and not isinstance(data, str | Path | DataRef)


def _is_judge(judge: Any) -> bool:
    return judge is not None and not isinstance(judge, str)
