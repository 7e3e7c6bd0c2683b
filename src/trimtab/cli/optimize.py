"""`trimtab optimize`: a better version of a prompt, searched for within a budget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.connect import client_options
from trimtab.cli.eval import dollars_of, site_of
from trimtab.cli.eval_reports import require_known
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, note, table
from trimtab.cli.progress import Sight, progress
from trimtab.errors import ConfigError

if TYPE_CHECKING:
    from trimtab.optimiser.attempt import Progress
    from trimtab.optimiser.options import Named, Options, Place
    from trimtab.optimiser.result import Found

_ALGORITHMS = click.Choice(["auto", "demos", "instructions", "gepa"])


@click.command()
@client_options
@click.argument("prompt")
@click.option("--dataset", required=True, metavar="NAME|FILE", help="The rows.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    required=True,
    metavar="SCORER[:LOSS]",
    help="What is to get better; further ones must not get worse.",
)
@click.option("--model", required=True, help="The model that answers.")
@click.option("--judge", metavar="MODEL", help="The model that judges.")
@click.option("--reflect-model", metavar="MODEL", help="The model that writes instructions.")
@click.option("--budget-usd", metavar="USD", help="The most it may cost.")
@click.option("--calls", type=click.IntRange(1), metavar="N", help="The most calls it may make.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="The longest it may take.",
)
@click.option("--algo", type=_ALGORITHMS, default="auto", show_default=True, help="How to search.")
@click.option("--split", metavar="SPLITS", help="train=.4,dev=.3,test=.3, or names of splits.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another searches elsewhere.")
@click.option(
    "--rounds", type=click.IntRange(1, 100), default=6, show_default=True, help="Of reflection."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 512), default=8, show_default=True, help="Rows at once."
)
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Of one answer.")
@click.option("--allow-uncalibrated", is_flag=True, help="Unmeasured judges decide too.")
@click.option("--resume", is_flag=True, help="Carry on with a job that was not finished.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the new version there instead of storing it.",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write .md or .html; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done and what it could show.")
def command(
    as_json: bool,
    prompt: str,
    dataset: str,
    reports: tuple[Path, ...],
    dry_run: bool,
    **flags: Any,
) -> None:
    """Search for a better version of PROMPT, and store it if it is proved better.

    Examples and instructions are tried on the train and dev splits of the rows; the best is
    compared with PROMPT once, on the test split.

    Exits 0 when a new version was promoted, 1 when it is proved worse, 3 when the evidence is not
    enough, 4 when it could not be done, 130 when interrupted.
    """
    require_known(reports)
    from trimtab.optimiser.options import Named, Place

    options = _options(flags)
    options.check()
    named = Named(prompt, dataset)
    with site_of(flags) as site:
        folder = None if site.folder is None else site.folder.parent / "optimise"
        place = Place(site.client, site.key, folder)
        if dry_run:
            click.echo(printable(asyncio.run(_forecast(named, options, place))))
            return
        found = asyncio.run(_optimised(named, options, place))
    _finish(found, as_json, reports)


def _options(flags: dict[str, Any]) -> Options:
    from trimtab.optimiser.caps import Caps
    from trimtab.optimiser.options import Options

    names = (
        *("metrics", "model", "judge", "reflect_model", "algo", "split", "seed", "rounds"),
        *("concurrency", "max_tokens", "resume", "output", "allow_uncalibrated"),
    )
    caps = Caps(calls=flags["calls"], usd=dollars_of(flags["budget_usd"]), minutes=flags["minutes"])
    return Options(caps=caps, **{name: flags[name] for name in names})


async def _forecast(named: Named, options: Options, place: Place) -> str:
    from trimtab.optimiser.forecast import forecast
    from trimtab.optimiser.prepare import prepare

    return await forecast(await asyncio.to_thread(prepare, named, options, place), options)


async def _optimised(named: Named, options: Options, place: Place) -> Found:
    from trimtab.optimiser.attempt import Progress
    from trimtab.optimiser.optimise import optimised

    attempt = Progress()
    with progress(lambda: _sight(attempt)):
        return await optimised(named, options, place, attempt)


def _finish(found: Found, as_json: bool, reports: Sequence[Path]) -> None:
    from trimtab.optimiser import report

    emit(
        {"exit_code": found.exit_code, **_plain(found)},
        as_json,
        text=lambda: report.text(found, table),
    )
    for path in reports:
        made = report.html if path.suffix.lower() in (".html", ".htm") else report.markdown
        _write(path, made(found))
    if as_json:
        for sentence in found.notes:
            note(sentence)
    click.get_current_context().exit(found.exit_code)


def _plain(found: Found) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the file cannot be written: {error.strerror}", where=str(path), fix="name another"
        ) from None


# -- progress --------------------------------------------------------------------------------------


def _sight(attempt: Progress) -> Sight | None:
    if attempt.budget is None:
        return None
    taken, caps = attempt.budget.taken, attempt.budget.caps
    parts = [attempt.words, _of("calls", taken.calls, caps.calls)]
    if taken.usd or caps.usd is not None:
        most = "" if caps.usd is None else f" of ${caps.usd}"
        parts.append(f"${taken.usd:.4f}{most}")
    if caps.minutes is not None:
        parts.append(f"{taken.seconds / 60:.1f} of {caps.minutes:g} minutes")
    return Sight(", ".join(part for part in parts if part), attempt.words or None)


def _of(what: str, count: int, most: int | None) -> str:
    return f"{count} {what}" if most is None else f"{count} of {most} {what}"
