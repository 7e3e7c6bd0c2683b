"""Behind: what answers to a name depend on, beside who gives them."""

from __future__ import annotations

from trimtab.records.record import Record


class Behind(Record, frozen=True, kw_only=True):
    """`guards` is the policy that acts on its calls, as `name@version`, None where none does;
    `corpora` are the contents of the corpora that its passages come from, by name."""

    name: str
    guards: str | None = None
    corpora: dict[str, str] = {}
