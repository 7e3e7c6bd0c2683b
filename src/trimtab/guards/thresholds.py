"""Thresholds: from which score on a rule fires, where the rule does not say."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import msgspec

from trimtab.errors import ConfigError

PLAIN = 0.5
"""Of signals without a scorecard: what they say half sure."""


@cache
def scorecard(name: str) -> dict[str, Any] | None:
    """What was measured of a signal that was learned; None for any other.

    Raises:
        ConfigError: it is not a scorecard.
    """
    file = resources.files("trimtab.signals").joinpath("scorecards", f"{name}.json")
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigError(f"the scorecard of {name!r} cannot be read: {error}") from None


def threshold(name: str) -> float:
    """The score at which 1 % of the harmless texts it was measured on would fire.

    A scorecard without one may have another threshold that it calls by name.
    """
    card = scorecard(name)
    found = (card or {}).get("threshold")
    if isinstance(found, dict):
        found = found.get("fpr_1", next(iter(found.values()), None))
    return float(found) if isinstance(found, int | float) else PLAIN
