"""What would be run, what it may cost and what it could show; nothing is asked of a model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.evals.assemble import Cell, cells_of
from trimtab.evals.baselines import earlier_runs, results_of
from trimtab.evals.files import Declared
from trimtab.evals.options import Given, Options, Site
from trimtab.experiments.forecast import cost_of_run, detectable
from trimtab.experiments.replies import Replies
from trimtab.kit.clock import SystemClock
from trimtab.records import Price, Run

_MOST_CASES_TO_READ = 5_000


async def preview_suite(
    declared: Declared, options: Options, site: Site, given: Given | None = None
) -> list[tuple[Run, str]]:
    """What would be run, with the forecast of each; nothing is asked of a model."""
    found = []
    with Replies(site.replies, "off") as replies:
        for cell in await cells_of(declared, options, site, replies, given):
            await cell.closed()
            found.append((cell.run, await asyncio.to_thread(forecast, cell, site.client)))
    return found


def forecast(cell: Cell, client: Client | None) -> str:
    """What is run, what it may cost and what it could show: a line each."""
    earlier: list[Run] = []
    if client is not None:
        try:
            earlier = earlier_runs(cell.run, client)
        except TrimtabError:
            earlier = []  # a forecast is not worth failing for
    same_cost = next((run for run in earlier if _costs_alike(run, cell.run)), None)
    cost = cost_of_run(
        cell.rows.examples,
        cell.bounds.repeats,
        earlier=same_cost,
        prices=_prices(cell.models, client),
        parameters=cell.parameters,
        judged=any(scorer.tier == "judge" for scorer in cell.run.scorers),
        free=cell.free,
        silent=None if cell.models else cell.silent,
    )
    small = [run for run in earlier if 0 < run.total <= _MOST_CASES_TO_READ][:2]
    results = [results_of(run.run_id, client) for run in small] if client is not None else []
    rules = cell.declared.suite.gate.rules
    shown = detectable(
        cell.rows.examples, earlier=results, metric=rules[0].metric if rules else None
    )
    count, repeats = len(cell.rows.examples), cell.bounds.repeats
    often = "" if repeats == 1 else f", {repeats} times each"
    rows = f"{count} row" if count == 1 else f"{count} rows"
    where = cell.run.dataset.removeprefix("rows ")
    of = where if where != cell.run.dataset else f"of {where}"
    return (
        f"{cell.run.name}: {rows} {of}{often}, answered by {cell.run.task}\n"
        f"  cost:        {cost.text}\n"
        f"  detectable:  {shown.text}"
    )


def _costs_alike(earlier: Run, run: Run) -> bool:
    if earlier.cost_usd is None or earlier.task_digest != run.task_digest:
        return False
    return [scorer.digest for scorer in earlier.scorers] == [s.digest for s in run.scorers]


def _prices(models: Sequence[str], client: Client | None) -> list[Price | None]:
    """What models cost: as the server says, which knows the user's own prices, else as listed."""
    from trimtab.models.prices import Prices

    own, listed = _own_prices(client) if models else {}, Prices.shipped()
    now_ns = SystemClock().now_ns()
    found = []
    for name in models:
        provider, _, model = name.partition("/")
        shipped = listed.lookup(model or provider, provider, now_ns)
        found.append(own.get(name, shipped))
    return found


def _own_prices(client: Client | None) -> dict[str, Price]:
    if client is None:
        return {}
    try:
        cards = client.get("/v1/models")["data"]
    except TrimtabError:
        return {}  # a forecast is not worth failing for
    return {
        card["id"]: msgspec.convert(card["price"], Price, strict=False)
        for card in cards
        if "price" in card
    }
