"""The signals there are, by name, each imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from typing import Any

from trimtab.errors import ConfigError
from trimtab.signals.signal import Signal

_HOME: dict[str, str] = {
    "bans": "bans:Bans",
    "code": "code:Code",
    "compressibility": "shape:Compressibility",
    "exfiltration": "exfiltration:Exfiltration",
    "gibberish": "gibberish:Gibberish",
    "groundedness": "groundedness:Groundedness",
    "injection": "injection.signal:Injection",
    "json": "structured:JsonSchema",
    "language": "language:LanguageOf",
    "leak": "leak:Leak",
    "length": "shape:Length",
    "pii": "pii.signal:Pii",
    "readability": "readability:Readability",
    "refusal": "refusal:Refusal",
    "relevance": "relevance:Relevance",
    "secrets": "secrets.signal:Secrets",
    "sentiment": "sentiment:Sentiment",
    "sinks": "sinks:Sinks",
    "tools": "tools:Tools",
    "topics": "topics:Topics",
    "toxicity": "toxicity:Toxicity",
    "unicode": "unicode:Unicode",
}

NAMES = tuple(sorted(_HOME))


def signal(name: str, **settings: Any) -> Signal:
    """A signal by its name, with settings other than its own.

    Raises:
        ConfigError: there is no signal of that name, or it has no such setting, or a text is where
            it has a list of them.
    """
    if name not in _HOME:
        close = get_close_matches(name, NAMES, n=1)
        raise ConfigError(
            f"there is no signal {name!r}",
            fix=f"did you mean {close[0]!r}?" if close else "see `trimtab guard signals`",
            allowed=NAMES,
        )
    module, _, kind = _HOME[name].partition(":")
    made: type = getattr(import_module(f"trimtab.signals.{module}"), kind)
    _require_lists(name, made, settings)
    try:
        found = made(**settings)
    except TypeError as error:
        raise ConfigError(f"the signal {name!r} has no such setting: {error}") from None
    return found  # type: ignore[no-any-return]


def _require_lists(name: str, made: type, settings: Mapping[str, Any]) -> None:
    """Refuse a text for a list of texts: its letters would be taken for them."""
    taken = signature(made).parameters if settings else {}
    for key, value in settings.items():
        if isinstance(value, str) and key in taken and "[str]" in str(taken[key].annotation):
            raise ConfigError(
                f"{key!r} of the signal {name!r} is a list of texts, and this is one text",
                where=key,
                fix=f"write [{value[:40]!r}]",
            )


def signals(names: Iterable[str] = NAMES) -> Iterator[Signal]:
    """Signals by their names, with their own settings; all there are without names."""
    return (signal(name) for name in names)
