"""Classes of signals: what a rule does when its signal fails, and whose words it is about."""

from __future__ import annotations

from trimtab.records.guard import OnError

_ENFORCING = frozenset({"bans", "exfiltration", "json", "leak", "pii", "secrets", "sinks"})
# What the application itself writes (its prompts, its tools) is no attack on it.
_OF_USERS = frozenset({"gibberish", "injection", "language", "sentiment", "topics", "toxicity"})


def on_error(name: str | None) -> OnError:
    """Rules that keep something in or out are closed; those that guess are open.

    >>> on_error("secrets"), on_error("injection")
    ('closed', 'open')
    """
    return "closed" if name in _ENFORCING else "open"


def is_of_users(name: str | None) -> bool:
    """Whether a signal is about what users and strangers say, and not about the application."""
    return name in _OF_USERS
