"""Trying candidates on rows: each is answered and judged as an evaluation would, and kept.

A candidate and rows go in, their results come out, those that are known already for nothing. What a
row costs comes from the budget; where that is spent, `Exhausted` is raised and what was finished
stays known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.evals.tasks import ChatTask
from trimtab.experiments.engine import Bounds, Engine
from trimtab.experiments.execute import applied
from trimtab.experiments.replies import KeptAnswers, Replies
from trimtab.optimiser.budget import Budget, Exhausted
from trimtab.optimiser.candidate import Candidate
from trimtab.ports import Chat, Scorer
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import AppliedScorer, Example, Prompt, PromptBundle, Result

_PROBED = 3  # rows that are answered before any others are


class Trying(Protocol):
    """Whoever tries candidates; `answered` counts rows of all of them."""

    answered: int

    async def on(self, candidate: Candidate, rows: Sequence[Example]) -> list[Result]:
        """The results in the order of the rows.

        Raises:
            Exhausted: the budget was spent before all rows were answered.
        """
        ...

    def known(self, candidate: Candidate, rows: Sequence[Example]) -> int:
        """How many of the rows were answered already."""
        ...


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What all candidates are tried in.

    `bundle` has what rendering a candidate needs beside it, `fields` go with every request.
    """

    model: str
    bundle: PromptBundle
    fields: Mapping[str, Any] = {}
    seed: int | None = None
    concurrency: int = 8
    run: str = ""


class Trials:
    """Implements `Trying`.

    Args:
        chat: within the budget.
        progress: is called after each row.
        broken: why nothing can be asked any more, None while it can.
    """

    def __init__(
        self,
        chat: Chat,
        scorers: Sequence[Scorer],
        budget: Budget,
        setting: Setting,
        *,
        progress: Callable[[], None] = lambda: None,
        broken: Callable[[], TrimtabError | None] = lambda: None,
    ) -> None:
        self._scorers = scorers
        self._budget = budget
        self._setting = setting
        self._progress = progress
        self._broken = broken
        self._chat = chat
        self._results: dict[str, dict[str, Result]] = {}
        self._off = Replies(None, "off")
        self.answered = 0

    @property
    def scorers(self) -> tuple[AppliedScorer, ...]:
        return applied(self._scorers)

    async def on(self, candidate: Candidate, rows: Sequence[Example]) -> list[Result]:
        """See `Trying`."""
        known = self._results.setdefault(candidate.digest, {})
        todo = [row for row in rows if row.example_id not in known]
        if todo and not self.answered:
            await self._answer(candidate, todo[:_PROBED], known)
            self._require_sense([known[row.example_id] for row in todo if row.example_id in known])
            todo = todo[_PROBED:]
        if todo:
            await self._answer(candidate, todo, known)
        if any(row.example_id not in known for row in rows):
            what = self._budget.stopped
            raise Exhausted(f"no {what} are left", fix="give more, with --resume")
        return [known[row.example_id] for row in rows]

    def known(self, candidate: Candidate, rows: Sequence[Example]) -> int:
        """See `Trying`."""
        found = self._results.get(candidate.digest, {})
        return sum(row.example_id in found for row in rows)

    async def _answer(
        self, candidate: Candidate, rows: Sequence[Example], into: dict[str, Result]
    ) -> None:
        setting = self._setting
        bundle = msgspec.structs.replace(setting.bundle, prompt=candidate.prompt)
        task = ChatTask(
            self._chat,
            KeptAnswers(self._off, task=candidate.digest),
            model=setting.model,
            fields=setting.fields,
            template=CompiledPrompt.of(bundle),
            seed=setting.seed,
        )
        sink = _Sink(into, self._budget, self._row)
        engine = Engine(
            task.answer,
            self._scorers,
            sink,
            run=setting.run,
            bounds=Bounds(concurrency=setting.concurrency, timeout_s=None),
            broken=self._broken,
        )
        try:
            async with asyncio.timeout(self._budget.left_s):
                await engine.go(rows)
        except TimeoutError:
            self._budget.stopped = "minutes"  # it waited for somebody who had too many requests

    def _require_sense(self, first: Sequence[Result]) -> None:
        """Raises TrimtabError where the first rows say that all would be for nothing."""
        if len(first) < _PROBED:
            return
        errors = [result.error for result in first if result.error is not None]
        if len(errors) == len(first):
            raise TrimtabError(
                f"{self._setting.model} answers none of the first {len(first)} rows: {errors[0]}",
                where="model",
                fix="correct what it says, then carry on with --resume",
            )
        metric = self._scorers[0].name
        scores = [score for result in first for score in result.scores if score.name == metric]
        if scores and all(score.status != "scored" for score in scores):
            raise InvalidRequest(
                f"{metric} gives no score to any of the first {len(first)} rows:"
                f" {scores[0].reason}",
                where="metric",
                fix="name another scorer, or give the rows what it needs",
            )

    def _row(self) -> None:
        self.answered += 1
        self._progress()


class _Sink:
    """Results into memory; those that the budget cut short are none."""

    waits = False

    def __init__(
        self, into: dict[str, Result], budget: Budget, progress: Callable[[], None]
    ) -> None:
        self._into = into
        self._budget = budget
        self._progress = progress

    def answered(self, result: Result) -> None:
        """Nothing is kept here: the journal of the job has the reply."""

    def finished(self, result: Result) -> None:
        lacks = result.error is not None or any(each.status != "scored" for each in result.scores)
        if lacks and self._budget.stopped is not None:
            return
        self._into[result.example_id] = result
        self._progress()

    async def settled(self, result: Result) -> None:
        """Nothing is waited for."""


def fields_of(prompt: Prompt) -> dict[str, Any]:
    """What a prompt brings to a request beside its messages."""
    brought: dict[str, Any] = dict(prompt.parameters)
    if prompt.tools:
        brought["tools"] = list(prompt.tools)
    if prompt.output_schema is not None:
        brought["response_format"] = _format(prompt.output_schema)
    return brought


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") == "json_schema" and "json_schema" in schema:
        return schema
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
