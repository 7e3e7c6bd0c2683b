"""One attempt at a job: the search, then the one look at the test split."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from trimtab.errors import Conflict, TrimtabError
from trimtab.evals.chat import GatewayChat
from trimtab.evals.outage import Outage
from trimtab.experiments.journal import SUFFIX
from trimtab.kit import jsonx
from trimtab.kit.clock import SystemClock
from trimtab.optimiser.acceptance import Accepted, accept
from trimtab.optimiser.asking import AskedAgain, BudgetedChat
from trimtab.optimiser.budget import Budget, Exhausted
from trimtab.optimiser.difference import difference
from trimtab.optimiser.ground import Ground
from trimtab.optimiser.holding import Held
from trimtab.optimiser.instructions import Reflection
from trimtab.optimiser.journal import Contents, JobJournal, Opened
from trimtab.optimiser.options import Options, Place
from trimtab.optimiser.prepare import Ready
from trimtab.optimiser.result import Found
from trimtab.optimiser.search import Search, Searched
from trimtab.optimiser.trial import Setting, Trials
from trimtab.ports import Chat

_UNTOUCHED = "the test split was not opened"


class Progress(msgspec.Struct):
    """How far a job is; read it at any time."""

    words: str = ""
    rows: int = 0
    budget: Budget | None = None


class Attempt:
    """One attempt at a job; `done` once."""

    def __init__(
        self,
        ready: Ready,
        options: Options,
        place: Place,
        journal: JobJournal | None,
        contents: Contents,
        progress: Progress,
    ) -> None:
        self._ready = ready
        self._options = options
        self._folder = place.folder
        self._journal = journal
        self._opened = contents.opened
        self._progress = progress
        self._budget = Budget(options.caps, SystemClock(), contents.taken)
        self._outage = Outage()
        self._gateway: GatewayChat | None = None
        budgeted = BudgetedChat(
            self._asked(place),
            self._budget,
            kept=contents.replies,
            journal=journal,
            price_of=ready.prices,
            max_tokens=ready.max_tokens,
            timeout_s=options.timeout_s,
        )
        self._chat: Chat = budgeted if self._gateway is None else AskedAgain(budgeted)
        ready.late.chat = self._chat
        progress.budget = self._budget
        setting = Setting(
            model=ready.job.model,
            bundle=ready.bundle,
            fields=ready.fields,
            concurrency=options.concurrency,
            run=ready.job.id,
        )
        self._trials = Trials(
            self._chat,
            ready.scorers,
            self._budget,
            setting,
            progress=self._row,
            broken=lambda: self._outage.error,
        )

    async def done(self) -> Found:
        ready = self._ready
        held = Held(ready, self._budget)
        await held.begin()
        reflection = None
        if ready.job.algo != "demos":
            model = ready.job.reflect_model or ready.job.model
            reflection = Reflection(self._chat, model, ready.metrics)
        search = Search(
            Ground(
                baseline=ready.baseline,
                train=ready.splits.train,
                dev=ready.splits.dev,
                metrics=ready.metrics,
                seed=ready.job.seed,
            ),
            self._trials,
            self._budget,
            reflection=reflection,
            afford=held.afford,
            calls_per_row=ready.calls_per_row,
            rounds=ready.job.rounds,
            say=self._say,
        )
        searched = await search.go(ready.job.algo)
        accepted, whole = await self._accepted(searched)
        return self._found(searched, reflection, accepted, whole)

    async def aclose(self) -> None:
        if self._gateway is not None:
            await self._gateway.aclose()

    async def _accepted(self, searched: Searched) -> tuple[Accepted, bool]:
        """What the gate says, and whether it has seen all that it is to see."""
        ready, winner = self._ready, searched.winner
        stopped = self._budget.stopped
        if winner.digest == ready.baseline.digest:
            why = "nothing that was tried did better on the dev split"
            if searched.exhausted:
                why = f"{why} before no {stopped or 'calls'} were left"
            return Accepted("inconclusive", (f"{why}; {_UNTOUCHED}",), ()), not searched.exhausted
        self._open(winner.digest)
        self._budget.release()
        self._say("the test split")
        rows = ready.splits.test
        try:
            before = await self._trials.on(ready.baseline, rows)
            after = await self._trials.on(winner, rows)
        except Exhausted:
            why = (
                f"no {self._budget.stopped or 'calls'} were left before all rows of the test split"
                " were judged"
            )
            return Accepted("inconclusive", (why,), ()), False
        found = await asyncio.to_thread(
            accept,
            ready.baseline,
            winner,
            rows,
            before,
            after,
            ready.metrics,
            self._trials.scorers,
        )
        return found, True

    def _open(self, candidate: str) -> None:
        """Write down that the test split is opened, which a job does once."""
        rows = self._ready.splits.digests["test"]
        if self._opened is not None:
            if (self._opened.rows, self._opened.candidate) != (rows, candidate):
                raise Conflict(
                    "this job has opened its test split for another candidate: what it shows now"
                    " would prove nothing",
                    where=self._ready.job.id,
                    fix="search anew with another --seed and with new rows for the test split",
                )
            return
        self._opened = Opened(rows=rows, candidate=candidate, prompt=self._ready.baseline.digest)
        if self._journal is not None:
            self._journal.opens(self._opened)

    def _found(
        self, searched: Searched, reflection: Reflection | None, accepted: Accepted, whole: bool
    ) -> Found:
        ready, winner = self._ready, searched.winner
        won = winner.digest != ready.baseline.digest
        before = opened_before(self._folder, ready.job.id, ready.splits.digests["test"])
        return Found(
            job=ready.job.id,
            prompt=ready.job.prompt,
            outcome=accepted.outcome,
            reasons=accepted.reasons,
            promoted=accepted.outcome == "pass",
            finished=whole,
            difference=difference(ready.bundle.prompt, winner.prompt) if won else "",
            comparisons=accepted.comparisons,
            rows=ready.splits.counts,
            tried=tuple(searched.tried),
            discarded=() if reflection is None else tuple(reflection.discarded),
            winner=winner.words if won else None,
            content=content_of(winner.prompt) if won else None,
            caps=self._options.caps,
            taken=self._budget.taken,
            opened_before=before,
            notes=(*ready.notes, *_reused(before)),
        )

    def _asked(self, place: Place) -> Chat:
        if place.chat is not None:
            return place.chat
        if place.client is None:
            raise TrimtabError(
                "a model is to be asked, and no server is named",
                where="url",
                fix="start one with `trimtab serve` and give its `url`, or set TRIMTAB_URL",
            )
        self._gateway = GatewayChat(
            place.client.url,
            key=place.key,
            run=self._ready.job.id,
            retries=0,  # what is asked again is asked here, where it counts
            outage=self._outage,
        )
        return self._gateway

    def _say(self, words: str) -> None:
        self._progress.words = words

    def _row(self) -> None:
        self._progress.rows += 1


def content_of(prompt: msgspec.Struct) -> dict[str, object]:
    """What a server takes to store a version of a prompt."""
    wire = jsonx.decode(jsonx.encode(prompt), what="the prompt")
    names = ("messages", "syntax", "declared", "shots", "parameters", "tools", "output_schema")
    return {name: wire[name] for name in names if wire.get(name)}


def opened_before(folder: Path | None, job: str, rows: str) -> int:
    """How many other jobs of a folder have opened a test split of the same rows."""
    if folder is None or not folder.is_dir():
        return 0
    wanted = f'{{"opened":{{"rows":"{rows}"'.encode()
    count = 0
    for path in folder.glob(f"*/job{SUFFIX}"):
        if path.parent.name != job:
            with path.open("rb") as file:
                count += any(line.startswith(wanted) for line in file)
    return count


def _reused(before: int) -> list[str]:
    if not before:
        return []
    jobs = "another job has" if before == 1 else f"{before} other jobs have"
    return [
        f"{jobs} opened this test split: the risk of 5 % is that of each, not of the best of all"
    ]
