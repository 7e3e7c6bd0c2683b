"""`trimtab eval`: suites of files, or a release over a dataset, run and gated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trimtab.cli.compare import parse_rule, rules_option
from trimtab.cli.connect import client_options, connected
from trimtab.cli.eval_progress import watched
from trimtab.cli.eval_reports import address_of, require_known, write_reports
from trimtab.cli.failures import printable
from trimtab.cli.options import load_config
from trimtab.cli.output import emit, note
from trimtab.cli.progress import say
from trimtab.cli.verdicts import metrics_text, verdict_text
from trimtab.client import Client
from trimtab.errors import ConfigError, InvalidRequest, NotFound, ScorerError, StoreError
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import DEFAULT_SCORERS, DataRef, Suite, TaskRef

if TYPE_CHECKING:
    from trimtab.evals.evaluation import Outcome
    from trimtab.evals.files import Declared
    from trimtab.evals.options import Options, Site

_MODES = click.Choice(["readwrite", "readonly", "off"])
_TIERS = click.Choice(["code", "fast", "full"])
_ENDED = {"failed": "failed", "interrupted": "was interrupted", "running": "did not end"}


@click.command()
@client_options
@click.argument("paths", nargs=-1, metavar="[FILE|DIR]...", type=click.Path(path_type=Path))
@click.option("--release", help="Run this release, instead of suites of files.")
@click.option("--dataset", metavar="NAME|FILE", help="The rows for --release.")
@click.option("--split", help="Only the rows of this split, with --release.")
@click.option("--scorer", "scorers", multiple=True, help="A scorer for --release; repeatable.")
@click.option("--tier", type=_TIERS, default="full", show_default=True, help="How much is run.")
@click.option("--changed", is_flag=True, help="Only what no finished run has done already.")
@click.option("--baseline", metavar="NAME", help="A run, a release, or `last`, to compare with.")
@rules_option
@click.option("--cache", type=_MODES, help="Kept replies.  [default: readonly in the tier code]")
@click.option("--repeat", type=click.IntRange(1, 1000), metavar="K", help="Answers to each row.")
@click.option("--concurrency", type=click.IntRange(1, 512), metavar="N", help="Rows at once.")
@click.option("--seed", type=int, help="For samples, and for models that take one.")
@click.option("--max-cost", metavar="USD", help="End a run before it costs more.")
@click.option("--judge", metavar="MODEL", help="The model that judges.")
@click.option("--allow-uncalibrated", is_flag=True, help="Judges gate without a calibration card.")
@click.option("--resume", is_flag=True, help="Carry on with runs that did not come to their end.")
@click.option("--rerun-failed", is_flag=True, help="Do failed and unscored cases again.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write .md or .html; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be run and what it may cost.")
def command(
    as_json: bool,
    paths: tuple[Path, ...],
    rules: tuple[str, ...],
    changed: bool,
    junit: Path | None,
    reports: tuple[Path, ...],
    dry_run: bool,
    **flags: Any,
) -> None:
    """Run the suites of FILEs and DIRs, and let their gates judge.

    Without an argument those of trimtab.yaml and of the folder `evals`. A suite is NAME.eval.yaml,
    a trimtab.Suite in eval_NAME.py, or an item of `suites` in trimtab.yaml.

    Exits 0 when everything passes, 1 when a gate fails, 3 when the evidence is not enough, 4 when
    a run could not be done or its budget is spent, 130 when interrupted.
    """
    require_known(reports)
    options = _options(flags, rules)
    declared = _declared(paths, flags)
    chosen = [one for one in declared if options.runs(one.suite.tier)]
    for one in declared:
        if one not in chosen:
            note(f"{one.suite.name}: is of the tier {one.suite.tier} and left out")
    with site_of(flags) as site:
        if dry_run:
            asyncio.run(_preview(chosen, options, site))
            return
        outcomes = asyncio.run(_evaluated(chosen, options, site, changed_only=changed))
    _finish(outcomes, as_json, junit, reports)


def _finish(
    outcomes: Sequence[Outcome], as_json: bool, junit: Path | None, reports: Sequence[Path]
) -> None:
    from trimtab.evals.evaluate import exit_code

    code = exit_code(outcomes)
    found = {"exit_code": code, "runs": [outcome.run for outcome in outcomes]}
    emit(found, as_json, text=lambda: "\n\n".join(map(_text, outcomes)) or "nothing was run")
    for outcome in outcomes:
        for sentence in outcome.performed.notes:
            note(f"{outcome.run.name}: {sentence}")
        if outcome.run.status != "done":
            note(f"{outcome.run.name}: the run {_ENDED[outcome.run.status]}: {outcome.run.error}")
    write_reports([outcome.view() for outcome in outcomes], junit=junit, reports=reports)
    click.get_current_context().exit(code)


async def _evaluated(
    declared: Sequence[Declared], options: Options, site: Site, *, changed_only: bool
) -> list[Outcome]:
    from trimtab.evals.evaluation import evaluate_suite
    from trimtab.evals.perform import Watching

    outcomes: list[Outcome] = []
    watching = Watching()
    with watched(watching):
        for one in declared:
            with _told_of(one):
                found = await evaluate_suite(
                    one, options, site, changed_only=changed_only, say=say, watching=watching
                )
            outcomes += found
            if any(each.performed.interrupted or each.performed.broken for each in found):
                break
    return outcomes


async def _preview(declared: Sequence[Declared], options: Options, site: Site) -> None:
    from trimtab.evals.preview import preview_suite

    for one in declared:
        with _told_of(one):
            found = await preview_suite(one, options, site)
        for _, said in found:
            click.echo(printable(said))


@contextmanager
def _told_of(declared: Declared) -> Iterator[None]:
    """What is wrong with a suite is said with its file and its name."""
    try:
        yield
    except (ConfigError, InvalidRequest, NotFound, ScorerError) as error:
        if declared.origin not in (error.where or ""):
            suite = f"{declared.origin}, suite {declared.suite.name}"
            error.where = f"{suite}, {error.where}" if error.where else suite
        raise


def _text(outcome: Outcome) -> str:
    run = outcome.run
    text = f"{run.name}: run {run.run_id}\n{metrics_text(run)}"
    missing = _unscored(outcome)
    if missing:
        text = f"{text}\n\n{missing}"
    if run.verdict is None:
        return text
    from trimtab.experiments.words import sentence

    base = outcome.baseline.run if outcome.baseline is not None else None
    return f"{sentence(run, base)}\n\n{text}\n\n{verdict_text(run)}"


def _unscored(outcome: Outcome) -> str:
    """What has no score, and where to see all of it."""
    from trimtab.experiments.reports.plain_text import unscored_lines

    lines = unscored_lines(outcome.view())
    if lines:
        lines.append(f"  see `trimtab runs results {outcome.run.run_id} --failed`")
    return "\n".join(map(printable, lines))


# -- what the flags say ----------------------------------------------------------------------------


def _options(flags: dict[str, Any], rules: Sequence[str]) -> Options:
    from trimtab.evals.options import Options

    names = (
        *("tier", "cache", "repeat", "concurrency", "seed", "judge", "baseline", "resume"),
        *("rerun_failed", "allow_uncalibrated"),
    )
    if flags["resume"] and flags["rerun_failed"]:
        raise click.UsageError("--resume and --rerun-failed exclude each other")
    return Options(
        max_cost_usd=dollars_of(flags["max_cost"]),
        rules=tuple(msgspec.convert(parse_rule(rule), GateRule) for rule in rules),
        commit=commit_of(),
        **{name: flags[name] for name in names},
    )


def dollars_of(text: str | None) -> Decimal | None:
    """The amount that --max-cost says. Raises BadParameter where it says none."""
    if text is None:
        return None
    try:
        value = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value <= 0:
        raise click.BadParameter(f"{text!r} is no amount of dollars", param_hint="--max-cost")
    return value


def commit_of() -> str | None:
    """What is checked out, as continuous integration says it."""
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"):
        if os.environ.get(name):
            return os.environ[name][:100]
    return None


def _declared(paths: Sequence[Path], flags: dict[str, Any]) -> list[Declared]:
    from trimtab.evals.files import find

    asked = {name: flags[name] for name in ("release", "dataset", "split") if flags[name]}
    if not asked and not flags["scorers"]:
        return find(paths, cwd=Path.cwd())
    if paths or not (flags["release"] and flags["dataset"]):
        raise click.UsageError(
            "--release and --dataset go together, with --split and --scorer, without FILE or DIR"
        )
    return [_of_release(flags)]


def _of_release(flags: dict[str, Any]) -> Declared:
    """A release over a dataset, as a suite of its own."""
    from trimtab.evals.files import Declared

    release, dataset = flags["release"], flags["dataset"]
    is_file = Path(dataset).is_file()
    data = DataRef(file=dataset, split=flags["split"])
    if not is_file:
        data = DataRef(dataset=dataset, split=flags["split"])
    name = f"{release.partition('@')[0]} on {Path(dataset).name if is_file else dataset}"
    suite = Suite(
        name=name.partition("@")[0][:200],
        data=data,
        task=TaskRef(release=release),
        scorers=flags["scorers"] or DEFAULT_SCORERS,
    )
    return Declared(suite=suite, folder=Path.cwd(), origin="--release")


@contextmanager
def site_of(flags: dict[str, Any]) -> Iterator[Site]:
    """The server, and where journals and kept replies are.

    Where no server is named or runs, the data directory is opened for as long as it takes, and
    made if there is none: a first evaluation needs nothing but itself.
    """
    from trimtab.evals.options import Site
    from trimtab.kit.datadir import running_server

    config = load_config(flags, secrets=False).config
    data, holder = Path(config.data), None
    if not flags.get("url"):
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the data directory cannot be made: {error.strerror}",
                where=str(data),
                fix="name another with --data",
            ) from None
        holder = running_server(data)
    with connected(flags) as client:
        key, address = _key_of(client, flags), address_of(client, flags)
        yield Site(client, key, data / "evals", lasting=address is not None)
    if holder is not None and holder.lends and running_server(data) != holder:
        raise StoreError(
            f"the command whose server this one used (process {holder.pid}) was ended meanwhile",
            where=str(data),
            fix="run it again with --resume",
        )


def _key_of(client: Client, flags: dict[str, Any]) -> str | None:
    """The credential that the client has, which may be of a server of this process alone."""
    return client.key or flags.get("key")
