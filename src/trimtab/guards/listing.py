"""Listing: the signals there are, and how far those that were learned can be trusted."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from trimtab.guards.thresholds import scorecard, threshold
from trimtab.signals.catalogue import NAMES, signal
from trimtab.signals.signal import Scale, Signal

WITH_SETTINGS: Mapping[str, str] = {
    "bans": "terms",
    "json": "schema",
    "tools": "tools",
    "topics": "topics",
}
"""Signals that say nothing, or little, until a setting of a user's is given."""

_COMPARED: Mapping[str, tuple[str, ...]] = {
    "groundedness": ("context",),
    "leak": ("system",),
    "relevance": ("question",),
}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of a signal, and its default as it is written in Python."""

    name: str
    default: str | None = None


class SignalInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One signal.

    Args:
        needs: what a text is compared with; without it there is no score.
        setting: the setting without which it says little or nothing.
        threshold: from which score on a rule fires that says none; None for a number with a unit.
        lookback_chars: how much of a stream it has to see at once; None for the whole answer.
        has_card: whether a scorecard is shipped with it.
    """

    name: str
    version: str
    scale: Scale
    summary: str
    threshold: float | None
    needs: tuple[str, ...] = ()
    setting: str | None = None
    settings: tuple[Setting, ...] = ()
    lookback_chars: int | None = None
    learned: bool = False
    has_card: bool = False


class SignalPage(msgspec.Struct, frozen=True, kw_only=True):
    """One signal in full; `card` is its scorecard."""

    info: SignalInfo
    description: str
    card: dict[str, Any] | None = None


def listing(names: Iterable[str] = NAMES) -> list[SignalInfo]:
    """The signals there are, by name, with their own settings."""
    return [_info(signal(name)) for name in names]


def page(name: str) -> SignalPage:
    """One signal, explained. Raises ConfigError when there is none of that name."""
    found = signal(name)
    description = inspect.cleandoc(type(found).__doc__ or "").partition("\n>>>")[0].strip()
    return SignalPage(info=_info(found), description=description, card=scorecard(found.name))


def _info(found: Signal) -> SignalInfo:
    name, kind = found.name, type(found)
    settings = [
        Setting(name=one.name, default=None if one.default is one.empty else repr(one.default))
        for one in inspect.signature(kind).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    ]
    return SignalInfo(
        name=name,
        version=found.version,
        scale=found.scale,
        summary=(kind.__doc__ or "").strip().partition("\n")[0],
        threshold=None if found.scale == "number" else threshold(name),
        needs=_COMPARED.get(name, ()),
        setting=WITH_SETTINGS.get(name),
        settings=tuple(settings),
        lookback_chars=found.lookback_chars,
        learned=found.is_learned,
        has_card=scorecard(name) is not None,
    )
