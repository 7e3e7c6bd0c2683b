"""AuditEntry: one change that somebody made to what is stored."""

from __future__ import annotations

from trimtab.records.record import Record


class AuditEntry(Record, frozen=True, kw_only=True):
    """One change.

    `seq` orders the entries; numbers may be missing. `action` is noun.verb (`prompt.add`,
    `release.promote`), `object` the reference of what changed, `digest` its content.
    """

    seq: int
    project: str
    time_ns: int
    principal: str | None
    action: str
    object: str
    digest: str
