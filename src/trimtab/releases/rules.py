"""Rules: what a release needs before it answers, and where."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

import msgspec

from trimtab.errors import InvalidRequest


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`approvals` are those of other people; `gate` asks for a run with a passing verdict."""

    approvals: int = 0
    gate: bool = True


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Those of what is live, and of the environments that have some of their own.

    >>> rules = Rules(live=Rule(approvals=2), environments={"staging": Rule(gate=False)})
    >>> rules.of("staging").approvals, rules.of("production").approvals
    (0, 2)
    """

    live: Rule = Rule()
    environments: Mapping[str, Rule] = {}

    def of(self, environment: str | None) -> Rule:
        """An environment that nobody spoke of is under the rules of what is live."""
        if environment is None:
            return self.live
        return self.environments.get(environment, self.live)

    def require_known(self, environment: str | None, seen: Callable[[], Collection[str]]) -> None:
        """Raises InvalidRequest for an environment that is none of those listed, where some are.

        Args:
            seen: the environments that releases answered in so far, which need not be listed.
        """
        if environment is None or not self.environments or environment in self.environments:
            return
        answered = seen()
        if environment in answered:
            return
        known = {name.casefold(): name for name in (*answered, *self.environments)}
        near = get_close_matches(environment[:100].casefold(), known, n=1)
        hint = f"did you mean {known[near[0]]!r}? " if near else ""
        raise InvalidRequest(
            f"no environment {environment[:100]!r} is listed, and no release ever answered in it",
            where="environment",
            fix=f"{hint}Known are {', '.join(sorted(known.values()))}; a new one is listed in"
            " releases.environments of the configuration",
        )
