"""The search: waves of candidates, each halved on the dev split, the better one kept as incumbent.

Examples first, which cost no reflection; then instructions, written by looking at what the
incumbent gets wrong on the train split, and carrying its examples along. The test split is not in
reach here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from trimtab.optimiser import demos
from trimtab.optimiser.budget import Budget, Exhausted
from trimtab.optimiser.candidate import Candidate
from trimtab.optimiser.ground import Ground
from trimtab.optimiser.halving import FIRST_ROWS, halve
from trimtab.optimiser.instructions import SHOWN, Reflection, failures_of
from trimtab.optimiser.job import Algo
from trimtab.optimiser.result import Tried
from trimtab.optimiser.trial import Trying
from trimtab.records import Example, Result

MOST_TRAIN = 100
BATCHES = (24, 48, 96)
_TELLING = 3  # failures from which something can be learnt
_PATIENCE = 2
_KNOWN = 20  # rows from which it is known how many calls one takes
_MORE = 1.1

Afford = Callable[[Sequence[Candidate]], Awaitable[list[Candidate]]]
"""Those of some candidates whose acceptance could still be paid for."""


class Searched(msgspec.Struct, kw_only=True):
    """What came of a search: the best so far, all that was tried, and whether money ended it."""

    winner: Candidate
    tried: list[Tried]
    exhausted: bool = False


class Search:
    """One search; `go` once.

    Args:
        reflection: who writes instructions; None where none are searched.
        afford: leaves out what could not be accepted any more.
        calls_per_row: that one row of one candidate takes at most.
        say: gets what is being done, in a few words.
    """

    def __init__(
        self,
        ground: Ground,
        trying: Trying,
        budget: Budget,
        *,
        reflection: Reflection | None = None,
        afford: Afford | None = None,
        calls_per_row: int = 1,
        rounds: int = 6,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ground = ground
        self._trying = trying
        self._reflection = reflection
        self._budget = budget
        self._afford = afford
        self._calls_per_row = calls_per_row
        self._rounds = rounds
        self._say = say
        self._dev = ground.drawn(ground.dev, "dev")
        self._found = Searched(winner=ground.baseline, tried=[])

    async def go(self, algo: Algo) -> Searched:
        """The best candidate that was found within the budget."""
        try:
            if algo in ("auto", "demos"):
                await self._demos()
            if algo in ("auto", "instructions"):
                await self._instructions()
            if algo == "gepa":
                from trimtab.optimiser.gepa import evolve

                self._say("gepa")
                await self.wave(await evolve(self._ground, self._trying, self._reflection))
                self._found.exhausted |= self._budget.stopped is not None
        except Exhausted:
            self._found.exhausted = True
        return self._found

    async def wave(self, candidates: Sequence[Candidate]) -> bool:
        """Halve some candidates against the incumbent; whether one of them takes its place.

        Raises:
            Exhausted: the budget was spent.
        """
        affordable = list(candidates)
        if self._afford is not None:
            affordable = await self._afford(candidates)
        kept = {one.digest for one in affordable}
        for one in candidates:
            if one.digest not in kept:
                self._tried(one, "its comparison on the test split could not be paid for")
        before = self._found.winner
        halved = await halve(
            self._trying,
            before,
            affordable,
            self._dev_rows(),
            self._ground.metrics,
            self._budget,
            calls_per_row=self._rate,
            say=self._say,
        )
        self._found.tried += halved.tried
        self._found.winner = halved.winner
        self._found.exhausted = self._found.exhausted or halved.lacking
        if halved.exhausted:
            raise Exhausted("the budget is spent")
        return halved.winner.digest != before.digest

    @property
    def _rate(self) -> float:
        """Calls that a row takes: as many as it did so far and some more, at most what it can."""
        answered = self._trying.answered
        if answered < _KNOWN:
            return self._calls_per_row
        return min(self._calls_per_row, _MORE * self._budget.walked / answered)

    def _dev_rows(self) -> Sequence[Example]:
        """The rows to choose on: fewer where the calls would not suffice for all of them."""
        room = self._budget.room
        most = len(self._dev) if room is None else int(room / (2 * self._rate))
        return self._dev[:most] if most >= FIRST_ROWS else self._dev

    def _train_rows(self) -> int:
        """How many rows are answered to find successes: a quarter of the calls at most."""
        room = self._budget.room
        if room is None:
            return MOST_TRAIN
        return min(MOST_TRAIN, max(BATCHES[0], int(room / (4 * self._rate))))

    async def _demos(self) -> None:
        self._say("the present prompt on the train split")
        ground = self._ground
        rows = ground.drawn(ground.train, "train")[: self._train_rows()]
        results = await self._trying.on(ground.baseline, rows)
        answered = list(zip(rows, results, strict=True))
        found = demos.candidates_of(
            self._found.winner.prompt, ground.train, answered, ground.metrics.first, ground.seed
        )
        await self.wave(found)

    async def _instructions(self) -> None:
        """Round after round, until nothing is wrong, nothing helps, or nothing is left."""
        if self._reflection is None:
            return
        without = 0
        for number in range(1, self._rounds + 1):
            self._say(f"round {number}: what goes wrong on the train split")
            failures = await self._failures(number)
            helped = False
            if failures:
                self._say(f"round {number}: reflection")
                prompt = self._found.winner.prompt
                found = await self._reflection.better(prompt, failures, number=number)
                helped = bool(found) and await self.wave(found)
            without = 0 if helped else without + 1
            if without == _PATIENCE:
                return

    async def _failures(self, number: int) -> list[tuple[Example, Result]]:
        """What the incumbent gets wrong on some rows of the train split, and on more if little."""
        rows = self._ground.drawn(self._ground.train, "round", number)
        failures: list[tuple[Example, Result]] = []
        for size in BATCHES:
            batch = rows[:size]
            results = await self._trying.on(self._found.winner, batch)
            failures = failures_of(batch, results, self._ground.metrics)
            if len(failures) >= _TELLING or size >= len(rows):
                break
        return failures[:SHOWN]

    def _tried(self, one: Candidate, fate: str) -> None:
        self._found.tried.append(
            Tried(digest=one.digest, kind=one.kind, words=one.words, fate=fate)
        )
