"""`trimtab compare`: runs side by side, with a verdict in words, intervals, and changed cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note, table
from trimtab.cli.rules import parse_rule, rules_option
from trimtab.cli.verdicts import EXIT_CODES, verdict_text
from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest, RequestError
from trimtab.records import Example, Result, Run

if TYPE_CHECKING:
    from trimtab.experiments.reports.view import View
    from trimtab.experiments.slices import Sliced

__all__ = ["command", "parse_rule", "rules_option"]

_SHOWN = 10


@click.command()
@client_options
@click.argument("runs", nargs=-1, metavar="BASE NEW")
@rules_option
@click.option("--regressions", is_flag=True, help="Show the cases that got worse, and no others.")
@click.option("--examples", type=click.IntRange(0, 10_000), metavar="N", help="Show N cases.")
@click.option("--slices", metavar="BY", help="tag, split, cluster, language, length, metadata.KEY.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write .md or .html; repeatable.",
)
@click.option("--allow-uncalibrated", is_flag=True, help="Judges gate without a calibration card.")
@click.option("--store", is_flag=True, help="Keep the verdict as that of the run NEW.")
@click.option("--ladder", is_flag=True, help="Rank two or more RUNs, the strongest first.")
@click.option("--metric", help="What decides a case on the ladder.  [default: one all runs have]")
@click.option("--online", metavar="ROUTE", help="Compare live scores of two releases of a route.")
@click.option("--score", metavar="NAME", help="The live score, with --online.")
@click.option("--since", metavar="PERIOD", help="How far back, with --online, for example 7d.")
@click.option(
    "--bounds", nargs=2, type=float, help="Least and greatest live score.  [default: 0 1]"
)
@click.option("--lower-is-better", is_flag=True, help="Of the live score, less is better.")
def command(
    as_json: bool,
    runs: tuple[str, ...],
    ladder: bool,
    online: str | None,
    **flags: Any,
) -> None:
    """Compare the run NEW with the run BASE, and let the gate judge.

    A run is named by its id, by its name (the newest finished one), or as `last`; NAME and `last`
    that mean the same run are the newest two of that name. Nothing is changed, unless --store makes
    the verdict that of the run NEW, to promote on and as what `last` goes by. With --online, BASE
    and NEW are releases, and may be left out.

    Exits 0 when the gate passes, 1 when it fails, 3 when the evidence is not enough.
    """
    if online is not None:
        _compare_live(as_json, online, runs, flags)
    elif ladder:
        _rank(as_json, runs, flags)
    elif len(runs) != 2:
        raise click.UsageError("name two runs: trimtab compare BASE NEW")
    else:
        _compare(as_json, *runs, flags)


# -- two runs --------------------------------------------------------------------------------------


def _compare(as_json: bool, base: str, new: str, flags: dict[str, Any]) -> None:
    from trimtab.cli.eval_reports import address_of, require_known, write_reports

    require_known(flags["reports"])
    wanted = flags["examples"]
    if wanted is None:
        wanted = _SHOWN if flags["regressions"] else 0
    with connected(flags) as client:
        body = {
            "baseline": base,
            "rules": [parse_rule(rule) for rule in flags["rules"]],
            "allow_uncalibrated": flags["allow_uncalibrated"],
            "store": flags["store"],
        }
        found = client.post(api_path("runs", new, "comparison"), body)
        run = msgspec.convert(found, Run)
        against = run.verdict.baseline_run if run.verdict is not None else None
        baseline = msgspec.convert(client.get(api_path("runs", against or base)), Run)
        changed = _changes(client, run, baseline, wanted, flags)
        slices = _slices(client, run, baseline, flags["slices"])
        if flags["reports"]:
            view = _view(client, run, baseline, slices, address_of(client, flags))
            write_reports([view], reports=flags["reports"])
    if as_json:
        more = {"changes": changed} if wanted else {}
        emit({**found, **more, **({"slices": slices} if slices else {})}, as_json)
    else:
        click.echo(_text(run, baseline, slices, changed, wanted))
    for path in flags["reports"]:
        note(f"wrote {path}")
    if run.verdict is not None:
        click.get_current_context().exit(EXIT_CODES[run.verdict.outcome])


def _changes(
    client: Client, run: Run, baseline: Run, wanted: int, flags: dict[str, Any]
) -> dict[str, Any]:
    """A page of changed cases; how many there are is told in any case."""
    compared = run.verdict.comparisons if run.verdict is not None else ()
    gating = [each.metric for each in compared if each.outcome is not None]
    query = {
        "baseline": baseline.run_id,
        "gating": ",".join(gating) or None,
        "only": "regressions" if flags["regressions"] else None,
        "limit": max(1, wanted),
    }
    found: dict[str, Any] = client.get(api_path("runs", run.run_id, "changes"), query)
    return found


def _slices(client: Client, run: Run, baseline: Run, by: str | None) -> list[Sliced]:
    if by is None:
        return []
    from trimtab.experiments.slices import Sliced

    query = {"by": by, "baseline": baseline.run_id}
    found = client.get(api_path("runs", run.run_id, "slices"), query)["data"]
    return msgspec.convert(found, list[Sliced])


def _text(
    run: Run, baseline: Run, slices: list[Sliced], changed: dict[str, Any], wanted: int
) -> str:
    from trimtab.experiments.examples import Change
    from trimtab.experiments.reports.plain_text import change_text, slice_text
    from trimtab.experiments.words import sentence

    parts = [sentence(run, baseline), "", verdict_text(run)]
    parts += ["", *(slice_text(each) for each in slices)] if slices else []
    total, worse = changed["total"], changed["regressions"]
    cases = "1 case" if total == 1 else f"{total:,} cases"
    more = "" if wanted or not total else "; --examples N shows them, --regressions the losses"
    parts.append(f"\n{cases} changed, {worse:,} for the worse{more}")
    if wanted:
        shown: list[Change] = msgspec.convert(changed["data"], list[Change])
        parts += map(change_text, shown)
    return "\n".join(parts)


def _view(
    client: Client, run: Run, baseline: Run, slices: list[Sliced], address: str | None
) -> View:
    from trimtab.experiments.reports.view import View

    results, before = (
        msgspec.convert(list(client.results(each.run_id)), list[Result]) for each in (run, baseline)
    )
    return View(
        run=run,
        results=results,
        examples=_rows(client, run, results),
        baseline=baseline,
        baseline_results=before,
        comparisons=run.verdict.comparisons if run.verdict is not None else (),
        slices=slices,
        url=address,
    )


def _rows(client: Client, run: Run, results: list[Result]) -> list[Example]:
    """The rows of a run; where they are not on the server, what the results know of them."""
    ids = dict.fromkeys(result.example_id for result in results)
    try:
        found = msgspec.convert(list(client.examples(run.dataset)), list[Example])
    except RequestError:
        found = []
    stored = {row.example_id: row for row in found}
    return [stored.get(key) or Example(example_id=key, input=None) for key in ids]


# -- several runs, and live releases ---------------------------------------------------------------


def _rank(as_json: bool, runs: tuple[str, ...], flags: dict[str, Any]) -> None:
    if len(runs) < 2:
        raise click.UsageError("name two or more runs: trimtab compare --ladder RUN RUN ...")
    named = next((name for name in runs if "," in name), None)
    if named is not None:
        raise InvalidRequest(f"{named!r} has a comma", where="RUN", fix="name the run by its id")
    with connected(flags) as client:
        query = {"runs": ",".join(runs), "metric": flags["metric"]}
        found = client.get("/api/v1/ladder", query)
    emit(found, as_json, text=lambda: _ladder_text(found))


def _ladder_text(found: dict[str, Any]) -> str:
    from trimtab.experiments.ladder import Standing

    ladder: Standing = msgspec.convert(found, Standing)
    rows = [
        [
            place,
            rung.name,
            f"{rung.elo:.0f} [{rung.low:.0f}, {rung.high:.0f}]",
            rung.wins,
            rung.losses,
            rung.ties,
            rung.run_id,
        ]
        for place, rung in enumerate(ladder.rungs, start=1)
    ]
    heads = ["", "run", "Elo [95 %]", "won", "lost", "tied", "id"]
    said = f"by {ladder.metric}, over {ladder.pairs:,} pairs of answers to the same case"
    return "\n".join([table(rows, heads), said, *(f"note: {note}" for note in ladder.notes)])


def _compare_live(
    as_json: bool, route: str, releases: tuple[str, ...], flags: dict[str, Any]
) -> None:
    if flags["score"] is None:
        raise click.UsageError("--online takes the name of a score: --score NAME")
    if len(releases) not in (0, 2):
        raise click.UsageError("name two releases, or none for the two newest")
    bounds = flags["bounds"] or (None, None)
    with connected(flags) as client:
        found = client.get(
            api_path("routes", route, "comparison"),
            {
                "score": flags["score"],
                "since": flags["since"],
                **dict(zip(("base", "new"), releases, strict=False)),
                "low": bounds[0],
                "high": bounds[1],
                "better": "lower" if flags["lower_is_better"] else None,
            },
        )
    emit(found, as_json, text=lambda: str(found["sentence"]))
