"""The first three stages: a release is evaluated, gated, and the run found to promote it on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from trimtab.client import Client
from trimtab.errors import ConfigError
from trimtab.evals.evaluate import exit_code
from trimtab.evals.evaluation import Outcome as Evaluated
from trimtab.evals.files import Declared as DeclaredSuite
from trimtab.evals.options import Options, Site
from trimtab.records import Release, Run
from trimtab.shipping import evidence
from trimtab.shipping.declared import Declared
from trimtab.shipping.telling import Telling
from trimtab.shipping.wishes import Ended, Watcher

_INTERRUPTED = 130


class Proving:
    """Finds out whether one release may follow another; `prove` once.

    Args:
        cwd: where suites are looked for that the declaration does not name.
    """

    def __init__(
        self,
        found: Declared,
        options: Options,
        site: Site,
        client: Client,
        *,
        cwd: Path,
        telling: Telling,
        watcher: Watcher,
    ) -> None:
        self._found = found
        self._options = options
        self._site = site
        self._client = client
        self._cwd = cwd
        self._telling = telling
        self._watcher = watcher
        self.outcomes: list[Evaluated] = []
        self.evidence: Run | None = None

    async def prove(self, release: Release, over: Release | None) -> None:
        """Evaluate what no earlier attempt has, and leave the run to promote on in `evidence`.

        Args:
            over: what answers now; None for the first release of a route.
        Raises:
            Ended: the release goes no further.
            TrimtabError: something that a suite names is wrong, or a server failed.
        """
        await self._evaluate(release, over)
        self._gate(release)
        await self._candidate(release, over)

    async def _evaluate(self, release: Release, over: Release | None) -> None:
        suites = evidence.suites_for(self._found, cwd=self._cwd)
        if not suites:
            if over is not None:
                raise ConfigError(
                    f"nothing says whether {release.ref} may replace {over.ref}",
                    where=str(self._found.path),
                    fix="name `suites` or a `dataset` to evaluate it with",
                )
            said = "no suite is declared for the first release of a route"
            self._telling.say("eval", "left out", said)
            return
        options = msgspec.structs.replace(
            self._options, resume=True, baseline=over.ref if over is not None else None
        )
        if over is None:
            suites = [_without_baseline(one) for one in suites]
        self.outcomes = await evidence.evaluated(
            evidence.of_release(suites, release),
            options,
            self._site,
            say=self._watcher.say,
            watching=self._watcher.watching,
        )
        self._tell_evaluated()

    def _tell_evaluated(self) -> None:
        paid = sum((one.run.cost_usd or 0 for one in self.outcomes), start=0)
        runs = [one.run.run_id for one in self.outcomes]
        fresh = any(not _is_as_before(one) for one in self.outcomes)
        answers = sum(one.run.done for one in self.outcomes)
        counted = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        self._telling.say(
            "eval",
            "done" if fresh else "as before",
            f"{answers} answers in {counted} ({', '.join(runs)}), ${paid:.4f}",
            facts={"runs": runs},
        )

    def _gate(self, release: Release) -> None:
        if not self.outcomes:
            return
        said = evidence.verdict_on(self.outcomes)
        code = exit_code(self.outcomes)
        if not code:
            self._telling.say("gate", "done", said)
            return
        if code in (_INTERRUPTED, 4):
            self._telling.say("gate", "failed", said)
            raise Ended(None, said, code=code)
        looks = [f"trimtab runs results {one.run.run_id} --failed" for one in self.outcomes[:3]]
        self._telling.say("gate", "failed", said, looks)
        if code == 1:
            raise Ended("failed", f"the gate fails {release.ref}: it goes no further")
        raise Ended(
            "inconclusive",
            f"the evidence on {release.ref} is not enough: asking the same again would only be"
            " another draw, so add rows and ship again",
        )

    async def _candidate(self, release: Release, over: Release | None) -> None:
        if over is not None:
            self.evidence = await asyncio.to_thread(
                evidence.proved, self.outcomes, over, self._client
            )
            self._require_vouched(release, over)
        may = "be the first of its route" if over is None else f"replace {over.ref}"
        shown = f", on run {self.evidence.run_id}" if self.evidence is not None else ""
        show = f"trimtab releases show {release.ref}"
        self._telling.say("candidate", "done", f"{release.ref} may {may}{shown}", (show,))

    def _require_vouched(self, release: Release, over: Release) -> None:
        run = self.evidence
        if run is None:
            said = f"no verdict compares {release.ref} with {over.ref}"
            self._telling.say("candidate", "stopped", said)
            raise Ended(
                "inconclusive",
                f"no run proves that {release.ref} may replace {over.ref}: give the suites"
                " rules that compare, or scorers that pass or fail",
            )
        if not run.vouched:
            self._telling.say("candidate", "stopped", f"run {run.run_id} is not vouched for")
            raise Ended(
                "inconclusive",
                f"{run.author or 'whoever brought the run'} may not promote, so run"
                f" {run.run_id} is no evidence: ship with a key that has"
                " releases:promote, or let somebody ship it who may",
            )


def _without_baseline(declared: DeclaredSuite) -> DeclaredSuite:
    suite = msgspec.structs.replace(declared.suite, baseline=None)
    return msgspec.structs.replace(declared, suite=suite)


def _is_as_before(outcome: Evaluated) -> bool:
    return any(note.startswith("unchanged since run") for note in outcome.performed.notes)
