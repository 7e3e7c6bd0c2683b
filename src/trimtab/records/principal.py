"""Principal: who makes a request, for which project, and what they may do."""

from __future__ import annotations

from trimtab.records.record import Record

_OF_ALL_PROJECTS = "admin"


class Principal(Record, frozen=True, kw_only=True):
    """`permissions` are `noun:verb` (`traces:read`), `noun:*` or `*`.

    `*` is everything in a project. What concerns all projects (`admin`) is granted by name alone.
    `key` is the id of a virtual key, `user` and `team` whom it was issued to, and `models` the
    patterns of what it may ask for; None means no restriction of its own.
    """

    id: str
    project: str
    permissions: frozenset[str] = frozenset({"*", "admin:*"})
    key: str | None = None
    user: str | None = None
    team: str | None = None
    models: tuple[str, ...] | None = None

    def may(self, permission: str) -> bool:
        """Whether a permission is granted.

        >>> ci = Principal(id="ci", project="default", permissions=frozenset({"runs:*"}))
        >>> ci.may("runs:read"), ci.may("traces:read")
        (True, False)
        """
        noun = permission.partition(":")[0]
        granting = {f"{noun}:*", permission} | (set() if noun == _OF_ALL_PROJECTS else {"*"})
        return not self.permissions.isdisjoint(granting)
