"""From a declared suite to cells: one for each thing that is run, with everything resolved.

Names go in; rows, tasks, scorers, judges and their digests come out. Nothing is run yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from trimtab.errors import ConfigError, TrimtabError
from trimtab.evals.behind import Behind
from trimtab.evals.files import Declared
from trimtab.evals.options import Given, Options, Site
from trimtab.evals.outage import Outage
from trimtab.evals.possible import require_possible
from trimtab.evals.resolve import Asked, Making, tasks_of
from trimtab.evals.rows import Rows, rows_of
from trimtab.evals.scorers import scorers_of
from trimtab.experiments.answers import Answering
from trimtab.experiments.engine import Bounds
from trimtab.experiments.execute import applied
from trimtab.experiments.pace import Pace
from trimtab.experiments.replies import KeptChat, Replies
from trimtab.experiments.suite import Suite, SuiteGate, TaskRef
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.kit.hashing import digest
from trimtab.ports import Scorer
from trimtab.records import Run

_CLOCK = SystemClock()


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to run: rows through one task and its scorers.

    `models` may answer, with these `parameters`. `free` says why nothing is paid, `silent` why
    nobody can tell what is. `notes` are sentences for people. `close` ends what the cell opened,
    once it has run. `broken` says why no case can be done any more.
    """

    declared: Declared
    run: Run
    rows: Rows
    answer: Answering
    scorers: Sequence[Scorer]
    bounds: Bounds
    models: Sequence[str] = ()
    parameters: Mapping[str, Any] = {}
    free: str | None = None
    silent: str = ""
    notes: Sequence[str] = ()
    close: Sequence[Callable[[], Awaitable[None]]] = ()
    broken: Callable[[], TrimtabError | None] = lambda: None

    async def closed(self) -> None:
        """End what the cell opened."""
        for close in self.close:
            await close()


async def cells_of(
    declared: Declared,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given | None = None,
    *,
    task: TaskRef | None = None,
) -> list[Cell]:
    """The cells of a suite: several for a matrix of models and parameters.

    Args:
        given: objects of a program, in the place of what the suite names.
        task: another task than the suite's, as for a baseline.
    Raises:
        TrimtabError: something that the suite names is not there, or is wrong.
    """
    given = given or Given()
    suite = declared.suite
    most = suite.fast_sample if options.tier == "fast" else None
    data = suite.data
    if options.seed is not None:
        data = msgspec.structs.replace(data, seed=options.seed)
    rows = await asyncio.to_thread(
        rows_of, data, declared.folder, site.client, most=most, own=given.rows
    )
    asked = await asyncio.to_thread(
        tasks_of, task or suite.task, declared, site.client, given if task is None else Given()
    )
    behind = Behind(site.client)
    judges = [] if given.judge is not None else _judges(suite, options)
    names = {*judges, *(model for each in asked if each.release is None for model in each.models)}
    if names:
        await asyncio.to_thread(behind.learn)
    if getattr(task or suite.task, "url", None) is None:
        await asyncio.to_thread(behind.look_around, [name for one in asked for name in _asked(one)])
    place = _Place(declared, options, site, replies, given, behind)
    return [_cell(place, rows, each) for each in asked]


class _Place(NamedTuple):
    """What all cells of a suite have in common."""

    declared: Declared
    options: Options
    site: Site
    replies: Replies
    given: Given
    behind: Behind

    @property
    def suite(self) -> Suite:
        return self.declared.suite

    @property
    def seed(self) -> int | None:
        return self.options.seed if self.options.seed is not None else self.suite.seed

    @property
    def concurrency(self) -> int:
        return self.options.concurrency or self.suite.concurrency

    @property
    def repeats(self) -> int:
        return self.options.repeat or self.suite.repeat

    @property
    def gate(self) -> SuiteGate:
        gate, rules = self.suite.gate, self.options.rules
        return msgspec.structs.replace(gate, rules=rules) if rules else gate

    @property
    def most_usd(self) -> Decimal | None:
        most, declared = self.options.max_cost_usd, self.suite.max_cost_usd
        return Decimal(str(declared)) if most is None and declared is not None else most


def _cell(place: _Place, rows: Rows, asked: Asked) -> Cell:
    options, behind = place.options, place.behind
    names = list(asked.models) if asked.release is None else []
    resolved = [behind.of(name) for name in names]
    if any(resolved):
        asked = msgspec.structs.replace(asked, digest=digest([asked.digest, resolved]))
    # What guards do, and what the documents say, is part of an answer as well.
    around = [behind.around(name) for name in _asked(asked)]
    if any(around):
        asked = msgspec.structs.replace(asked, digest=digest([asked.digest, around]))
    making = _making(place, asked, names)
    scorers = _scorers(place, making)
    if place.given.judge is None:
        names = [*names, *_judges(place.suite, options)]
    left_out = options.tier == "code"
    require_possible(place.gate, scorers, repeats=place.repeats, left_out=left_out)
    wanted = frozenset(
        argument.name for each in scorers for argument in getattr(each, "arguments", ())
    )
    return Cell(
        declared=place.declared,
        run=_run(place, rows, asked, making.run_id, scorers),
        rows=rows,
        answer=asked.make(msgspec.structs.replace(making, wants=wanted)),
        scorers=scorers,
        bounds=Bounds(
            concurrency=place.concurrency,
            repeats=place.repeats,
            timeout_s=options.timeout_s,
            scorer_timeout_s=place.suite.scorer_timeout_s,
            most_usd=place.most_usd,
        ),
        models=asked.models,
        parameters=asked.parameters,
        free=asked.free or _replayed(asked, options),
        silent=asked.silent,
        notes=[note] if (note := behind.note(names)) is not None else (),
        close=making.close,
        broken=lambda: making.outage.error or place.replies.fault,
    )


def _asked(asked: Asked) -> list[str]:
    """The names that a task's calls ask for."""
    return [asked.release] if asked.release is not None else list(asked.models)


def _making(place: _Place, asked: Asked, names: Sequence[str]) -> Making:
    """What a task is made with; replies are kept where it is known what is behind all `names`."""
    known = all(map(place.behind.is_known, names))
    return Making(
        site=place.site,
        replies=place.replies if known else place.replies.unkept(),
        fresh=place.options.rerun_failed,
        run_id=ids.uuid7(),
        task_digest=asked.digest,
        seed=place.seed,
        wants=frozenset(),
        close=[],
        outage=Outage(),
    )


def _scorers(place: _Place, making: Making) -> list[Scorer]:
    """The scorers of a suite with what they work with."""
    suite, options, judge, embedder = place.suite, place.options, place.given.judge, None
    if options.tier != "code":
        if judge is None:
            judge = _judge(place, making)
        if suite.embedder is not None:
            embedder = _embedder(suite.embedder, making, place.concurrency)
    resources = {"embedder": embedder, **place.given.resources}
    folder = place.declared.folder
    return scorers_of(suite.scorers, folder, tier=options.tier, judge=judge, **resources)


def _run(place: _Place, rows: Rows, asked: Asked, run_id: str, scorers: Sequence[Scorer]) -> Run:
    suite, options = place.suite, place.options
    return Run(
        run_id=run_id,
        name=_name(suite, asked.variant),
        release=asked.release,
        release_digest=asked.release_digest,
        dataset=rows.name,
        dataset_digest=rows.digest,
        split=rows.split,
        scorers=applied(scorers),
        task=asked.words,
        task_digest=asked.digest,
        variant=asked.variant,
        suite=suite.name,
        suite_digest=suite_digest(place.declared),
        tier=options.tier,
        repeats=place.repeats,
        seed=place.seed,
        source="eval",
        commit=options.commit,
        started_ns=_CLOCK.now_ns(),
        total=len(rows.examples) * place.repeats,
    )


def _replayed(asked: Asked, options: Options) -> str | None:
    """Why answers cost nothing: kept replies alone are used."""
    if options.mode != "readonly" or not asked.kept:
        return None
    return "for only kept replies are used"


def suite_digest(declared: Declared) -> str:
    """The hash of a declaration: the suite, and the code of the Python file it stands in."""
    suite = declared.suite
    plain = {name: getattr(suite, name) for name in suite.__struct_fields__}
    for name in ("scorers", "task"):
        plain.pop(name)
    return digest([msgspec.to_builtins(plain), declared.code])


def _name(suite: Suite, variant: Mapping[str, str]) -> str:
    cell = ", ".join(f"{name}={value}" for name, value in variant.items())
    return f"{suite.name} ({cell})"[:500] if cell else suite.name


def _embedder(model: str, making: Making, concurrency: int) -> Any:
    from trimtab.evals.embedder import GatewayEmbedder

    site = making.site
    if site.url is None:
        raise ConfigError(
            "embeddings are to be asked for, and no server is named",
            where="embedder",
            fix="start one with `trimtab serve` and give its `url`, or set TRIMTAB_URL",
        )
    found = GatewayEmbedder(
        site.url,
        model,
        Pace(2 * concurrency),
        key=site.key,
        run=making.run_id,
        outage=making.outage,
    )
    making.close.append(found.aclose)
    return found


def _judges(suite: Suite, options: Options) -> list[str]:
    """The models that judge, by name."""
    if options.tier == "code":
        return []
    if options.judge or suite.judge is None:
        return options.judge.split(",") if options.judge else []
    model = suite.judge.model
    return [model] if isinstance(model, str) else list(model)


def _judge(place: _Place, making: Making) -> Any:
    """Who judges, if anybody is named; asked at a pace of its own, and never twice the same."""
    names, behind = _judges(place.suite, place.options), place.behind
    if not names:
        return None
    from trimtab.evals.judge import jury_of

    known = all(map(behind.is_known, names))
    resolved = {name: behind.of(name) for name in names}
    kept = place.replies if known else place.replies.unkept()
    chat = KeptChat(making.chat(), kept, fresh=making.fresh, behind=resolved)
    return jury_of(chat, names, place.suite.judge, Pace(2 * place.concurrency), resolved)
