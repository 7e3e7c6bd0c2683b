"""Classes of signals: what a rule does when its signal fails, and whose words it is about."""

from __future__ import annotations

from trimtab.records.guard import OnError

_ENFORCING = frozenset({"bans", "exfiltration", "json", "leak", "pii", "secrets", "sinks", "tools"})
# What the application itself writes (its prompts, its tools) is no attack on it.
_OF_USERS = frozenset({"gibberish", "injection", "language", "sentiment", "topics", "toxicity"})

_OF_ANY_WORDS = frozenset(
    {"bans", "exfiltration", "leak", "pii", "secrets", "sinks", "toxicity", "unicode"}
)
_OF_FORM = frozenset({"json"})


def on_error(name: str | None) -> OnError:
    """Rules that keep something in or out are closed; those that guess are open.

    >>> on_error("secrets"), on_error("injection")
    ('closed', 'open')
    """
    return "closed" if name in _ENFORCING else "open"


def is_of_users(name: str | None) -> bool:
    """Whether a signal is about what users and strangers say, and not about the application."""
    return name in _OF_USERS


def is_of_calls(name: str | None) -> bool:
    """Whether a signal is about calls of tools, and not about texts."""
    return name == "tools"


def is_of_form(name: str | None) -> bool:
    """Whether a signal is about how a text is written, and not about what its JSON says."""
    return name in _OF_FORM


def is_of_any_words(name: str | None) -> bool:
    """Whether a signal is about whatever a caller gets to read, and not about answers only."""
    return name in _OF_ANY_WORDS
