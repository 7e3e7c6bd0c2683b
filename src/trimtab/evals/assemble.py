"""From a declared suite to cells: one for each thing that is run, with everything resolved.

Names go in; rows, tasks, scorers, judges and their digests come out. Nothing is run yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import ConfigError
from trimtab.evals.files import Declared
from trimtab.evals.options import Given, Options, Site
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
    nobody can tell what is. `close` ends what the cell opened, once it has run.
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
    close: Sequence[Callable[[], Awaitable[None]]] = ()

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
    return [_cell(declared, options, site, replies, given, rows, each) for each in asked]


def _cell(
    declared: Declared,
    options: Options,
    site: Site,
    replies: Replies,
    given: Given,
    rows: Rows,
    asked: Asked,
) -> Cell:
    suite = declared.suite
    run_id = ids.uuid7()
    seed = options.seed if options.seed is not None else suite.seed
    concurrency = options.concurrency or suite.concurrency
    close: list[Callable[[], Awaitable[None]]] = []
    judge = given.judge
    making = Making(
        site=site,
        replies=replies,
        fresh=options.rerun_failed,
        run_id=run_id,
        task_digest=asked.digest,
        seed=seed,
        wants=frozenset(),
        close=close,
    )
    if judge is None and options.tier != "code":
        judge = _judge(suite, options, making, concurrency)
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
        close=close,
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
    found = GatewayEmbedder(site.url, model, Pace(2 * concurrency), key=site.key, run=making.run_id)
    making.close.append(found.aclose)
    return found


def _judge(suite: Suite, options: Options, making: Making, concurrency: int) -> Any:
    """Who judges, if anybody is named; asked at a pace of its own, and never twice the same."""
    named_models = options.judge.split(",") if options.judge else []
    if suite.judge is not None and not named_models:
        model = suite.judge.model
        named_models = [model] if isinstance(model, str) else list(model)
    if not named_models:
        return None
    from trimtab.evals.judge import jury_of

    chat = KeptChat(making.chat(), making.replies, fresh=making.fresh)
    return jury_of(chat, named_models, suite.judge, Pace(2 * concurrency))
