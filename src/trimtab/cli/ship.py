"""`trimtab ship`: a release that a file declares, evaluated, gated, tried and made live."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trimtab.cli.connect import client_options
from trimtab.cli.eval import commit_of, dollars_of, site_of
from trimtab.cli.eval_progress import watched
from trimtab.cli.eval_reports import require_known, write_reports
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, is_fancy, is_quiet, note
from trimtab.cli.progress import say
from trimtab.errors import ConfigError

if TYPE_CHECKING:
    from trimtab.evals.options import Options, Site
    from trimtab.records import Release
    from trimtab.shipping.declared import CanaryPlan, Declared
    from trimtab.shipping.record import Shipment, Stage
    from trimtab.shipping.ship import Shipping
    from trimtab.shipping.trial import Figures
    from trimtab.shipping.wishes import Wishes

_STAGES = click.Choice(["eval", "gate", "candidate", "canary"])
_MARKDOWN = (".md", ".markdown")
_SHARE_OF_A_CANARY = "10%"
_CANARY_FLAGS = {"share": "canary", "lasts": "for", "watch": "watch"}


@click.command()
@client_options
@click.argument("file", required=False, metavar="[FILE|DIR]", type=click.Path(path_type=Path))
@click.option("--route", help="The declaration of this route, where several are found.")
@click.option("--dataset", metavar="NAME|FILE", help="Evaluate over this, not what is declared.")
@click.option("--canary", metavar="SHARE", help="Try it on a share of the requests first: 10%.")
@click.option(
    "--watch",
    "watches",
    multiple=True,
    metavar="FIGURE",
    help="Take the canary back for it: error, slow,limit=2000,margin=0.02; repeatable.",
)
@click.option("--for", "lasts", metavar="TIME", help="How long the canary must go well: 30m.")
@click.option("--environment", metavar="NAME", help="Answer the calls of this environment only.")
@click.option("--stop-after", type=_STAGES, help="The last stage to do.")
@click.option("--again", is_flag=True, help="Ship content that was taken back before.")
@click.option("--yes", is_flag=True, help="Change what answers without asking.")
@click.option("--reason", help="Why, for the record.")
@click.option("--max-cost", metavar="USD", help="End an evaluation before it costs more.")
@click.option("--concurrency", type=click.IntRange(1, 512), metavar="N", help="Rows at once.")
@click.option("--allow-uncalibrated", is_flag=True, help="Judges gate without a calibration card.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write .md or .html; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
def command(as_json: bool, file: Path | None, dry_run: bool, **flags: Any) -> None:
    """Ship the release that FILE declares: eval, gate, candidate, canary, promote.

    Without FILE the only NAME.release.yaml below this folder. What an earlier attempt has done is
    not done again, and content that is live already is left alone.

    Exits 0 when it is live, 1 when the gate failed or it was taken back, 3 when the evidence, an
    approval or a yes is missing, 4 when it could not be done, 130 when interrupted.
    """
    from trimtab.shipping.declared import find
    from trimtab.shipping.wishes import Watcher

    require_known(flags["reports"])
    found = _over(find(file, flags["route"], cwd=Path.cwd()), flags["dataset"])
    wishes, options = _wishes(found, flags), _options(flags)
    with site_of(flags) as site:
        if dry_run:
            _preview(found, wishes, options, site, as_json)
            return
        shipment = _shipped(found, wishes, options, site, flags, Watcher)
    emit(shipment, as_json, text=lambda: printable(shipment.sentence))
    click.get_current_context().exit(shipment.exit_code)


def _shipped(
    found: Declared,
    wishes: Wishes,
    options: Options,
    site: Site,
    flags: dict[str, Any],
    watcher: Any,
) -> Shipment:
    from trimtab.evals.perform import Watching
    from trimtab.shipping.ship import Shipping

    watching, tried = Watching(), _Trial()
    told = watcher(stage=_stage, say=say, trial=tried.show, watching=watching)
    shipping = Shipping(found, wishes, options, site, cwd=Path.cwd(), watcher=told)
    with watched(watching):
        shipment = asyncio.run(shipping.ship())
    _write(shipment, shipping, flags["junit"], flags["reports"])
    return shipment


def _stage(stage: Stage) -> None:
    """A block of one stage: what came of it, and what leads on."""
    say(f"{stage.name:<9}  {stage.status}: {stage.sentence}")
    for command in stage.next:
        say(f"{'':<9}  -> {command}")


class _Trial:
    """How a canary goes: a line that changes on a terminal, a few in a log."""

    def __init__(self) -> None:
        self._shown = ""

    def show(self, release: Release, figures: Figures, left_s: float) -> None:
        if is_quiet():
            return
        line = f"canary     {release.ref}: {figures.text}"
        if is_fancy(sys.stderr):
            left = f", {max(0, round(left_s))} s left"
            click.echo(f"\r\x1b[2K{printable(line + left)}", err=True, nl=False)
        elif line != self._shown:
            self._shown = line
            note(line)


def _write(shipment: Shipment, shipping: Shipping, junit: Path | None, reports: Any) -> None:
    """The files that were asked for: the shipment first, then what was evaluated."""
    from trimtab.shipping.summary import markdown

    views = [outcome.view() for outcome in shipping.outcomes]
    write_reports(views, junit=junit, reports=reports)
    for path in reports:
        if path.suffix.lower() in _MARKDOWN:
            below = path.read_text(encoding="utf-8") if views else ""
            try:
                path.write_text("\n".join([markdown(shipment), below]), encoding="utf-8")
            except OSError as error:
                raise ConfigError(
                    f"the file cannot be written: {error.strerror}", where=str(path)
                ) from None


def _preview(found: Declared, wishes: Wishes, options: Options, site: Site, as_json: bool) -> None:
    from trimtab.evals.preview import preview_suite
    from trimtab.shipping.plan import planned

    if site.client is None:
        return
    lines, suites = planned(found, wishes, site.client, cwd=Path.cwd())

    async def foretold() -> list[str]:
        said = [await preview_suite(one, options, site) for one in suites]
        return [text for each in said for _, text in each]

    lines = [*lines, *asyncio.run(foretold())]
    emit({"plan": lines}, as_json, text=lambda: printable("\n".join(lines)))


# -- what the flags say ----------------------------------------------------------------------------


def _over(found: Declared, dataset: str | None) -> Declared:
    """A declaration with another dataset, whose file is named from here."""
    if dataset is None:
        return found
    path = Path.cwd() / dataset
    changed = msgspec.structs.replace(
        found.declaration, suites=(), dataset=str(path) if path.is_file() else dataset
    )
    return msgspec.structs.replace(found, declaration=changed)


def _options(flags: dict[str, Any]) -> Options:
    from trimtab.evals.options import Options

    return Options(
        max_cost_usd=dollars_of(flags["max_cost"]),
        concurrency=flags["concurrency"],
        allow_uncalibrated=flags["allow_uncalibrated"],
        commit=commit_of(),
    )


def _wishes(found: Declared, flags: dict[str, Any]) -> Wishes:
    from trimtab.shipping.wishes import Wishes

    return Wishes(
        stop_after=flags["stop_after"] or "promote",
        canary=_canary(found, flags),
        environment=flags["environment"],
        may=lambda what: _may(what, yes=flags["yes"]),
        again=flags["again"],
        reason=flags["reason"],
    )


def _canary(found: Declared, flags: dict[str, Any]) -> CanaryPlan | None:
    """The declared canary with what the flags say of it; None where nobody wants one."""
    from trimtab.shipping.declared import (
        CanaryPlan,
        check_canary,
        seconds_of,
        share_of,
        watch_of,
    )

    plan = found.declaration.canary
    said: dict[str, Any] = {}
    if flags["canary"]:
        share_of(flags["canary"], where="--canary")
        said["share"] = flags["canary"]
    if flags["lasts"]:
        seconds_of(flags["lasts"], where="--for")
        said["lasts"] = flags["lasts"]
    if flags["watches"]:
        said["watch"] = watch_of(flags["watches"])
    if not said:
        return plan
    changed = msgspec.structs.replace(plan or CanaryPlan(share=_SHARE_OF_A_CANARY), **said)
    check_canary(changed, where="--" + ", --".join(_CANARY_FLAGS[name] for name in said))
    return changed


def _may(what: str, *, yes: bool) -> bool:
    """Whether what answers may be changed: `--yes`, or a yes at a terminal."""
    if yes:
        return True
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        note("what answers is changed only with --yes where nobody can be asked")
        return False
    return click.confirm(f"{what}. Go on?", err=True)
