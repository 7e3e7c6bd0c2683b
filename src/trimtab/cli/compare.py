"""`trimtab compare`: two runs, with intervals and a verdict."""

from __future__ import annotations

import math
from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit
from trimtab.cli.verdicts import EXIT_CODES, verdict_text
from trimtab.client import api_path
from trimtab.errors import InvalidRequest
from trimtab.records import Run


def parse_rule(text: str) -> dict[str, Any]:
    """`METRIC`, `METRIC:MARGIN`, or `METRIC:MARGIN:improve`, as a rule of the gate.

    Raises:
        InvalidRequest: none of these.

    >>> parse_rule("groundedness:0.02")
    {'metric': 'groundedness', 'margin': 0.02, 'must_improve': False}
    """
    metric, _, rest = text.partition(":")
    margin, _, word = rest.partition(":")
    try:
        tolerated = float(margin or 0)
    except ValueError:
        tolerated = -1.0
    is_margin = math.isfinite(tolerated) and tolerated >= 0
    if not metric or not is_margin or word not in ("", "improve"):
        raise InvalidRequest(
            f"not a rule: {text!r}",
            where="--gate-on",
            fix="write METRIC, METRIC:MARGIN or METRIC:MARGIN:improve, as in groundedness:0.02",
        )
    return {"metric": metric, "margin": tolerated, "must_improve": bool(word)}


rules_option = click.option(
    "--gate-on",
    "rules",
    multiple=True,
    metavar="METRIC[:MARGIN[:improve]]",
    help="A metric that gates, and the loss it may have; repeatable.  "
    "[default: every pass-or-fail metric, 0.02]",
)


@click.command()
@client_options
@click.argument("base")
@click.argument("new")
@rules_option
def command(as_json: bool, base: str, new: str, rules: tuple[str, ...], **flags: Any) -> None:
    """Compare the run NEW with the run BASE, and let the gate judge.

    Exits 0 when the gate passes, 1 when it fails, 3 when the evidence is not enough.
    """
    body = {"baseline": base, "rules": [parse_rule(rule) for rule in rules]}
    with connected(flags) as client:
        found = client.post(api_path("runs", new, "comparison"), body)
    run = msgspec.convert(found, Run)
    emit(found, as_json, text=lambda: verdict_text(run))
    if run.verdict is not None:
        click.get_current_context().exit(EXIT_CODES[run.verdict.outcome])
