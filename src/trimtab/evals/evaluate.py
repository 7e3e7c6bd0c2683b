"""`trimtab.evaluate`: an evaluation in one call, from a program or a notebook.

A task and rows go in, with scorers; an `Evaluation` with results, numbers and a verdict comes out.
It needs no server; with one, the run is there for everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from trimtab.errors import InvalidRequest
from trimtab.evals.arguments import Settings, given_of, options_of, site_of, suite_of

if TYPE_CHECKING:
    from trimtab.evals.evaluation import Outcome
    from trimtab.experiments.reports.view import View
    from trimtab.records import Estimate, Result, Run, Verdict

_EXIT = {"pass": 0, "fail": 1, "inconclusive": 3}


class Evaluation:
    """What came of an evaluation: one run, or one for each cell of a matrix.

    >>> import trimtab
    >>> rows = [{"input": "ab", "expected": "AB"}, {"input": "cd", "expected": "CD"}]
    >>> found = trimtab.evaluate(str.upper, rows, scorers=["exact"])
    >>> found.metrics["exact"].value, found.passed
    (1.0, True)
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._outcomes = list(outcomes)

    @property
    def runs(self) -> list[Run]:
        return [outcome.run for outcome in self._outcomes]

    @property
    def run(self) -> Run:
        """The only run, or the first of several."""
        return self._outcomes[0].run

    @property
    def results(self) -> list[Result]:
        """What was answered to each example, of the first run."""
        return list(self._outcomes[0].performed.results)

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """The headline of each metric of the first run, with interval and coverage."""
        return self.run.metrics

    @property
    def verdict(self) -> Verdict | None:
        """What the gate says of the first run; None where nothing gates."""
        return self.run.verdict

    @property
    def notes(self) -> list[str]:
        return [note for outcome in self._outcomes for note in outcome.performed.notes]

    @property
    def passed(self) -> bool:
        """Whether every run came to its end and nothing that gates did not pass."""
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """0 pass, 1 a gate failed, 3 inconclusive, 4 not done, 130 interrupted by hand."""
        return exit_code(self._outcomes)

    @property
    def views(self) -> list[View]:
        """What reports are made of, one for each run."""
        return [outcome.view() for outcome in self._outcomes]

    def __str__(self) -> str:
        from trimtab.experiments.reports.plain_text import terminal

        return terminal(self.views)

    def __repr__(self) -> str:
        said = self.verdict.outcome if self.verdict is not None else self.run.status
        return f"Evaluation({self.run.name!r}, {said}, {len(self._outcomes)} runs)"


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The worst that happened, as an exit code."""
    codes = {_code(outcome) for outcome in outcomes}
    return next((code for code in (130, 4, 1, 3) if code in codes), 0)


def _code(outcome: Outcome) -> int:
    if outcome.performed.interrupted:
        return 130
    if outcome.run.status != "done":
        return 4
    verdict = outcome.run.verdict
    return 0 if verdict is None else _EXIT[verdict.outcome]


def evaluate(
    task: Any,
    data: Any = None,
    *,
    scorers: Sequence[Any] = (),
    judge: Any = None,
    baseline: Any = None,
    name: str | None = None,
    **settings: Unpack[Settings],
) -> Evaluation:
    """Run a task over rows, score every answer, and let the gate judge.

    Args:
        task: a function (plain, async, or a generator of either kind) that takes the `input` of a
            row, or by name `example`, `context`, `metadata`, `seed`, `repeat`; a `TaskRef`; or a
            whole `trimtab.Suite`, which has its own data.
        data: rows (mappings or `Example`s), a file (.jsonl, .json, .csv), `name@3` for a dataset
            of the server, or a `DataRef`.
        scorers: names, names with parameters, scorers, or plain functions.
        judge: the model that judges, by its name at the gateway, or a `ports.Judge`.
        baseline: an `Evaluation`, or by name a run, a release, or "last".
        name: of the suite, so that later runs find earlier ones.
        rules: what gates; without rules and with a baseline, every pass-or-fail metric does.
        repeat: answers to each row.
        concurrency: rows in flight at once; fewer while somebody says that there are too many.
        seed: for tasks that take one, and for models.
        max_cost_usd: ends the run before it costs more.
        timeout_s: for one answer of the task.
        cache: "readwrite" keeps replies of models and uses them, "readonly" asks nobody, "off".
        url, key: of the server; `TRIMTAB_URL` and `TRIMTAB_KEY` where not given.
        folder: for the journal and kept replies, so that nothing is lost when the process dies;
            None keeps neither, with a server neither.
        resume: carry on with a run that did not come to its end; needs the same `folder`.
        allow_uncalibrated: judges that nobody has measured gate too.
    Raises:
        InvalidRequest: called inside a running event loop: await `trimtab.aevaluate` there.
        TrimtabError: something that was named is wrong or not there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(
            aevaluate(
                task, data, scorers=scorers, judge=judge, baseline=baseline, name=name, **settings
            )
        )
    raise InvalidRequest(
        "evaluate cannot be called inside a running event loop",
        where="evaluate",
        fix="await trimtab.aevaluate(...), which takes the same arguments",
    )


async def aevaluate(
    task: Any,
    data: Any = None,
    *,
    scorers: Sequence[Any] = (),
    judge: Any = None,
    baseline: Any = None,
    name: str | None = None,
    **settings: Unpack[Settings],
) -> Evaluation:
    """`evaluate` in the running event loop, which the task then runs in too."""
    from trimtab.evals.evaluation import evaluate_suite
    from trimtab.evals.files import Declared

    site = site_of(settings)
    options = options_of(settings, judge, baseline)
    suite, own = suite_of(task, data, scorers, name)
    given = given_of(own, data, judge)
    try:
        outcomes = await evaluate_suite(
            Declared(suite=suite, folder=Path.cwd(), origin="evaluate"),
            options,
            site,
            given,
            base=_base(baseline),
        )
    finally:
        if site.client is not None:
            site.client.close()
    return Evaluation(outcomes)


def _base(baseline: Any) -> Any:
    from trimtab.evals.baselines import Base

    if isinstance(baseline, Evaluation):
        return Base(baseline.run, baseline.results)
    return None
