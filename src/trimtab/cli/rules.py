"""`--gate-on`: which metrics gate, and what each may lose."""

from __future__ import annotations

import math
from typing import Any

import click

from trimtab.errors import InvalidRequest


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
