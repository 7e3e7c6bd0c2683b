"""Principal: who makes a request, for which project, and what they may do."""

from __future__ import annotations

from difflib import get_close_matches

from trimtab.records.record import Record

LOCAL = "local"
"""The one principal of a server without credentials, whoever asks it."""

_OF_ALL_PROJECTS = "admin"

PERMISSIONS = (
    *("admin:read", "admin:write", "allowances:read", "allowances:write", "audit:read"),
    *("cards:read", "cards:write"),
    *(
        "datasets:read",
        "datasets:write",
        "gateway:call",
        "gateway:pass",
        "guards:call",
        "guards:read",
        "guards:write",
        "judges:read",
        "keys:read",
        "keys:write",
        "metrics:read",
        "models:read",
        "models:write",
    ),
    *("plans:read", "plans:run", "plans:write"),
    *("probes:read", "probes:write"),
    *("prompts:promote", "prompts:read", "prompts:write"),
    *("releases:approve", "releases:promote", "releases:read", "releases:write"),
    *("routes:read", "routes:write", "runs:read", "runs:write", "scores:read", "scores:write"),
    *("sql:call", "status:read", "traces:delete", "traces:read", "traces:write"),
    *("views:read", "views:write"),
)
"""Everything that something asks for."""


def permission_complaint(permission: str) -> str | None:
    """What is wrong with a permission that gives nothing, with the nearest that gives something.

    >>> permission_complaint("trace:read"), permission_complaint("traces:*")
    ('gives nothing: did you mean traces:read?', None)
    """
    nouns = {one.partition(":")[0] for one in PERMISSIONS}
    known = ("*", *PERMISSIONS, *sorted(f"{noun}:*" for noun in nouns))
    if permission in known:
        return None
    near = get_close_matches(permission[:100], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PERMISSIONS)}"
    return f"gives nothing: {hint}"


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
