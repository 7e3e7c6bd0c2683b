"""`trimtab redteam`: attack a target of one's own, and let a gate judge what got through."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.connect import client_options
from trimtab.cli.eval import commit_of, dollars_of, site_of
from trimtab.cli.eval_progress import watched
from trimtab.cli.eval_reports import require_known, write_reports
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, note
from trimtab.cli.progress import say
from trimtab.errors import InvalidRequest

if TYPE_CHECKING:
    from trimtab.evals.options import Site
    from trimtab.evals.redteam import Plan, RedTeamed
    from trimtab.redteam.rates import Tried

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_EXIT = {"pass": 0, "fail": 1, "inconclusive": 3}


@click.command()
@client_options
@click.argument("target", required=False)
@click.option("--at", metavar="URL", help="TARGET is a model of this OpenAI-compatible server.")
@click.option("--at-key", metavar="NAME", help="The environment variable with its key.")
@click.option(
    "--compare", "without", metavar="TARGET", help="The same attacks on this one, unguarded."
)
@click.option("--family", "families", multiple=True, help="Only this family; repeatable.")
@click.option("--goals", type=_FILE, metavar="FILE", help="Goals of your own, one a line.")
@click.option("--system", type=_FILE, metavar="FILE", help="The target's own system prompt.")
@click.option("--bias", is_flag=True, help="Ask counterfactual pairs too, and compare groups.")
@click.option("--seed", type=int, default=0, show_default=True, help="For secrets and names.")
@click.option(
    "--variants", type=click.IntRange(1, 1000), default=1, show_default=True, help="Of each attack."
)
@click.option(
    "--max-calls", type=click.IntRange(1), metavar="N", help="No more attacks than these."
)
@click.option("--max-cost", metavar="USD", help="End a run before it costs more.")
@click.option(
    "--concurrency", type=click.IntRange(1, 512), default=8, show_default=True, help="At once."
)
@click.option(
    "--fail-above",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="RATE",
    help="The share of attacks that may succeed, as 0.05.",
)
@click.option("--resume", is_flag=True, help="Carry on with a run that did not come to its end.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write .md or .html; repeatable.",
)
@click.option(
    "--from",
    "imported",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Read a report of garak, promptfoo or PyRIT instead; repeatable.",
)
@click.option("--owasp", is_flag=True, help="Show what is covered of OWASP's list for LLMs.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it may cost.")
def command(
    as_json: bool,
    target: str | None,
    imported: tuple[Path, ...],
    reports: tuple[Path, ...],
    owasp: bool,
    dry_run: bool,
    **flags: Any,
) -> None:
    """Attack TARGET: a route, a release (ROUTE@VERSION) or a model, and say what got through.

    Attack only what is yours. Planted secrets and harmless tasks are the goals, so that code can
    see what succeeded; an attack that a guard blocks has failed. The run is stored like every
    evaluation.

    Exits 0 when the rate is within --fail-above or nothing gates, 1 when it is above, 3 when the
    evidence is not enough, 4 when the run could not be done, 130 when interrupted.
    """
    require_known(reports)
    if imported or (owasp and target is None):
        if target is not None:
            raise click.UsageError("--from reads reports and attacks no TARGET")
        cut = _cut(imported)
        found = _read(imported)
        _show_imported(found, as_json, owasp=owasp, limit=flags["fail_above"], cut=cut)
        return
    if target is None:
        raise click.UsageError("name a TARGET, or give --from or --owasp")
    plan = _plan(target, flags)
    with site_of(flags) as site:
        if dry_run:
            _preview(plan, site)
            return
        done = asyncio.run(_attacked(plan, site))
    _finish(done, as_json, reports, owasp=owasp)


async def _attacked(plan: Plan, site: Site) -> RedTeamed:
    from trimtab.evals.perform import Watching
    from trimtab.evals.redteam import red_team

    watching = Watching()
    with watched(watching):
        return await red_team(plan, site, say=say, watching=watching)


def _preview(plan: Plan, site: Site) -> None:
    from trimtab.evals.redteam import preview

    for text in asyncio.run(preview(plan, site)):
        click.echo(printable(text))


def _finish(found: RedTeamed, as_json: bool, reports: Sequence[Path], *, owasp: bool) -> None:
    from trimtab.cli import redteam_text as texts
    from trimtab.evals.evaluate import exit_code

    code = exit_code(found.outcomes)
    emit(
        {"exit_code": code, **texts.red_teamed(found)},
        as_json,
        text=lambda: texts.shown(found, owasp=owasp),
    )
    for outcome in found.outcomes:
        for sentence in outcome.performed.notes:
            note(f"{outcome.run.name}: {sentence}")
        if outcome.run.status != "done":
            note(f"{outcome.run.name}: the run is {outcome.run.status}: {outcome.run.error}")
    write_reports([outcome.view() for outcome in found.outcomes], reports=reports)
    click.get_current_context().exit(code)


# -- reports of other tools ------------------------------------------------------------------------


def _read(paths: Sequence[Path]) -> list[tuple[str, list[Tried]]]:
    from trimtab.redteam.imports import read_report

    return [read_report(path.read_bytes(), str(path)) for path in paths]


def _cut(paths: Sequence[Path]) -> list[str]:
    from trimtab.redteam.imports import is_cut

    return [str(path) for path in paths if is_cut(path.read_bytes())]


def _show_imported(
    found: Sequence[tuple[str, list[Tried]]],
    as_json: bool,
    *,
    owasp: bool,
    limit: float | None,
    cut: Sequence[str],
) -> None:
    from trimtab.cli import redteam_text as texts
    from trimtab.redteam.rates import judged, rate_of

    tried = [each for _, attacks in found for each in attacks]
    outcome, why = None, ""
    if limit is not None and tried:
        outcome, why = judged(rate_of("all", tried), limit)
    code = 0 if outcome is None else _EXIT[outcome]
    tools = sorted({tool for tool, _ in found})
    value = {
        "exit_code": code,
        "tools": tools,
        "gate": outcome,
        "cut": cut,
        **texts.measured(tried),
    }
    emit(value, as_json, text=lambda: texts.imported(tried, tools, owasp=owasp, why=why))
    for path in cut:
        note(f"{path}: the report is cut off in its last line; attacks behind that are missing")
    click.get_current_context().exit(code)


# -- what the flags say ----------------------------------------------------------------------------


def _plan(target: str, flags: dict[str, Any]) -> Plan:
    from trimtab.evals.redteam import Plan, Target
    from trimtab.redteam.goals import goals_in

    goals, system, key = flags["goals"], flags["system"], flags["at_key"]
    if key and not flags["at"]:
        raise click.UsageError("--at-key is of the server that --at names")
    elsewhere = {"url": flags["at"], "key": f"${{{key}}}" if key else None}
    without = flags["without"]
    names = (
        "families",
        "bias",
        "seed",
        "variants",
        "max_calls",
        "concurrency",
        "fail_above",
        "resume",
    )
    return Plan(
        target=Target(name=target, **elsewhere),
        without=Target(name=without, **elsewhere) if without else None,
        goals=goals_in(_text(goals), str(goals)) if goals else (),
        system=_text(system) if system else "",
        max_cost_usd=dollars_of(flags["max_cost"]),
        commit=commit_of(),
        **{name: flags[name] for name in names},
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"the file cannot be read: {error}", where=str(path), fix="give text in UTF-8"
        ) from None
