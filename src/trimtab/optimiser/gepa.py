"""GEPA (Agrawal et al. 2025) as the search for instructions, by the package of its authors.

The package runs in a thread and asks through this process: rows are tried by `Trying` and texts
proposed by `Reflection`, so that caps, the journal and the checks of variables hold as they do
elsewhere. Its own accounts are not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from trimtab.errors import MissingExtra
from trimtab.optimiser.budget import Exhausted
from trimtab.optimiser.candidate import Candidate, instruction_of, with_instruction
from trimtab.optimiser.ground import Ground
from trimtab.optimiser.instructions import SHOWN, Reflection, failures_of
from trimtab.optimiser.trial import Trying
from trimtab.records import Example, Result

T = TypeVar("T")
_NAME = "instruction"
_MOST_CALLS = 10_000
_ROUNDS = 12


def require() -> Any:
    """The package. Raises MissingExtra."""
    try:
        import gepa
    except ImportError:
        raise MissingExtra.named("gepa", needed_for="searches with --algo gepa") from None
    return gepa


async def evolve(ground: Ground, trying: Trying, reflection: Reflection | None) -> list[Candidate]:
    """The best instructions that GEPA found, the best first; none where the budget ended it early.

    Raises:
        MissingExtra: the package is not installed.
    """
    package = require()
    adapter = _Adapter(ground, trying, reflection, asyncio.get_running_loop())
    try:
        found = await asyncio.to_thread(_evolved, package, ground, adapter)
    except Exhausted:
        if adapter.best is None:
            raise
        return [adapter.best]
    order = sorted(range(len(found.candidates)), key=lambda at: -found.val_aggregate_scores[at])
    texts = [found.candidates[at][_NAME] for at in order]
    own = instruction_of(ground.baseline.prompt)
    return [adapter.candidate(text) for text in texts if text != own][:3]


def _evolved(package: Any, ground: Ground, adapter: _Adapter) -> Any:
    return package.optimize(
        seed_candidate={_NAME: instruction_of(ground.baseline.prompt)},
        trainset=list(ground.train),
        valset=list(ground.dev),
        adapter=adapter,
        max_metric_calls=_MOST_CALLS,
        stop_callbacks=[lambda _: adapter.proposed >= _ROUNDS],
        logger=_Silent(),
        seed=ground.seed,
        display_progress_bar=False,
        raise_on_exception=True,
    )


class _Silent:
    def log(self, message: str) -> None:
        """What the package says of its own is not for the user's terminal."""


class _Adapter:
    """What the package asks of a system: to be run on rows, and to say what went wrong."""

    def __init__(
        self,
        ground: Ground,
        trying: Trying,
        reflection: Reflection | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._ground = ground
        self._trying = trying
        self._reflection = reflection
        self._loop = loop
        self._known: dict[str, Candidate] = {}
        self._seen: list[tuple[Example, Result]] = []
        self.best: Candidate | None = None
        self._best_mean = float("-inf")
        self.proposed = 0

    def candidate(self, text: str) -> Candidate:
        """The candidate with an instruction."""
        if text not in self._known:
            base = self._ground.baseline
            if text == instruction_of(base.prompt):
                return base
            prompt = with_instruction(base.prompt, text)
            self._known[text] = Candidate(
                prompt=prompt, kind="gepa", words=f"gepa {len(self._known) + 1}"
            )
        return self._known[text]

    def evaluate(
        self, batch: list[Example], candidate: Mapping[str, str], capture_traces: bool = False
    ) -> Any:
        """Results of a candidate on rows, in the shape of the package."""
        from gepa.core.adapter import EvaluationBatch

        one = self.candidate(candidate[_NAME])
        results = self._here(lambda: self._trying.on(one, batch))
        scores = self._scores(results)
        if len(batch) == len(self._ground.dev):
            self._keep_best(one, sum(scores) / len(scores))
        pairs = list(zip(batch, results, strict=True))
        return EvaluationBatch(
            outputs=[result.output for result in results],
            scores=scores,
            trajectories=pairs if capture_traces else None,
        )

    def make_reflective_dataset(
        self, _candidate: Mapping[str, str], eval_batch: Any, components_to_update: Sequence[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The rows just answered, kept for the reflection that follows."""
        pairs = eval_batch.trajectories or []
        metrics = self._ground.metrics
        self._seen = failures_of(
            [row for row, _ in pairs], [result for _, result in pairs], metrics
        )[:SHOWN]
        shown = [{"row": row.example_id} for row, _ in self._seen]
        return {name: shown or [{"row": ""}] for name in components_to_update}

    def propose_new_texts(
        self,
        candidate: Mapping[str, str],
        _reflective_dataset: Mapping[str, Any],
        _components_to_update: Sequence[str],
    ) -> dict[str, str]:
        """The first usable instruction of a reflection; the present one where there is none."""
        self.proposed += 1
        reflection = self._reflection
        text = candidate[_NAME]
        if reflection is None or not self._seen:
            return {_NAME: text}
        prompt, seen, number = self.candidate(text).prompt, self._seen, self.proposed
        found = self._here(lambda: reflection.better(prompt, seen, number=number))
        return {_NAME: instruction_of(found[0].prompt) if found else text}

    def _here(self, work: Callable[[], Awaitable[T]]) -> T:
        """Done in the event loop of the job, while the package waits in its thread."""

        async def done() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    def _scores(self, results: Sequence[Result]) -> list[float]:
        metric = self._ground.metrics.first
        found = [metric.of(result) for result in results]
        least = min((value for value in found if value is not None), default=0.0)
        return [min(least, 0.0) if value is None else value for value in found]

    def _keep_best(self, one: Candidate, mean: float) -> None:
        if mean > self._best_mean:
            self._best_mean = mean
            self.best = one if one.kind == "gepa" else None
