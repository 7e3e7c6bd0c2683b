"""Principal: who makes a request, for which project, and what they may do."""

from __future__ import annotations

from trimtab.records.record import Record


class Principal(Record, frozen=True, kw_only=True):
    """`permissions` are `noun:verb` (`traces:read`), `noun:*` or `*`."""

    id: str
    project: str
    permissions: frozenset[str] = frozenset({"*"})

    def may(self, permission: str) -> bool:
        """Whether a permission is granted.

        >>> ci = Principal(id="ci", project="default", permissions=frozenset({"runs:*"}))
        >>> ci.may("runs:read"), ci.may("traces:read")
        (True, False)
        """
        noun = permission.partition(":")[0]
        return not self.permissions.isdisjoint({"*", f"{noun}:*", permission})
