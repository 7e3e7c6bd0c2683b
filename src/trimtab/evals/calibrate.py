"""Calibrating a judge: labelled rows with recorded answers through it, and a card at the end.

A scorer and a judge are resolved as a suite resolves them, so that the card has the digest that a
run of that suite asks for.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from trimtab.errors import ConfigError, InvalidRequest, NotFound
from trimtab.evals.behind import Behind
from trimtab.evals.chat import GatewayChat
from trimtab.evals.files import find
from trimtab.evals.judge import jury_of
from trimtab.evals.options import Site
from trimtab.evals.rows import Rows, rows_of
from trimtab.evals.scorers import scorers_of
from trimtab.experiments.calibration import About, calibrate
from trimtab.experiments.labels import Labelled, labelled, value_at
from trimtab.experiments.pace import Pace
from trimtab.experiments.replies import KeptChat, Mode, Replies
from trimtab.experiments.suite import DataRef, JudgeRef
from trimtab.kit.clock import SystemClock
from trimtab.ports import Response, Scorer, Subject
from trimtab.records import CalibrationCard, Example, Score, ToolCall
from trimtab.scorers.definition import FunctionScorer
from trimtab.scorers.judgement import bounds
from trimtab.scorers.judges.jury import Jury
from trimtab.scorers.judges.sampling import prompt_size
from trimtab.scorers.subjects import of_example
from trimtab.scorers.texts import text


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is calibrated on what.

    Args:
        scorer: a built-in judge, `file.py:name`, or with `suite` a scorer of that suite.
        metric: the score that is compared, of a judge that gives several.
        data: a dataset of the server, or a file.
        label, output, baseline: where rows have the label, the answer and for pairs the other
            answer, as `metadata.human`; `tool_calls` come from `metadata.tool_calls`.
        judge: who judges; None with a suite that says it.
        scale, threshold: as for `experiments.labels.labelled`.
    """

    scorer: str
    data: DataRef
    label: str
    judge: JudgeRef | None = None
    suite: Path | None = None
    metric: str | None = None
    output: str = "metadata.output"
    baseline: str = "metadata.baseline"
    scale: tuple[float, float] | None = None
    threshold: float = 0.5
    concurrency: int = 8
    cache: Mode = "readwrite"


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """A card, the cases behind it, why some were not judged, and what it cost (None: unpriced)."""

    card: CalibrationCard
    cases: Labelled
    unscored: Mapping[str, str]
    cost_usd: Decimal | None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration that could begin: rows with a label, who judges, and how much is asked."""

    wanted: Wanted
    rows: Rows
    plain: FunctionScorer[..., Any]
    judge: JudgeRef
    models: tuple[str, ...]
    subjects: Mapping[str, Subject]
    questions: int
    prompt_bytes: int


async def prepared(wanted: Wanted, site: Site, folder: Path) -> Prepared:
    """Everything resolved; no model is asked.

    Raises:
        InvalidRequest: a labelled row has no answer, or no row has a label.
        ConfigError: nobody judges.
    """
    rows = await asyncio.to_thread(rows_of, wanted.data, folder, site.client)
    plain, judge = await asyncio.to_thread(_resolved, wanted, folder)
    subjects = {
        row.example_id: _subject(row, wanted)
        for row in rows.examples
        if value_at(row, wanted.label) is not None
    }
    if not subjects:
        raise InvalidRequest(
            f"no row of {rows.name} has a label in {wanted.label}",
            where="label",
            fix="name where the labels are, as `expected` or `metadata.KEY`",
        )
    weighed = [await prompt_size(plain, subject) for subject in subjects.values()]
    models = (judge.model,) if isinstance(judge.model, str) else tuple(judge.model)
    times = len(models) * judge.repeats
    return Prepared(
        wanted=wanted,
        rows=rows,
        plain=plain,
        judge=judge,
        models=models,
        subjects=subjects,
        questions=times * sum(each.questions for each in weighed),
        prompt_bytes=times * sum(each.size_bytes for each in weighed),
    )


async def measure(
    found: Prepared, site: Site, *, advance: Callable[[], None] = lambda: None
) -> Calibrated:
    """Judge every labelled row and make the card.

    Args:
        advance: is called for each row that was judged.
    """
    if site.url is None:
        raise ConfigError(
            "a judge is to be asked, and no server is named",
            where="judge",
            fix="start one with `trimtab serve` and give its `url`, or set TRIMTAB_URL",
        )
    wanted = found.wanted
    chat = GatewayChat(site.url, key=site.key)
    try:
        with Replies(site.replies, wanted.cache) as replies:
            behind = Behind(site.client)
            await asyncio.to_thread(behind.learn)
            resolved = {name: behind.of(name) for name in found.models}
            kept = replies if all(map(behind.is_known, resolved)) else replies.unkept()
            asked = KeptChat(chat, kept, behind=resolved)
            pace = Pace(2 * wanted.concurrency)
            jury = jury_of(asked, found.models, found.judge, pace, resolved)
            scorer = jury.equip(found.plain)
            scores = await _judged(scorer, found.subjects, wanted.concurrency, advance)
    finally:
        await chat.aclose()
    return _calibrated(found, scorer, jury, scores)


def _calibrated(
    found: Prepared, scorer: Scorer, jury: Jury, scores: Mapping[str, Sequence[Score]]
) -> Calibrated:
    wanted = found.wanted
    metric = _metric(wanted, scorer, scores)
    chosen = {
        name: score for name, each in scores.items() for score in each if score.name == metric
    }
    lengths = {name: float(len(text(subject.output))) for name, subject in found.subjects.items()}
    cases = labelled(
        found.rows.examples,
        chosen,
        wanted.label,
        lengths=lengths,
        scale=wanted.scale,
        onto=_onto(found.plain),
        threshold=wanted.threshold,
    )
    about = About(
        scorer=metric,
        digest=scorer.digest,
        model=", ".join(jury.models),
        dataset=found.rows.name,
        dataset_digest=found.rows.digest,
        label=wanted.label,
        created_ns=SystemClock().now_ns(),
    )
    costs = [score.cost_usd for each in scores.values() for score in each if score.cost_usd]
    priced = all(s.cost_usd is not None for s in chosen.values() if s.status == "scored")
    return Calibrated(
        card=calibrate(cases, about),
        cases=cases,
        unscored={
            name: score.reason or score.status
            for name, score in chosen.items()
            if score.status != "scored"
        },
        cost_usd=sum(costs, Decimal(0)) if priced or metric != scorer.name else None,
    )


def _onto(scorer: FunctionScorer[..., Any]) -> tuple[float, float] | None:
    """The scale that labels are carried over to; none where it has no end."""
    found = bounds(scorer.scale)
    return found if found is not None and math.isfinite(found[1]) else None


def _resolved(wanted: Wanted, folder: Path) -> tuple[FunctionScorer[..., Any], JudgeRef]:
    """The scorer before it has a judge, and who is to judge."""
    references: Sequence[Any] = [wanted.scorer]
    judge, home = wanted.judge, folder
    if wanted.suite is not None:
        [declared, *more] = find([wanted.suite], cwd=folder)
        if more:
            raise ConfigError(
                f"there are {1 + len(more)} suites", where=str(wanted.suite), fix="name one file"
            )
        references, home = declared.suite.scorers, declared.folder
        judge = _as_in(declared.suite.judge, judge)
    if judge is None:
        raise ConfigError("nobody judges", where="judge", fix="name a model with --judge MODEL")
    found = scorers_of(references, home, judge=_Nobody())
    chosen = [one for one in found if wanted.suite is None or one.name == wanted.scorer]
    if not chosen:
        raise NotFound(
            f"the suite has no scorer {wanted.scorer!r}",
            where=str(wanted.suite),
            fix=f"name one of {', '.join(one.name for one in found)}",
        )
    plain: Any = chosen[0]
    if not isinstance(plain, FunctionScorer) or not any(n == "judge" for n, _ in _resources(plain)):
        raise InvalidRequest(
            f"{plain.name} is no judge: nothing in it can be calibrated",
            where="scorer",
            fix="`trimtab judge list` lists the judges",
        )
    return plain, judge


def _as_in(declared: JudgeRef | None, asked: JudgeRef | None) -> JudgeRef | None:
    """A suite's judge, with the model that was asked for as `trimtab eval --judge` takes it."""
    if declared is None or asked is None:
        return asked or declared
    return msgspec.structs.replace(
        declared, model=asked.model, repeats=max(asked.repeats, declared.repeats)
    )


class _Nobody:
    """Takes a scorer as it is: the jury comes later."""

    def equip(self, scorer: FunctionScorer[..., Any], **_: Any) -> Scorer:
        return scorer


def _resources(scorer: FunctionScorer[..., Any]) -> tuple[tuple[str, bool], ...]:
    return scorer.wants.resources


def _subject(row: Example, wanted: Wanted) -> Subject:
    output = value_at(row, wanted.output)
    if output is None:
        raise InvalidRequest(
            f"the labelled row {row.example_id} has no answer in {wanted.output}",
            where=f"example {row.example_id}",
            fix="name where the answers are with --output, as metadata.KEY",
        )
    if wanted.label.partition(".")[0] == "expected":
        row = msgspec.structs.replace(row, expected=None)  # a judge must not see the label
    calls = row.metadata.get("tool_calls")
    response = Response(
        output=output,
        tool_calls=None if calls is None else tuple(msgspec.convert(calls, list[ToolCall])),
    )
    return of_example(row, response, baseline=value_at(row, wanted.baseline))


def _metric(wanted: Wanted, scorer: Scorer, scores: Mapping[str, Sequence[Score]]) -> str:
    names = list(dict.fromkeys(score.name for each in scores.values() for score in each))
    metric = wanted.metric or (names[0] if len(names) == 1 else scorer.name)
    if metric not in names:
        raise InvalidRequest(
            f"{scorer.name} gives no score {metric!r}",
            where="metric",
            fix=f"name one of {', '.join(names)} with --metric",
        )
    return metric


async def _judged(
    scorer: Scorer,
    subjects: Mapping[str, Subject],
    concurrency: int,
    advance: Callable[[], None],
) -> dict[str, Sequence[Score]]:
    """The scores of every subject, so many at a time."""
    found: dict[str, Sequence[Score]] = {}

    async def work(waiting: Iterator[tuple[str, Subject]]) -> None:
        for name, subject in waiting:
            found[name] = await scorer.score(subject)
            advance()

    waiting = iter(subjects.items())
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(subjects))):
            group.create_task(work(waiting))
    return found
