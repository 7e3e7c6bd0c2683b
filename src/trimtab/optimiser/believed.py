"""Whether those who judge may decide: the house's rule that a judge must have been measured."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.client import Client, api_path
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.records import AppliedScorer, CalibrationCard, Run


def require_calibrated(scorers: Sequence[AppliedScorer], client: Client | None) -> None:
    """Raises InvalidRequest for a judge that no card lets gate, before it costs a call."""
    if all(scorer.tier != "judge" for scorer in scorers):
        return
    from trimtab.experiments.calibration import uncalibrated

    run = Run(
        run_id="",
        name="",
        dataset="",
        dataset_digest="",
        scorers=tuple(scorers),
        started_ns=0,
    )
    unproven = uncalibrated(run, _cards(scorers, client))
    if unproven:
        said = "; ".join(f"{name}: {why}" for name, why in unproven.items())
        raise InvalidRequest(
            f"what a judge says may not decide yet: {said}",
            where="metric",
            fix="measure it with `trimtab judge calibrate`, or say --allow-uncalibrated",
        )


def _cards(scorers: Sequence[AppliedScorer], client: Client | None) -> dict[str, CalibrationCard]:
    """The calibration cards of the judges, by digest."""
    if client is None:
        return {}
    try:
        found = msgspec.convert(client.get(api_path("cards"))["data"], list[CalibrationCard])
    except TrimtabError:
        return {}
    digests = {scorer.digest for scorer in scorers}
    return {card.digest: card for card in reversed(found) if card.digest in digests}
