"""The probes of a server: looked at when they are due, by one process of all that share a store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from trimtab.errors import Conflict, InvalidRequest, NotFound, TrimtabError
from trimtab.experiments.execute import Experiments, applied
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Caller
from trimtab.gateway.gateway import Gateway
from trimtab.gateway.task import answered
from trimtab.kit import ids, jsonx
from trimtab.kit.looping import Looping, repeated
from trimtab.ports import Clock, MetadataStore, Response, Scorer, TelemetryStore
from trimtab.probes import look as looking
from trimtab.probes.asking import Told, request_of, task_digest, told_in
from trimtab.probes.standing import Latest, latest, standing
from trimtab.records import Dataset, Example, Probe, ProbeLook, Result, Run
from trimtab.scorers.registry import resolve

_log = logging.getLogger("trimtab.probes")
PRINCIPAL = "trimtab:probe"
"""Who asks the questions of a look that nobody asked for."""

_TICK_S = 10.0
_HELD_NS = 3_600 * 10**9  # A look that takes longer may be begun by another process.
_CONCURRENCY = 4
_MOST_LOOKS = 5_000
_RECENT_LOOKS = 20


class Parts(NamedTuple):
    """What a look needs of an application."""

    metadata: MetadataStore
    telemetry: TelemetryStore
    experiments: Experiments
    gateway: Gateway
    clock: Clock


class Probing(Looping):
    """Looks at probes, those that are due in the background."""

    def __init__(self, app: Parts, *, tick_s: float = _TICK_S) -> None:
        super().__init__("trimtab-probes")
        self._app = app
        self._tick_s = tick_s
        self._looking: dict[tuple[str, str], asyncio.Lock] = {}
        self._found: dict[tuple[str, str], ProbeLook] = {}
        self._looks: set[asyncio.Task[None]] = set()

    # -- the schedule --------------------------------------------------------------------------

    async def _loop(self) -> None:
        try:
            await repeated(
                self._begin_due,
                every_s=self._tick_s,
                log=_log,
                failing="no probe is looked at for now",
            )
        finally:
            for look in self._looks:
                look.cancel()
            await asyncio.gather(*self._looks, return_exceptions=True)

    async def _begin_due(self) -> None:
        for probe in await asyncio.to_thread(self._due):
            look = asyncio.create_task(self._supervised(probe))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    def _due(self) -> list[Probe]:
        """The probes whose look this process is to make."""
        store, now_ns = self._app.metadata.probes, self._app.clock.now_ns()
        return [
            probe
            for probe in store.all()
            if probe.enabled
            and store.claim(probe.project, probe.name, now_ns=now_ns, until_ns=now_ns + _HELD_NS)
        ]

    async def _supervised(self, probe: Probe) -> None:
        """A look that fails says so in the log and waits for the next."""
        try:
            await self.look(probe, principal=PRINCIPAL)
        except TrimtabError as error:
            _log.warning("probe %s cannot be looked at: %s", probe.name, error)
        except Exception:
            _log.exception("the look of probe %s broke", probe.name)

    # -- one look ------------------------------------------------------------------------------

    async def look(self, probe: Probe, *, principal: str, as_reference: bool = False) -> ProbeLook:
        """Ask the questions of a probe now and compare the answers with the reference.

        A look of this process that is under way is waited for, and is what is found.

        Args:
            as_reference: what it says now is what later looks are compared with.
        Raises:
            NotFound: its questions are not there.
            Conflict: there are none.
        """
        key = probe.project, probe.name
        lock = self._looking.setdefault(key, asyncio.Lock())
        before, joins = self._found.get(key), lock.locked() and not as_reference
        async with lock:
            found = self._found.get(key)
            if not joins or found is None or found is before:
                found = await self._look(probe, principal, as_reference)
                self._found[key] = found
            return found

    def latest(self) -> list[Latest]:
        """What is known of every probe now, whichever process looked. Blocks."""
        all_of, looks = self._app.metadata.probes.all, self._app.metadata.probes.looks
        most = _RECENT_LOOKS
        return [latest(one, list(looks(one.project, one.name, limit=most))) for one in all_of()]

    async def _look(self, probe: Probe, principal: str, as_reference: bool) -> ProbeLook:
        store, project = self._app.metadata.probes, probe.project
        version, examples = await asyncio.to_thread(self._questions, probe)
        before = await asyncio.to_thread(
            lambda: standing(probe, list(store.looks(project, probe.name, limit=_MOST_LOOKS)))
        )
        reference = before.reference
        if reference is not None and not as_reference:
            as_reference = await asyncio.to_thread(self._asks_otherwise, probe, version, reference)
        fresh = as_reference or reference is None
        scorers = resolve(["perplexity"]) if probe.parameters.get("logprobs") else []
        run = self._run(probe, version, examples, scorers, fresh=fresh)
        results = await self._asked(probe, run, examples, scorers, principal)
        if fresh or reference is None:
            seen = looking.reference(results, len(examples))
        else:
            earlier = await asyncio.to_thread(self._results, project, reference.run)
            seen = await asyncio.to_thread(
                lambda: looking.compared(
                    results,
                    earlier,
                    questions=len(examples),
                    look=before.looks + 1,
                    alpha=probe.alpha,
                )
            )
        found = ProbeLook(
            probe=probe.name,
            project=project,
            run=run.run_id,
            time_ns=self._app.clock.now_ns(),
            **msgspec.structs.asdict(seen),
        )
        await self._keep(probe, found, principal)
        return found

    def _questions(self, probe: Probe) -> tuple[Dataset, list[Example]]:
        datasets = self._app.metadata.datasets
        version = datasets.get(probe.project, probe.dataset)
        examples = list(datasets.examples(probe.project, version.ref))
        if not examples:
            raise Conflict(f"dataset {version.ref} has no rows", fix="add questions to it")
        return version, examples

    def _asks_otherwise(self, probe: Probe, version: Dataset, reference: ProbeLook) -> bool:
        """Whether the reference was asked something else, so that it says nothing any more."""
        try:
            run = self._app.metadata.runs.get(probe.project, reference.run)
        except NotFound:
            return True
        now = version.digest, task_digest(probe)
        return (run.dataset_digest, run.task_digest) != now

    def _run(
        self,
        probe: Probe,
        version: Dataset,
        examples: Sequence[Example],
        scorers: Sequence[Scorer],
        *,
        fresh: bool,
    ) -> Run:
        now_ns = self._app.clock.now_ns()
        repeats = probe.repeats if fresh else 1
        return Run(
            run_id=ids.uuid7(now_ns),
            project=probe.project,
            name=f"probe/{probe.name}",
            dataset=version.ref,
            dataset_digest=version.digest,
            scorers=applied(scorers),
            task=f"probe of {probe.ask}",
            task_digest=task_digest(probe),
            suite=f"probe/{probe.name}",
            repeats=repeats,
            started_ns=now_ns,
            total=len(examples) * repeats,
            heard_ns=now_ns,
        )

    async def _asked(
        self,
        probe: Probe,
        run: Run,
        examples: Sequence[Example],
        scorers: Sequence[Scorer],
        principal: str,
    ) -> list[Result]:
        """The results of a run that is executed now, as every run of this server is."""
        app, project = self._app, probe.project
        caller = Caller(principal=principal, project=project, run=run.run_id, live=False)
        await asyncio.to_thread(app.metadata.runs.put, run)
        task = _ProbeTask(app, probe, caller)
        executing = app.experiments.start(run, task, examples, scorers, concurrency=_CONCURRENCY)
        await asyncio.wait([executing])
        return await asyncio.to_thread(self._results, project, run.run_id)

    def _results(self, project: str, run_id: str) -> list[Result]:
        return list(self._app.metadata.runs.results(project, run_id))

    async def _keep(self, probe: Probe, found: ProbeLook, principal: str) -> None:
        """The look, its score on its run, and a line in the log."""
        await asyncio.to_thread(self._app.metadata.probes.add_look, found)
        if found.status == "reference" and probe.reference not in (None, found.run):
            await self._pin(probe, found, principal)
        await asyncio.wrap_future(
            self._app.telemetry.append(scores=[looking.score_of(found, author=PRINCIPAL)])
        )
        level = logging.WARNING if found.status in ("drifted", "failed") else logging.INFO
        _log.log(level, "probe %s: %s: %s", probe.name, found.status, found.sentence)

    # -- the reference -------------------------------------------------------------------------

    async def accept(self, probe: Probe, run_id: str | None, *, principal: str) -> ProbeLook:
        """Take another look as the reference: an earlier one that was, or a new one made now.

        Raises:
            NotFound: the probe has no such look.
            InvalidRequest: the look asked each question once, so that nothing is known of chance.
        """
        store = self._app.metadata.probes
        if run_id is None:
            made = await self.look(probe, principal=principal, as_reference=True)
            if made.status == "reference" and probe.reference is None:
                await self._pin(probe, made, principal)
            return made
        looks = await asyncio.to_thread(
            lambda: list(store.looks(probe.project, probe.name, limit=_MOST_LOOKS))
        )
        found = next((one for one in looks if one.run == run_id), None)
        if found is None:
            raise NotFound(
                f"probe {probe.name!r} has no look with the run {run_id[:100]!r}",
                where="run",
                fix=f"see `trimtab probes looks {probe.name}`",
            )
        if found.status != "reference":
            raise InvalidRequest(
                "a look asks each question once, and a reference several times",
                where="run",
                fix="leave the run out: the questions are asked again as a new reference",
            )
        await self._pin(probe, found, principal)
        return found

    async def _pin(self, probe: Probe, found: ProbeLook, principal: str) -> None:
        """Have the probe say which look is its reference, and the audit who said so."""
        named = msgspec.structs.replace(probe, reference=found.run)
        await asyncio.to_thread(self._app.metadata.probes.put, named, by=principal)


class _ProbeTask:
    """One question through the gateway, with what the provider says of itself."""

    def __init__(self, app: Parts, probe: Probe, caller: Caller) -> None:
        self._app = app
        self._probe = probe
        self._caller = caller

    async def __call__(self, example: Example) -> Response:
        """See `ports.Task`. Raises RateLimited, Overloaded."""
        body = jsonx.encode(request_of(self._probe, example))
        told = Told()

        async def asked() -> Answer:
            nonlocal told
            answer = await self._app.gateway.chat(body, self._caller)
            told = told_in(answer.body or b"")
            return answer

        response = await answered(asked())
        model = told.model or response.model
        return msgspec.structs.replace(response, model=model, logprobs=told.logprobs)
