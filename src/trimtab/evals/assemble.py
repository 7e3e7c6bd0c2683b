"""From a declared suite to cells: one for each thing that is run, with everything resolved.

Names go in; rows, tasks, scorers, judges and their digests come out. Nothing is run yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

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
from trimtab.experiments.suite import Suite, TaskRef
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
    return [_cell(declared, options, site, replies, given, rows, each, behind) for each in asked]


def _cell(
    declared: Declared,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given,
    rows: Rows,
    asked: Asked,
    behind: Behind,
) -> Cell:
    suite = declared.suite
    names = list(asked.models) if asked.release is None else []
    resolved = [behind.of(name) for name in names]
    if any(resolved):
        asked = msgspec.structs.replace(asked, digest=digest([asked.digest, resolved]))
    run_id = ids.uuid7()
    seed = options.seed if options.seed is not None else suite.seed
    concurrency = options.concurrency or suite.concurrency
    close: list[Callable[[], Awaitable[None]]] = []
    judge, outage = given.judge, Outage()
    making = Making(
        site=site,
        replies=replies if all(map(behind.is_known, names)) else replies.unkept(),
        fresh=options.rerun_failed,
        run_id=run_id,
        task_digest=asked.digest,
        seed=seed,
        wants=frozenset(),
        close=close,
        outage=outage,
    )
    if judge is None and options.tier != "code":
        names = [*names, *_judges(suite, options)]
        judge = _judge(suite, options, making, concurrency, behind, replies)
    embedder = None
    if suite.embedder is not None and options.tier != "code":
        embedder = _embedder(suite.embedder, making, concurrency)
    resources = {"embedder": embedder, **given.resources}
    scorers = scorers_of(
        suite.scorers, declared.folder, tier=options.tier, judge=judge, **resources
    )
    wanted = frozenset(
        argument.name for each in scorers for argument in getattr(each, "arguments", ())
    )
    repeats = options.repeat or suite.repeat
    gate = suite.gate
    if options.rules:
        gate = msgspec.structs.replace(gate, rules=options.rules)
    require_possible(gate, scorers, repeats=repeats, left_out=options.tier == "code")
    most_usd = options.max_cost_usd
    if most_usd is None and suite.max_cost_usd is not None:
        most_usd = Decimal(str(suite.max_cost_usd))
    run = Run(
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
        suite_digest=suite_digest(declared),
        tier=options.tier,
        repeats=repeats,
        seed=seed,
        source="eval",
        commit=options.commit,
        started_ns=_CLOCK.now_ns(),
        total=len(rows.examples) * repeats,
    )
    return Cell(
        declared=declared,
        run=run,
        rows=rows,
        answer=asked.make(msgspec.structs.replace(making, wants=wanted)),
        scorers=scorers,
        bounds=Bounds(
            concurrency=concurrency,
            repeats=repeats,
            timeout_s=options.timeout_s,
            scorer_timeout_s=suite.scorer_timeout_s,
            most_usd=most_usd,
        ),
        models=asked.models,
        parameters=asked.parameters,
        free=asked.free or _replayed(asked, options),
        silent=asked.silent,
        notes=[note] if (note := behind.note(names)) is not None else (),
        close=close,
        broken=lambda: outage.error or replies.fault,
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


def _judge(
    suite: Suite,
    options: Options,
    making: Making,
    concurrency: int,
    behind: Behind,
    replies: Replies,
) -> Any:
    """Who judges, if anybody is named; asked at a pace of its own, and never twice the same."""
    names = _judges(suite, options)
    if not names:
        return None
    from trimtab.evals.judge import jury_of

    known = all(map(behind.is_known, names))
    resolved = {name: behind.of(name) for name in names}
    kept = replies if known else replies.unkept()
    chat = KeptChat(making.chat(), kept, fresh=making.fresh, behind=resolved)
    return jury_of(chat, names, suite.judge, Pace(2 * concurrency), resolved)
