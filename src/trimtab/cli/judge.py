"""`trimtab judge`: the judges there are, and whether one is any good."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trimtab.cli.cards import card_text
from trimtab.cli.connect import client_options, connected
from trimtab.cli.eval import site_of
from trimtab.cli.output import emit, json_option, note, progress, show_table, table
from trimtab.cli.scorers import explained, show
from trimtab.cli.verdicts import estimate_text
from trimtab.errors import NotFound
from trimtab.experiments.suite import DataRef, JudgeRef
from trimtab.kit.clock import iso
from trimtab.records import CalibrationCard
from trimtab.scorers.catalogue import catalogue, entry

if TYPE_CHECKING:
    from trimtab.evals.calibrate import Calibrated, Prepared, Wanted
    from trimtab.evals.options import Site

_MODES = click.Choice(["readwrite", "readonly", "off"])
_NAMED_REASONS = 3
_TOO_LITTLE = 3


@click.group()
def command() -> None:
    """List and explain judges, and measure them against people."""


@command.command("list")
@json_option
def listed(as_json: bool) -> None:
    """List the built-in judges."""
    show(catalogue("judge"), as_json)


@command.command("show")
@json_option
@click.argument("name")
def shown(as_json: bool, name: str) -> None:
    """Explain one judge: what it measures, needs and takes."""
    found = entry(name, "judge")
    emit(found, as_json, text=lambda: explained(found))


@command.command("calibrate")
@client_options
@click.argument("name")
@click.option("--dataset", required=True, metavar="NAME|FILE", help="Rows with labels.")
@click.option("--label", default="metadata.human", show_default=True, help="Where the label is.")
@click.option("--output", default="metadata.output", show_default=True, help="Where answers are.")
@click.option(
    "--against", default="metadata.baseline", show_default=True, help="The other answer of a pair."
)
@click.option("--judge", metavar="MODEL", help="Who judges; several with commas are a panel.")
@click.option("--suite", type=click.Path(path_type=Path), help="Scorer and judge as in this suite.")
@click.option("--repeat", type=click.IntRange(1, 25), metavar="K", help="Judge each row K times.")
@click.option("--metric", help="The score that is compared, of a judge with several.")
@click.option("--scale", metavar="LOW:HIGH", help="The scale of the labels.  [default: 0:1]")
@click.option("--threshold", type=float, default=0.5, show_default=True, help="What counts as yes.")
@click.option("--concurrency", type=click.IntRange(1, 512), default=8, help="Rows at once.")
@click.option("--cache", type=_MODES, default="readwrite", help="Kept replies.")
@click.option("--dry-run", is_flag=True, help="Say how much would be asked.")
def calibrated(as_json: bool, dry_run: bool, **flags: Any) -> None:
    """Measure the judge NAME on labelled rows, and keep its card.

    A row has an answer, a label by a person and what the judge needs. The card is of this exact
    judge: scorer, parameters, model and repeats.

    Exits 3 and keeps nothing when fewer than 30 answers could be judged.
    """
    from trimtab.evals.calibrate import measure, prepared
    from trimtab.experiments.calibration import LEAST_JUDGED

    wanted = _wanted(flags)
    with site_of(flags) as site:
        found = asyncio.run(prepared(wanted, site, Path.cwd()))
        note(_forecast(found))
        if dry_run:
            return
        with progress("judging", len(found.subjects)) as bar:
            made = asyncio.run(measure(found, site, advance=bar.advance))
        enough = made.card.judged >= LEAST_JUDGED
        card = _stored(made, site) if enough else msgspec.to_builtins(made.card)
    _report(made, card, as_json)
    if not enough:
        note(f"the card is not kept: {made.card.judged} judged answers say too little of a judge")
        click.get_current_context().exit(_TOO_LITTLE)


@command.command("card")
@client_options
@click.argument("name")
@click.option("--digest", help="Of this version; it may be shortened.  [default: the newest card]")
def card(as_json: bool, name: str, digest: str | None, **flags: Any) -> None:
    """Show the newest card of the judge NAME."""
    with connected(flags) as client:
        found = [one for one in client.cards(name) if one["digest"].startswith(digest or "")]
    if not found:
        raise NotFound(
            f"there is no calibration card of {name}" + (f" {digest}" if digest else ""),
            where="name",
            fix=f"make one with `trimtab judge calibrate {name}`",
        )
    one = msgspec.convert(found[0], CalibrationCard)
    emit(found[0], as_json, text=lambda: card_text(one))


@command.command("cards")
@client_options
def cards(as_json: bool, **flags: Any) -> None:
    """List calibration cards."""
    with connected(flags) as client:
        found = client.cards()
    if as_json:
        emit(found, as_json)
        return
    rows = [msgspec.convert(one, CalibrationCard) for one in found]
    show_table(
        [
            [
                one.scorer,
                one.digest[:12],
                one.model,
                one.dataset,
                f"{one.judged}/{one.labelled}",
                None if one.kappa is None else estimate_text(one.kappa),
                None if one.alpha is None else estimate_text(one.alpha),
                iso(one.created_ns),
            ]
            for one in rows
        ],
        ["judge", "digest", "model", "rows", "judged", "kappa [95 %]", "alpha [95 %]", "made"],
        empty="no calibration cards yet",
    )


@command.command("correct")
@client_options
@click.argument("run_id")
@click.argument("metric")
def corrected(as_json: bool, run_id: str, metric: str, **flags: Any) -> None:
    """Correct METRIC of a run by people's labels of some of its answers.

    Labels are scores with the source `human`, of examples of the run, under the metric's name.
    """
    from trimtab.evals.correct import corrected as correct

    with connected(flags) as client:
        raw, better = correct(run_id, metric, client)
    rows = [["judged", estimate_text(raw), raw.method]]
    rows.append(["corrected", estimate_text(better), better.method])
    emit(
        {"raw": raw, "corrected": better},
        as_json,
        text=lambda: table(rows, [metric, "value [95 %]", "method"]),
    )


def _wanted(flags: dict[str, Any]) -> Wanted:
    from trimtab.evals.calibrate import Wanted

    named = flags["dataset"]
    data = DataRef(file=named) if Path(named).is_file() else DataRef(dataset=named)
    judge = None
    if flags["judge"]:
        models = flags["judge"].split(",")
        judge = JudgeRef(
            model=models[0] if len(models) == 1 else models, repeats=flags["repeat"] or 1
        )
    elif flags["repeat"]:
        raise click.UsageError("--repeat goes with --judge; a suite says it under `judge`")
    return Wanted(
        scorer=flags["name"],
        data=data,
        label=flags["label"],
        output=flags["output"],
        baseline=flags["against"],
        judge=judge,
        suite=flags["suite"],
        metric=flags["metric"],
        scale=_scale(flags["scale"]),
        threshold=flags["threshold"],
        concurrency=flags["concurrency"],
        cache=flags["cache"],
    )


def _scale(given: str | None) -> tuple[float, float] | None:
    if given is None:
        return None
    low, _, high = given.partition(":")
    try:
        found = float(low), float(high)
    except ValueError:
        found = 0.0, 0.0
    if not found[0] < found[1]:
        raise click.BadParameter(f"{given!r} is no scale; write 1:5", param_hint="--scale")
    return found


def _forecast(found: Prepared) -> str:
    kilobytes = found.prompt_bytes / 1000
    return (
        f"{len(found.subjects)} labelled rows of {found.rows.name}, {found.questions} questions to"
        f" {', '.join(found.models)}, {kilobytes:.0f} kB of prompts"
    )


def _stored(made: Calibrated, site: Site) -> dict[str, Any]:
    if site.client is None:
        raise NotFound("no server is there to keep the card", where="--url", fix="name one")
    return site.client.add_card(made.card)


def _report(made: Calibrated, stored: dict[str, Any], as_json: bool) -> None:
    one = msgspec.convert(stored, CalibrationCard)
    emit(stored, as_json, text=lambda: card_text(one))
    reasons = list(dict.fromkeys(made.unscored.values()))
    for reason in reasons[:_NAMED_REASONS]:
        count = sum(each == reason for each in made.unscored.values())
        note(f"{count} not judged: {reason}")
    spent = "unpriced" if made.cost_usd is None else f"${made.cost_usd.normalize():f}"
    note(f"cost of judging: {spent}")
